// Making a state anew out of a log: in memory, and as a store.
//
// Method. The log has 1,000,000 records, each a commit of its own: one put of a random key of 16
// bytes, with a value of 100, into one tree. So a record is 280 bytes in the file, and a rebuild
// has a million commits to do, and a million rows at its end. What is timed is all of it, from
// opening the log to the last flush. The log is in the page cache.
//
// Limits do, without Caisson, what the machine has to do for it: the same rows put into an ordered
// map; the log's bytes read, summed and written once more, with a flush for every 4 MiB.

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/keep.h"
#include "bench/support/raw_file.h"
#include "io/memory.h"
#include "io/posix.h"
#include "log/operations.h"
#include "log/testing/harness.h"
#include "mvcc/rebuild.h"

namespace caisson::bench {
namespace {

using log::testing::LogStore;
using log::testing::value_of;

constexpr std::uint64_t kRecords = 1'000'000;
constexpr std::size_t kKeySize = 16;
constexpr std::size_t kValueSize = 100;
constexpr std::uint64_t kMemoryBudget = std::uint64_t{1} << 30U;
constexpr std::size_t kFlushSize = std::size_t{4} << 20U;

// The rows in the order of the log, each drawn anew.
class Rows {
 public:
  explicit Rows(const Run& run) : random_(run.seed()) {}

  Bytes next_key() {
    random_.fill(key_);
    return key_;
  }
  Bytes value() const { return value_; }

 private:
  Random random_;
  std::vector<std::byte> key_ = std::vector<std::byte>(kKeySize);
  std::vector<std::byte> value_ = std::vector<std::byte>(kValueSize, std::byte{'v'});
};

void add_operation(const log::Operation& operation, std::string& payload) {
  std::string bytes(log::encoded_size(operation), '\0');
  Encoder out(std::as_writable_bytes(std::span(bytes)));
  log::encode(operation, out);
  payload += bytes;
}

void write_log(const Run& run, const std::string& path) {
  LogStore store(io::posix_vfs(), path, {});
  value_of(store.open());
  std::string payload;
  add_operation(
      {.code = log::OperationCode::kCreateTree, .tree = 1, .key = log::testing::bytes_of("rows")},
      payload);
  Rows rows(run);
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    add_operation({.code = log::OperationCode::kPut,
                   .tree = 1,
                   .key = rows.next_key(),
                   .value = rows.value()},
                  payload);
    value_of(store.append(payload));
    payload.clear();
  }
  value_of(store.writer().flush(store.writer().appended()));
}

// The log that all benchmarks here read.
struct Log {
  explicit Log(const Run& run)
      : path(
            run.shared("log_to_replay", [&run](const std::string& made) { write_log(run, made); })),
        store(value_of(io::posix_vfs().open_directory(path))),
        directory(value_of(log::LogDirectory::open(*store, log::testing::test_uuid()))) {}

  std::string path;
  std::unique_ptr<io::Directory> store;
  std::unique_ptr<log::LogDirectory> directory;
};

// Times all of it.
template <typename Rebuild>
void time_rebuild(Run& run, Rebuild rebuild) {
  run.set_operations_per_sample(kRecords);
  run.start();
  const std::uint64_t begin = now_ns();
  rebuild();
  run.record(now_ns() - begin);
  run.stop();
  run.add_operations(kRecords);
}

// --- The figures ---------------------------------------------------------------------------------

void into_memory(Run& run) {
  const Log log(run);
  time_rebuild(run, [&] {
    const auto rebuilt =
        value_of(mvcc::rebuild_in_memory(*log.directory, {.upto = TxnId{kRecords}}));
    if (rebuilt.done.operations != kRecords + 1) throw std::runtime_error("operations are missing");
  });
}

void into_store(Run& run) {
  run.need_disk();
  const Log log(run);
  mvcc::FreshStore fresh{.path = run.new_path("rebuilt")};
  fresh.engine.memory_budget_bytes = kMemoryBudget;
  time_rebuild(run, [&] {
    const auto done = value_of(
        mvcc::rebuild_store(*log.directory, io::posix_vfs(), fresh, {.upto = TxnId{kRecords}}));
    if (done.txn != TxnId{kRecords}) throw std::runtime_error("commits are missing");
  });
}

// --- Limits --------------------------------------------------------------------------------------

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void into_map(Run& run) {
  time_rebuild(run, [&] {
    Rows rows(run);
    std::map<std::string, std::string> map;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      map.insert_or_assign(text_of(rows.next_key()), text_of(rows.value()));
    }
    keep(map);
  });
}

void copy_log(Run& run) {
  run.need_disk();
  const Log log(run);
  io::AlignedBuffer buffer(kFlushSize);
  const RawFile to(run.new_path("copied_log"), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT);
  const std::vector<std::uint64_t> files = value_of(log.directory->files());
  time_rebuild(run, [&] {
    std::uint64_t written = 0;
    for (const std::uint64_t number : files) {
      const std::string name = log.path + "/log/" + log::file_name(number);
      const RawFile from(name, O_RDONLY);
      const std::uint64_t size = std::filesystem::file_size(name);
      for (std::uint64_t at = 0; at < size; at += kFlushSize) {
        const MutableBytes chunk =
            buffer.bytes().first(std::min<std::uint64_t>(kFlushSize, size - at));
        from.read(at, chunk);
        keep(crc32c(chunk));
        to.write(written, chunk);
        to.flush();
        written += chunk.size();
      }
    }
  });
}

// --- Names ---------------------------------------------------------------------------------------

About about(const char* name, const char* what, Bound bound, Gate gate) {
  return {.name = name,
          .suite = Suite::kMacro,
          .about = what,
          .operation = "record",
          .bound = bound,
          .headline = Headline::kWall,
          .gate = gate};
}

About held_against(About about, const char* limit) {
  about.against = {limit};
  return about;
}

[[maybe_unused]] const bool kRegistered = [] {
  constexpr const char* kMap = "limit/insert_1m_into_map";
  constexpr const char* kCopy = "limit/copy_log_of_1m_flushed_by_4m";
  add(held_against(
          about("log/replay_into_memory", "a state made in memory out of 1,000,000 records",
                Bound::kProcessor, Gate::kAdvisory),
          kMap),
      into_memory);
  add(held_against(about("log/replay_into_store", "a store made out of 1,000,000 records",
                         Bound::kProcessor, Gate::kAdvisory),
                   kCopy),
      into_store);
  add(about(kMap, "the same rows put into a std::map", Bound::kProcessor, Gate::kNone), into_map);
  return add(about(kCopy, "the log read, summed and written again, with a flush for every 4 MiB",
                   Bound::kDisk, Gate::kNone),
             copy_log);
}();

}  // namespace
}  // namespace caisson::bench
