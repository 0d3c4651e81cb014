// Reads streams of archives. Invariants: nothing crashes, hangs or reads out of bounds; what is
// refused names a rule; what is shown is as a state has to be (trees and keys ascend, as many
// entries as each tree says, values as long as they say) and commits have consecutive numbers.
//
// Input: a stream; but where its first byte is not that of one, a script, which makes a stream
// whose blocks are whole. Each step of it: a type; a byte whose bits say what is wrong (1: the
// number, 2: the archive, 4: the checksum); the payload's size, two bytes; and the payload.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/codec.h"
#include "fuzz/check.h"
#include "mvcc/archive.h"
#include "mvcc/archive_reader.h"

namespace caisson {
namespace {

using mvcc::ArchiveBase;
using mvcc::ArchiveBaseEnd;
using mvcc::ArchiveBlockType;
using mvcc::ArchiveIncrement;
using mvcc::ArchiveIncrementEnd;
using mvcc::TreeEntry;
using mvcc::TreeId;

class Checker final : public mvcc::ArchiveVisitor, public mvcc::StateVisitor {
 public:
  Result<mvcc::StateVisitor*> begin_base(const ArchiveBase& base) override {
    FUZZ_CHECK(!reached_);
    reached_ = true;
    txn_ = to_u64(base.txn);
    return this;
  }
  Result<void> end_base(const ArchiveBaseEnd& end) override {
    end_tree();
    FUZZ_CHECK(end.trees == trees_ && end.entries == all_entries_);
    return {};
  }
  Result<void> begin_increment(const ArchiveIncrement& increment) override {
    FUZZ_CHECK(!reached_ || to_u64(increment.txn) == txn_);
    reached_ = true;
    txn_ = to_u64(increment.txn);
    return {};
  }
  Result<void> begin_commit(TxnId txn) override {
    FUZZ_CHECK(to_u64(txn) == txn_ + 1);
    txn_ = to_u64(txn);
    in_commit_ = true;
    return {};
  }
  Result<void> operations(Bytes /*payload*/) override {
    FUZZ_CHECK(in_commit_);
    return {};
  }
  Result<void> end_commit() override {
    FUZZ_CHECK(in_commit_);
    in_commit_ = false;
    return {};
  }
  Result<void> end_increment(const ArchiveIncrementEnd& end) override {
    FUZZ_CHECK(to_u64(end.txn) == txn_ && !in_commit_);
    return {};
  }

  Result<void> begin(TreeId next_tree) override {
    next_tree_ = next_tree;
    return {};
  }
  Result<void> begin_tree(const TreeEntry& tree) override {
    end_tree();
    FUZZ_CHECK(tree.id > tree_ && tree.id < next_tree_);
    tree_ = tree.id;
    missing_entries_ = tree.root.count;
    key_.reset();
    ++trees_;
    return {};
  }
  Result<void> entry(Bytes key, Bytes /*value*/) override {
    add_key(key);
    return {};
  }
  Result<void> begin_value(Bytes key, std::uint64_t size) override {
    add_key(key);
    FUZZ_CHECK(size > 0);
    missing_bytes_ = size;
    return {};
  }
  Result<void> piece(Bytes piece) override {
    FUZZ_CHECK(!piece.empty() && piece.size() <= missing_bytes_);
    missing_bytes_ -= piece.size();
    return {};
  }

 private:
  void end_tree() const { FUZZ_CHECK(missing_entries_ == 0 && missing_bytes_ == 0); }

  void add_key(Bytes bytes) {
    const std::string key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    FUZZ_CHECK(missing_bytes_ == 0 && missing_entries_ > 0);
    FUZZ_CHECK(!key_ || *key_ < key);
    key_ = key;
    --missing_entries_;
    ++all_entries_;
  }

  bool reached_ = false;
  bool in_commit_ = false;
  std::uint64_t txn_ = 0;
  TreeId next_tree_{};
  TreeId tree_{};
  std::uint64_t trees_ = 0;
  std::uint64_t all_entries_ = 0;
  std::uint64_t missing_entries_ = 0;
  std::uint64_t missing_bytes_ = 0;
  std::optional<std::string> key_;
};

// The stream that a script makes.
std::vector<std::byte> stream_of(Bytes script) {
  std::vector<std::byte> stream;
  Decoder in(script);
  std::uint64_t archive = 0;
  std::uint64_t number = 0;
  while (in.remaining() >= 4) {
    const auto type = static_cast<ArchiveBlockType>(in.u8());
    const unsigned wrong = in.u8();
    const Bytes payload = in.bytes(std::min<std::size_t>(in.u16(), in.remaining()));
    if (type == ArchiveBlockType::kBeginBase || type == ArchiveBlockType::kBeginIncrement) {
      ++archive;
      number = 0;
    }
    const std::size_t at = stream.size();
    stream.resize(at + mvcc::kArchiveHeaderSize);
    stream.insert(stream.end(), payload.begin(), payload.end());
    mvcc::encode_archive_header({.type = type,
                                 .archive = archive + ((wrong & 2U) >> 1U),
                                 .number = number + (wrong & 1U),
                                 .payload = {}},
                                MutableBytes(stream).subspan(at));
    if ((wrong & 4U) != 0) stream[at + 4] ^= std::byte{1};
    ++number;
  }
  return stream;
}

void check_stream(Bytes stream) {
  Checker checker;
  const auto read = mvcc::read_archives(
      [&stream](MutableBytes into) -> Result<std::size_t> {
        const std::size_t size = std::min(into.size(), stream.size());
        if (size > 0) std::memcpy(into.data(), stream.data(), size);
        stream = stream.subspan(size);
        return size;
      },
      checker);
  if (read) return;
  FUZZ_CHECK(read.error().rule().starts_with("ARCHIVE-"));
  FUZZ_CHECK(read.error().code() == Code::kCorruption ||
             read.error().code() == Code::kUnsupportedVersion);
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const caisson::Bytes input(reinterpret_cast<const std::byte*>(data), size);
  if (!input.empty() && input[0] == std::byte{'C'}) {
    caisson::check_stream(input);
  } else {
    caisson::check_stream(caisson::stream_of(input));
  }
  return 0;
}
