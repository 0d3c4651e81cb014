// Reads a log put together from a script: records that are whole, right or wrong in any field, at
// any place, and single bytes changed. Invariants: nothing crashes, hangs or reads out of bounds;
// whatever is wrong, the reader follows the chain as a walk over the same records does that looks
// at everything at once; commits have the numbers 1, 2, 3 ... and what they hold is what their
// parts held; the end of the log is where the reader ended, or an error that names a rule.
//
// Input: steps of a byte each, followed by what it asks for: see Script.

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/hash.h"
#include "fuzz/check.h"
#include "io/sim/machine.h"
#include "log/commit_reader.h"
#include "log/log_file.h"
#include "log/reader.h"
#include "log/recovery.h"

namespace caisson {
namespace {

using log::LogDirectory;
using log::Place;
using log::RecordHeader;
using log::RecordType;

constexpr std::uint64_t kFiles = 2;
constexpr Uuid kUuid{};

std::string path_of(std::uint64_t file) { return "/store/log/" + log::file_name(file); }

// Writes a log as a writer would, but for what the script asks to be different.
class Script {
 public:
  Script(Bytes script, io::sim::Machine& machine) : script_(script), machine_(machine) {}

  void run() {
    for (int steps = 0; steps < 200 && script_.remaining() > 0; ++steps) {
      const unsigned step = script_.u8();
      if (step % 8 == 0) {
        change_byte();
      } else {
        write_record(step);
      }
    }
  }

 private:
  void change_byte() {
    const std::uint64_t file = 1 + script_.u8() % kFiles;
    const std::uint64_t offset = script_.u16() % log::kFileSizeMin;
    machine_.image(path_of(file))->overwrite(offset, std::array{std::byte{script_.u8()}});
  }

  // A step's low three bits are the record's type, more than 4 for a commit. Then 8 begins a new
  // batch, 16 the next file, and with 32 something is wrong.
  void write_record(unsigned step) {
    RecordHeader header;
    header.type = step % 8 > 4 ? RecordType::kCommit : static_cast<RecordType>(step % 8);
    if ((step & 8U) != 0) next_.offset = log::batch_ceiling(next_.offset);
    if ((step & 16U) != 0) next_ = {next_.file + 1, log::kFileHeaderSize};
    Bytes payload;
    if (header.type == RecordType::kRollback) {
      payload =
          script_.bytes(std::min<std::size_t>(log::kRollbackPayloadSize, script_.remaining()));
      if (payload.size() < log::kRollbackPayloadSize) return;
    } else if (header.type != RecordType::kMark) {
      payload = script_.bytes(std::min<std::size_t>(script_.u8(), script_.remaining()));
    }
    const std::size_t size = log::record_size(payload.size());
    if (next_.file > kFiles || next_.offset + size > log::kFileSizeMin) return;
    const bool mark = header.type == RecordType::kMark;
    header.payload_size = static_cast<std::uint32_t>(payload.size());
    header.place = next_;
    header.begins_epoch = epoch_ == 0;
    header.epoch = std::max<std::uint64_t>(epoch_, 1);
    header.txn = TxnId{mark ? txn_ : txn_ + 1};
    header.part = mark ? 0 : part_;
    header.acknowledged = TxnId{txn_ / 2};
    header.previous = previous_;
    header.previous_checksum = checksum_;
    header.hash = mark ? committed_ : chain(part_ == 0 ? committed_ : hash_, payload);
    if ((step & 32U) != 0) spoil(header);
    write(header, payload);
  }

  void spoil(RecordHeader& header) {
    const unsigned what = script_.u8();
    const unsigned by = script_.u8();
    switch (what % 10) {
      case 0:
        header.txn = TxnId{by};
        break;
      case 1:
        header.part = header.type == RecordType::kMark ? 0 : by;
        break;
      case 2:
        header.epoch = 1 + by;
        break;
      case 3:
        header.begins_epoch = !header.begins_epoch;
        break;
      case 4:
        header.begins_epoch = true;
        header.epoch = 1 + by;
        break;
      case 5:
        header.previous_checksum ^= by;
        break;
      case 6:
        header.previous = {};
        break;
      case 7:
        header.hash.low ^= by;
        break;
      case 8:
        header.acknowledged = TxnId{by};
        break;
      default:
        header.closed = header.type == RecordType::kMark;
    }
  }

