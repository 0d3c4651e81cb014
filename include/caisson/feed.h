// Following what is committed: the change feed, and named positions, which remember how far it has
// been followed.

#ifndef CAISSON_FEED_H_
#define CAISSON_FEED_H_

#include <caisson/bytes.h>
#include <caisson/error.h>
#include <caisson/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace caisson {

// One change that a commit made. They come in the order in which they were made, as they were
// asked for: an erased key need not have been there, and one key may be put several times. What was
// rolled back doesn't come. The bytes live until the next call of next_change(), next_commit() or
// acknowledge().
struct Change {
  enum class Kind : std::uint8_t {
    kCreateTree,
    kDropTree,    // With all that the tree holds.
    kPut,         // Sets `key`; the value comes by ChangeFeed::value() or next_piece().
    kErase,       // Removes `key`, if it is there.
    kEraseRange,  // Removes all keys from `key` on up to, but without, `end`.
  };

  Kind kind = Kind::kPut;

  // The tree's name, and its number: 1, 2, 3 ... in the order of creation, never used again. A tree
  // that was dropped and made again has the name that it had, and another number.
  std::string_view tree;
  std::uint64_t tree_number = 0;

  Bytes key;
  std::optional<Bytes> end;      // Absent: to the last key.
  std::uint64_t value_size = 0;  // Of kPut, in bytes.
};

// The commits of a store behind one of them, in their order, none left out, each once it is durable
// and no sooner, with their changes.
//
//   auto feed = store.follow(txn).value();
//   while (feed.next_commit(std::chrono::hours(1), stop).value()) {
//     while (auto change = feed.next_change().value()) apply(*change, feed);
//     done_with(feed.txn());
//   }
//
// It reads the log alone, never a state. So it costs the writer nothing but the log that it still
// needs, which is kept from the commit on that it stands in: one that is open and never asked for
// anything keeps all that is written meanwhile. It takes one of the 126 places that readers have,
// and memory for the names of all trees and a few buffers, however large a commit or a value is.
//
// Movable; one that was moved from can only be destroyed or assigned to. Used by one thread at a
// time. It doesn't need the Store that it came from, which may be closed or poisoned meanwhile;
// whoever writes the store, in whatever process, is followed. In a process that was forked off
// since, each call is kInvalidArgument.
//
// Errors of all reading: kIoError; kCorruption; kUnsupportedVersion (a later Caisson has written to
// the store); kResourceExhausted. After one of them it is of no use: open another one.
class CAISSON_API ChangeFeed {
 public:
  ChangeFeed(ChangeFeed&& other) noexcept;
  ChangeFeed& operator=(ChangeFeed&& other) noexcept;
  ~ChangeFeed();

  // Goes on to the next commit. Where there is none yet, waits for one for up to `timeout`, or
  // until it is asked to stop: then it is false, and the feed stands where it stood. What has not
  // been read of the commit before is passed over.
  // It looks at once, and then after 1 to 20 ms, the more seldom the longer nothing has come: so
  // late may a commit be seen, and so long may stopping take. A look is one small read.
  [[nodiscard]] Result<bool> next_commit(std::chrono::nanoseconds timeout = {},
                                         const std::stop_token& stop = {});

  // The commit that it stands in; before the first one, that which it began behind.
  TxnId txn() const;

  // The commit's next change; none behind the last.
  [[nodiscard]] Result<std::optional<Change>> next_change();

  // The value of the last change, which is a kPut: all of it, for as long as the change's bytes. A
  // value of some 100 KiB and more is put together in memory that the feed keeps until then: for
  // such, and those that may be larger than memory, use next_piece(). kInvalidArgument behind
  // next_piece(), and for another kind of change.
  [[nodiscard]] Result<Bytes> value();

  // The next bytes of that value, as many as lie side by side; empty at its end, and for another
  // kind of change. Good until the next call of this object.
  [[nodiscard]] Result<Bytes> next_piece();

  // Moves the feed's position behind the commit that it stands in: durable when this returns, so
  // that the next one who follows the position begins there. What has not been read of the commit
  // is passed over. Writes, flushes and renames a small file. Do so when what the commits have led
  // to is durable; how often decides what comes twice after a crash, and how much log is kept.
  // kInvalidArgument where it came from Store::follow(); kOutOfSpace, kReadOnly, kPermissionDenied,
  // kIoError: the position is where it was, or here, and it can be tried again. Others as reading.
  [[nodiscard]] Result<void> acknowledge();

  // What it holds; known to the library alone.
  struct Body;
  explicit ChangeFeed(std::unique_ptr<Body> body);

 private:
  std::unique_ptr<Body> body_;
};

// A named position: see Store::create_position().
struct FeedPosition {
  std::string name;             // Empty where it can't be read.
  TxnId txn{};                  // The commit behind which it stands.
  std::uint64_t log_bytes = 0;  // Of the log's files, from that place on, in bytes.
  std::optional<Error> error;  // Why it can't be read, and which file it is. Then all of the log is
                               // kept, until somebody brings that file back or removes it.
};

}  // namespace caisson

#endif  // CAISSON_FEED_H_
