// Reading: snapshots, their trees, and cursors over them.

#ifndef CAISSON_SNAPSHOT_H_
#define CAISSON_SNAPSHOT_H_

#include <caisson/bytes.h>
#include <caisson/error.h>
#include <caisson/range.h>
#include <caisson/types.h>
#include <caisson/value.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace caisson {

class Tree;

// A state of a store, as one commit left it, that stays as it is for as long as somebody looks at
// it: its Snapshot, a Tree of it, or a Cursor or Value that came from one of its trees. These may
// end in any order. While it is held, the store can't be closed, and pages that it needs are not
// used again: a snapshot that is kept for long makes the file grow by what is changed meanwhile.
//
//   auto snapshot = store.snapshot().value();
//   auto notes = snapshot.tree("notes").value();
//   auto milk = notes.get("milk").value();
//   if (milk) show(milk->to_string().value());
//
// Movable; one that was moved from can only be destroyed or assigned to. All const members may be
// called by any number of threads at once; they take no lock, and never wait for a writer. Errors
// of all reading: kCorruption, with page and rule; kIoError; kResourceExhausted (as
// Store::snapshot(), or, with private copies, memory_budget_bytes is used up by readers);
// kInvalidArgument in a process that was forked off since the store was opened.
class CAISSON_API Snapshot {
 public:
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;
  ~Snapshot();

  // The last commit in it.
  TxnId txn() const;

  // Goes over to the newest state. Trees, cursors and values that were taken before keep the state
  // that they have. After an error it is as before. Not thread-safe. Costs as Store::snapshot(),
  // and allocates nothing where the state is the same.
  [[nodiscard]] Result<void> renew();

  // A tree to read. kNotFound if there is none of that name. O(log trees), and one allocation.
  [[nodiscard]] Result<Tree> tree(ByteView name) const;

  // The names of all trees, in the order of their creation. O(trees).
  [[nodiscard]] Result<std::vector<std::string>> tree_names() const;

  // What it holds; known to the library alone.
  struct Body;
  explicit Snapshot(std::shared_ptr<const Body> body);

 private:
  std::shared_ptr<const Body> body_;
};

// Walks a tree in the order of its keys, in either direction, within a range.
//
//   auto more = cursor.first();
//   for (; more && *more; more = cursor.next()) show(cursor.key(), cursor.value());
//   if (!more) complain(more.error());
//
// The moves return whether there is an entry. If not, the cursor stands behind the last entry or
// before the first one, and goes back from there by the opposite move. A new cursor stands nowhere:
// next() goes to the first entry then, and prev() to the last one. An error leaves it nowhere.
//
// Movable; one that was moved from can only be destroyed or assigned to. Used by one thread at a
// time. It keeps the state that it reads, whatever becomes of its tree and snapshot. Where the file
// is mapped, next() and prev() are O(1) within a leaf, O(height) beyond, and allocate nothing once
// the cursor has seen keys as long as these.
class CAISSON_API Cursor {
 public:
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&& other) noexcept;
  ~Cursor();

  // To the first entry; to the last one; to the first one whose key is not less than `key`.
  // O(height).
  [[nodiscard]] Result<bool> first();
  [[nodiscard]] Result<bool> last();
  [[nodiscard]] Result<bool> seek(ByteView key);

  [[nodiscard]] Result<bool> next();
  [[nodiscard]] Result<bool> prev();

  // Whether it stands at an entry.
  bool valid() const;

  // The entry's key: good until the cursor moves or ends. Empty where it stands at none.
  Bytes key() const;

  // The entry's value. kInvalidArgument where it stands at none; kResourceExhausted as Tree::get()
  // (only for a value that is not in one piece). O(1), reads nothing and allocates nothing.
  [[nodiscard]] Result<Value> value() const;

  // What it holds; known to the library alone.
  struct Body;
  explicit Cursor(std::unique_ptr<Body> body);

 private:
  std::unique_ptr<Body> body_;
};

// About how much lies in a range.
struct Estimate {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // Of keys, and of values in one piece.
  bool exact = false;       // The range is so small that it was counted.
};

// A tree of a snapshot: keys and their values. Copying it is cheap, and each copy keeps the state.
// Any number of threads may read through one object at once. Errors of reading: as Snapshot.
class CAISSON_API Tree {
 public:
  // How many keys it has. O(1).
  std::uint64_t count() const;

  // A key's value; none if the tree hasn't got it (or could not: the key is longer than any).
  // kResourceExhausted where more than 4,096 values and cursors live. O(height); for a value in one
  // piece, of a file that is mapped, it allocates nothing and makes no system call once the pages
  // have been read before.
  [[nodiscard]] Result<std::optional<Value>> get(ByteView key) const;

  // A cursor over a range. kResourceExhausted as get().
  [[nodiscard]] Result<Cursor> cursor(const Range& range = {}) const;

  // About how many keys a range has, and how large they and their values are. O(height).
  [[nodiscard]] Result<Estimate> estimate(const Range& range) const;

  // What it holds; known to the library alone.
  struct Body;
  explicit Tree(std::shared_ptr<const Body> body);

 private:
  std::shared_ptr<const Body> body_;
};

}  // namespace caisson

#endif  // CAISSON_SNAPSHOT_H_
