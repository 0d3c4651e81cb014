// What a transaction's operations become in the log: T1 of spec/store.md, section 4.

#ifndef CAISSON_MVCC_RECORDER_H_
#define CAISSON_MVCC_RECORDER_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "log/operations.h"
#include "log/record.h"
#include "log/writer.h"
#include "mvcc/catalog.h"

namespace caisson::mvcc {

// Gathers operations in a buffer, and writes a part whenever that is full. One for a store: its
// buffer is used again by each transaction. Used by one thread at a time.
class Recorder {
 public:
  explicit Recorder(log::LogWriter& log);

  // Begins the operations of a commit.
  void begin(TxnId txn);

  // Whether there is nothing that counts, whatever was rolled back.
  bool empty() const { return operations_ == 0; }

  // Makes sure that record() finds room. Errors: as LogWriter::append(); nothing has changed then.
  Result<void> reserve(const log::Operation& operation);

  // Adds an operation of a tree's keys (put, delete, delete range), and returns it with keys and
  // values that lie here, so that it doesn't matter where they came from. REQUIRES: it fits(), and
  // reserve() of it was the last call.
  log::Operation record(const log::Operation& operation);

  // Adds any other. REQUIRES: as record().
  void record_other(const log::Operation& operation) { add(operation); }

  // A place among the operations.
  struct Position {
    log::RollbackTarget target;
    std::uint64_t operations = 0;  // Before it, and their bytes.
    std::uint64_t bytes = 0;
  };

  // Takes back what was recorded since, where no part has been written.
  void forget_since(const Position& position);

  // Operations and bytes so far.
  std::uint64_t operations() const { return operations_; }
  std::uint64_t bytes() const { return bytes_; }

  // Whether an operation fits a record. A put that doesn't goes by record_long().
  bool fits(const log::Operation& operation) const;

  // Begins a value that is recorded in pieces of any size; they add up to `size`. Errors: as
  // LogWriter::append(); what has been recorded has to be taken back by roll_back_to().
  Result<void> record_long(TreeId tree, Bytes key, std::uint64_t size);
  Result<void> record_piece(Bytes piece);

  // Where the operations have got to, and back there. Errors: as LogWriter::append().
  Position position() const {
    return {.target = {.part = part_, .offset = static_cast<std::uint32_t>(used_)},
            .operations = operations_,
            .bytes = bytes_};
  }
  Result<void> roll_back_to(const Position& position);

  // Queues what is left as the commit's record. Errors: as LogWriter::append().
  Result<log::LogWriter::Appended> commit();

 private:
  MutableBytes add(const log::Operation& operation);
  Result<void> write_part();
  std::size_t room() const { return buffer_.size() - used_; }

  log::LogWriter& log_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
  std::uint32_t part_ = 0;  // The number of the next record.
  TxnId txn_{};
  std::uint64_t operations_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_RECORDER_H_
