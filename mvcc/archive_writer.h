// Writing an archive: spec/archive.md.

#ifndef CAISSON_MVCC_ARCHIVE_WRITER_H_
#define CAISSON_MVCC_ARCHIVE_WRITER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "mvcc/archive.h"
#include "mvcc/archive_reader.h"
#include "mvcc/state_walk.h"

namespace caisson::mvcc {

// Takes bytes of a stream, in order.
using ByteSink = std::function<Result<void>(Bytes)>;

// Writes one archive: a base, shown to it as a state between begin_base() and end_base(); or an
// increment. Each block is read back, as whoever restores it will, before it goes on to the sink.
// Needs some MiB of memory. Used by one thread. Errors: the sink's; kCorruption where what was
// written can't be read, or is no archive (a caller's mistake, or bad memory).
class ArchiveWriter final : public StateVisitor {
 public:
  // What the archive's blocks are shown to when they have been read back; the number of the archive
  // is drawn by the caller, and not 0.
  ArchiveWriter(std::uint64_t archive, ByteSink sink, ArchiveVisitor& reader);

  Result<void> begin_base(const ArchiveBase& base);
  Result<void> begin(TreeId next_tree) override;
  Result<void> begin_tree(const TreeEntry& tree) override;
  Result<void> entry(Bytes key, Bytes value) override;
  Result<void> begin_value(Bytes key, std::uint64_t size) override;
  Result<void> piece(Bytes piece) override;
  Result<void> end_base(const ArchiveBaseEnd& end);

  Result<void> begin_increment(const ArchiveIncrement& increment);
  Result<void> begin_commit(TxnId txn);
  Result<void> operations(Bytes payload);
  Result<void> end_commit(const Hash128& log_hash);
  Result<void> end_increment(const ArchiveIncrementEnd& end);

  // Of all blocks so far.
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  Result<void> write(ArchiveBlockType type, Bytes payload);
  Result<void> flush_entries();
  Result<void> flush_block(ArchiveBlockType type);

  std::uint64_t archive_;
  ByteSink sink_;
  ArchiveDecoder check_;
  std::vector<std::byte> block_;  // A header's room, and a payload.
  std::uint64_t blocks_ = 0;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_ARCHIVE_WRITER_H_
