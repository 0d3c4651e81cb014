// What commits did, with trees by their names; and positions that say how far it has been read:
// spec/store.md, section 11.

#ifndef CAISSON_MVCC_CHANGE_READER_H_
#define CAISSON_MVCC_CHANGE_READER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/operations.h"
#include "mvcc/feed.h"
#include "mvcc/position.h"

namespace caisson::mvcc {

// One operation of a commit. Its bytes are good until the next one is asked for.
struct Change {
  log::OperationCode code = log::OperationCode::kPut;
  TreeId tree{};
  std::string_view tree_name;
  Bytes key;                     // Or where a range begins.
  std::optional<Bytes> end;      // Where it ends.
  std::uint64_t value_size = 0;  // Of a put.
};

// Reads the changes of a feed's commits. A long value is read piece by piece, so that memory is
// needed for the names of all trees, and some buffers. Used by one thread at a time.
//
// After an error it is of no use, but after one of acknowledge().
class ChangeReader {
 public:
  // Behind a commit, or behind the last that is durable. Errors: as Feed::open_before().
  static Result<ChangeReader> open_behind(const FeedSource& source, std::optional<TxnId> after);

  // From a position on, which acknowledge() moves. Errors: as Feed::open_position().
  static Result<ChangeReader> open_position(const FeedSource& source, std::string_view name);

  // Makes a position behind a commit, or behind the last that is durable, and returns it. As
  // open_behind() and make_position().
  static Result<TxnId> create_position(const FeedSource& source, std::string_view name,
                                       std::optional<TxnId> after);

  // Makes a position behind the commit that it stands in (POSITION-3), which acknowledge() moves.
  // kAlreadyExists; kBusy (somebody makes it now); others as acknowledge(). Once.
  Result<void> make_position(std::string_view name);

  // Passes over the commits up to one, which is durable.
  Result<void> skip_to(TxnId upto);

  // Goes on to the next commit: false where there is none yet. As Feed::next().
  Result<bool> next_commit(std::chrono::nanoseconds timeout = {}, const std::stop_token& stop = {});

  // The next change of the commit; none behind the last. What is left of a value is skipped.
  Result<std::optional<Change>> next_change();

  // The next bytes of the value of the last change; empty at its end. Good until the next call.
  Result<Bytes> next_piece();

  // Moves the position behind the commit that it stands in, or began behind: durable when this
  // returns. What has not been read of the commit is passed over. kInvalidArgument where it follows
  // no position. Errors: as PositionFiles::write(), and then the position is where it was, or here.
  Result<void> acknowledge();

  const Feed& feed() const { return feed_; }

 private:
  ChangeReader(Feed feed, std::string position_name);

  Result<bool> go_on(std::chrono::nanoseconds timeout, const std::stop_token& stop);
  Result<std::optional<log::Operation>> next_operation();
  Result<std::optional<Change>> read_change();
  Result<void> note(const log::Operation& operation, Change& change);
  Result<Bytes> read_piece();
  Result<void> finish_commit();
  Result<void> write_position();

  // Remembers the error that has made it useless.
  template <typename T>
  Result<T> kept(Result<T> result) {
    if (!result) failed_ = result.error();
    return result;
  }

  Feed feed_;
  TreeNames trees_;
  std::string position_name_;  // Empty: it follows none.
  TxnId acknowledged_{};
  log::OperationReader operations_;
  bool in_commit_ = false;
  Bytes piece_;                // Of the last change's value, not given yet,
  std::uint64_t missing_ = 0;  // and how much of it follows as pieces.
  std::string key_;            // Of the last change, where its record may go before its value.
  std::string dropped_;        // The name of a tree that is no more.
  std::optional<Error> failed_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_CHANGE_READER_H_
