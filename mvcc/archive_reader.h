// Reading archives: spec/archive.md.

#ifndef CAISSON_MVCC_ARCHIVE_READER_H_
#define CAISSON_MVCC_ARCHIVE_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "mvcc/archive.h"
#include "mvcc/state_walk.h"

namespace caisson::mvcc {

// Is shown what the archives of a stream hold, in its order. An error ends it. Bytes are valid
// until the call returns.
class ArchiveVisitor {
 public:
  virtual ~ArchiveVisitor() = default;

  // A base: who is shown its state. Valid until end_base().
  virtual Result<StateVisitor*> begin_base(const ArchiveBase& base) = 0;
  virtual Result<void> end_base(const ArchiveBaseEnd& end) = 0;

  // An increment, and its commits, each with its operations.
  virtual Result<void> begin_increment(const ArchiveIncrement& increment) = 0;
  virtual Result<void> begin_commit(TxnId txn) = 0;
  virtual Result<void> operations(Bytes payload) = 0;
  virtual Result<void> end_commit() = 0;
  virtual Result<void> end_increment(const ArchiveIncrementEnd& end) = 0;
};

// Takes the blocks of a stream one by one, and shows what is in them. Checks ARCHIVE-1 to
// ARCHIVE-5, but for what is within operations; state hashes are its visitor's. Used by one thread.
class ArchiveDecoder {
 public:
  // The visitor outlives it.
  explicit ArchiveDecoder(ArchiveVisitor& visitor) : visitor_(visitor) {}

  // A block, with its header. kCorruption naming the rule; kUnsupportedVersion; the visitor's.
  // After an error it takes no more. REQUIRES: at least kArchiveHeaderSize bytes.
  Result<void> take(Bytes block);

  // Whether the stream may end here: kCorruption (ARCHIVE-2) within an archive, or before any.
  Result<void> finish() const;

  // Blocks so far, of all archives.
  std::uint64_t blocks() const { return blocks_; }

 private:
  enum class Within : std::uint8_t { kNothing, kBase, kIncrement, kCommit };

  Result<void> check_number(const ArchiveBlock& block);
  Result<void> show(const ArchiveBlock& block);
  Result<void> show_begin(const ArchiveBlock& block);
  Result<void> check_follows(const ArchiveIncrement& next) const;
  Result<void> show_of_base(const ArchiveBlock& block);
  Result<void> show_of_increment(const ArchiveBlock& block);
  Result<void> show_of_commit(const ArchiveBlock& block);
  Result<void> show_tree(Bytes payload);
  Result<void> show_entries(Bytes payload);
  Result<void> show_value(Bytes payload);
  Result<void> show_piece(Bytes payload);
  Result<void> show_end_base(Bytes payload);
  Result<void> begin_entry(Bytes key);
  Result<void> check_tree_whole() const;

  ArchiveVisitor& visitor_;
  std::uint64_t blocks_ = 0;
  Within within_ = Within::kNothing;
  std::uint64_t archive_ = 0;
  std::uint64_t next_number_ = 0;
  std::optional<ArchiveIncrement> reached_;  // What an increment that follows begins with.

  // A base.
  StateVisitor* state_ = nullptr;
  TreeId next_tree_{1};
  TreeId tree_{};
  std::uint64_t trees_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t entries_missing_ = 0;  // Of the tree,
  std::uint64_t bytes_missing_ = 0;    // and of a value.
  std::vector<std::byte> last_key_;
  bool has_key_ = false;  // The tree has had one.
};

// Fills as much as there is, and says how much that was: 0 at the end of the stream only.
using ByteSource = std::function<Result<std::size_t>(MutableBytes)>;

// Reads a stream to its end, or until `enough` says so between two blocks. Needs a MiB of memory.
// Errors: as ArchiveDecoder, naming the block; kCorruption (ARCHIVE-2) where the stream ends
// within an archive; the source's.
Result<void> read_archives(const ByteSource& source, ArchiveVisitor& visitor,
                           const std::function<bool()>& enough = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_ARCHIVE_READER_H_