  void write(const RecordHeader& header, Bytes payload) {
    std::vector<std::byte> record(log::record_size(payload.size()));
    std::ranges::copy(payload, record.begin() + log::kRecordHeaderSize);
    checksum_ = log::encode_record(header, log::record_checksum_seed(kUuid), record);
    machine_.image(path_of(next_.file))->overwrite(next_.offset, record);
    previous_ = next_;
    next_.offset += record.size();
    epoch_ = header.epoch;
    hash_ = header.hash;
    part_ = header.part + 1;
    if (header.type == RecordType::kMark || header.type == RecordType::kCommit) part_ = 0;
    if (header.type == RecordType::kCommit) {
      txn_ = to_u64(header.txn);
      committed_ = header.hash;
    }
  }

  Decoder script_;
  io::sim::Machine& machine_;
  Place next_{1, log::kFileHeaderSize};
  Place previous_;
  std::uint32_t checksum_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t txn_ = 0;
  std::uint32_t part_ = 0;
  Hash128 hash_;
  Hash128 committed_;
};

bool refused(const Error& error) {
  return error.code() == Code::kCorruption && !error.rule().empty();
}

// The records that a reader finds: each once, since it only goes forward or back to where a new
// epoch begins. Returns the last commit.
std::uint64_t check_records(const LogDirectory& directory) {
  log::LogReader reader(directory, log::FileAccess::kRead, {}, {});
  std::uint64_t txn = 0;
  for (unsigned records = 0;; ++records) {
    FUZZ_CHECK(records < 2000);  // More than two files have room for.
    const auto record = reader.next();
    if (!record) FUZZ_CHECK(refused(record.error()));
    if (!record || !*record) break;
    const RecordHeader& header = (*record)->header;
    FUZZ_CHECK(header.place.offset + (*record)->size <= log::kFileSizeMin);
    if (header.type == RecordType::kCommit) ++txn;
    FUZZ_CHECK(to_u64(reader.txn()) == txn);
    FUZZ_CHECK(reader.chain().position.hash == header.hash);
  }
  return txn;
}

void check_commits(const LogDirectory& directory, std::uint64_t txn) {
  log::CommitReader reader(directory, log::FileAccess::kRead, {}, {});
  Hash128 hash{};
  for (std::uint64_t expected = 1; expected <= txn; ++expected) {
    const auto commit = reader.next(TxnId{txn});
    FUZZ_CHECK(commit && *commit && to_u64((*commit)->txn) == expected);
    std::uint64_t bytes = 0;
    while (true) {
      const auto payload = reader.payload();
      FUZZ_CHECK(payload);
      if (!*payload) break;
      bytes += (*payload)->size();
    }
    FUZZ_CHECK(bytes <= (*commit)->payload);
    FUZZ_CHECK((*commit)->position.hash != hash);
    hash = (*commit)->position.hash;
  }
  const auto more = reader.next(TxnId{~std::uint64_t{0}});
  FUZZ_CHECK(more ? !more->has_value() : refused(more.error()));
}

void check_end(LogDirectory& directory, std::uint64_t txn) {
  const auto end = log::find_log_end(directory, log::FileAccess::kRead, {}, {}, {});
  FUZZ_CHECK(end ? to_u64(end->txn) == txn : refused(end.error()));
  const auto closed = log::resume_if_closed(directory, log::FileAccess::kRead, {}, {});
  FUZZ_CHECK(closed || refused(closed.error()));
}

void run(Bytes input) {
  io::sim::Machine machine(1);
  FUZZ_CHECK(machine.vfs().create_directory("/store"));
  const auto store = std::move(*machine.vfs().open_directory("/store"));
  FUZZ_CHECK(store->make_directory(log::kLogDirectoryName));
  const auto directory = std::move(*LogDirectory::open(*store, kUuid));
  for (std::uint64_t file = 1; file <= kFiles; ++file) {
    FUZZ_CHECK(directory->make_file(file, log::kFileSizeMin));
  }
  Script(input, machine).run();
  const std::uint64_t txn = check_records(*directory);
  check_commits(*directory, txn);
  check_end(*directory, txn);
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  caisson::run({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
