// Changing a store: the write transaction, the trees that it changes, and its commit.

#ifndef CAISSON_WRITE_TXN_H_
#define CAISSON_WRITE_TXN_H_

#include <caisson/bytes.h>
#include <caisson/error.h>
#include <caisson/options.h>
#include <caisson/range.h>
#include <caisson/types.h>
#include <caisson/value.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace caisson {

class WriteTree;

// A commit that was acknowledged. A value; means something to its store only, until that is closed.
struct Committed {
  // Its number; of a transaction that changed nothing, that of the commit before it.
  TxnId txn{};

  // For Store::wait_durable().
  std::uint64_t ticket = 0;
};

// The one write transaction of a store: changes that come into force together, or not at all.
//
//   auto txn = store.begin_write().value();
//   auto notes = txn.open_or_create_tree("notes").value();
//   notes.put("milk", "2 litres").value();
//   txn.commit().value();
//
// Destroyed without commit(), it is rolled back. Memory doesn't bound its size; disk space does.
//
// Movable; one that was moved from can only be destroyed or assigned to. Used by one thread at a
// time, together with all that came from it (trees, cursors, values); these may outlive it. Once it
// has ended, each call of it and of them is kInvalidArgument, and no harm is done.
//
// Errors of all changes: kInvalidArgument (a key or value beyond the store's limits; the
// transaction has ended, or failed() before, or a value is still being written in pieces);
// kNotFound (the tree was dropped); kOutOfSpace; kResourceExhausted (readers or options leave too
// little memory); kIoError; kCorruption; kPoisoned (an earlier write failed). A change that fails
// leaves everything as it was, unless failed() says so.
class CAISSON_API WriteTxn {
 public:
  WriteTxn(WriteTxn&& other) noexcept;
  WriteTxn& operator=(WriteTxn&& other) noexcept;  // What it had is rolled back.
  ~WriteTxn();

  // The number that its commit will have; 0 once it has ended.
  TxnId txn() const;

  // --- Trees -----------------------------------------------------------------------------------

  // Makes an empty tree. A name has 1 to 255 bytes. kAlreadyExists.
  [[nodiscard]] Result<WriteTree> create_tree(ByteView name);

  // A tree, as the transaction sees it. kNotFound if there is none of that name.
  [[nodiscard]] Result<WriteTree> open_tree(ByteView name);
  [[nodiscard]] Result<WriteTree> open_or_create_tree(ByteView name);

  // Removes a tree with all that it holds. kNotFound. Reads all of its nodes.
  [[nodiscard]] Result<void> drop_tree(ByteView name);

  // The names of all trees, in the order of their creation. O(trees).
  [[nodiscard]] Result<std::vector<std::string>> tree_names() const;

  // --- Savepoints ------------------------------------------------------------------------------

  // Begins a savepoint within those that are open. Returns its number: 1 for the outermost.
  [[nodiscard]] Result<std::size_t> savepoint();

  // Undoes what was done since a savepoint began. It stays open, and later ones are gone. Trees and
  // cursors go on as behind any change, but for trees that were made since: kNotFound.
  // kInvalidArgument unless it is open. O(changes).
  [[nodiscard]] Result<void> roll_back_to(std::size_t savepoint);

  // Ends a savepoint, and later ones, and keeps what was done. kInvalidArgument unless it is open.
  [[nodiscard]] Result<void> release(std::size_t savepoint);

  // --- The end ---------------------------------------------------------------------------------

  // Commits. Snapshots from now on see it; when it is durable is said by the durability. One that
  // changed nothing writes nothing. Whatever this returns, the transaction has ended, and after any
  // error but kDurabilityUnknown nothing of it is left: kOutOfSpace, kPoisoned, kInvalidArgument
  // (it failed() before, or a value was not finished). After kDurabilityUnknown nothing more can be
  // written, and the next opening finds out whether the commit is there.
  // Costs a write and a flush of the log, shared with others that commit; with kAsync neither.
  [[nodiscard]] Result<Committed> commit(const CommitOptions& options = {});

  // Ends without a trace. Nothing if it has ended.
  void roll_back();

  // Whether a change was done in part (a range erased or a tree dropped, and then an error). It can
  // only be rolled back then: to a savepoint, or whole.
  bool failed() const;

  // What it holds; known to the library alone.
  struct Body;
  explicit WriteTxn(std::shared_ptr<Body> body);

 private:
  std::shared_ptr<Body> body_;
};

// A value on its way into a tree, in pieces: needs no more memory than a page of it. Destroyed
// before finish(), it leaves nothing. Until it ends, nothing else can be done with its transaction
// but roll_back(). Moving, threads and errors as WriteTxn.
class CAISSON_API ValueWriter {
 public:
  ValueWriter(ValueWriter&& other) noexcept;
  ValueWriter& operator=(ValueWriter&& other) noexcept;  // What it had leaves nothing.
  ~ValueWriter();

  // Adds bytes. kInvalidArgument beyond the size that was announced. Any error ends the value.
  [[nodiscard]] Result<void> append(ByteView bytes);

  // Sets the key, and ends the value. True if the key is new. kInvalidArgument, and nothing has
  // changed, before all bytes have come; any other error ends the value, and it leaves nothing.
  [[nodiscard]] Result<bool> finish();

  // What it holds; known to the library alone.
  struct Body;
  explicit ValueWriter(std::unique_ptr<Body> body);

 private:
  std::unique_ptr<Body> body_;
};

// Walks a tree as the transaction sees it: as Cursor, but it may be moved after changes too, and
// goes on from its key then. Moving, threads and errors as WriteTxn.
class CAISSON_API WriteCursor {
 public:
  WriteCursor(WriteCursor&& other) noexcept;
  WriteCursor& operator=(WriteCursor&& other) noexcept;
  ~WriteCursor();

  [[nodiscard]] Result<bool> first();
  [[nodiscard]] Result<bool> last();
  [[nodiscard]] Result<bool> seek(ByteView key);
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] Result<bool> prev();

  // Whether it stands at an entry.
  bool valid() const;

  // The key of the entry, which may have been erased since. Good until the cursor moves or ends.
  Bytes key() const;

  // The entry's value, as it is now. kInvalidArgument where the cursor stands at none; kNotFound
  // where it was erased since. O(1), or O(height) once anything was done since the last move.
  [[nodiscard]] Result<Value> value() const;

  // What it holds; known to the library alone.
  struct Body;
  explicit WriteCursor(std::unique_ptr<Body> body);

 private:
  std::unique_ptr<Body> body_;
};

// A tree that a transaction changes, and reads with its changes. Copying it is cheap: all copies
// are the same tree. Lifetime, threads and errors as WriteTxn. Keys and values that are given to it
// are copied, and may lie anywhere.
class CAISSON_API WriteTree {
 public:
  // Sets a key's value. True if the key is new. O(height), and the size of the value.
  [[nodiscard]] Result<bool> put(ByteView key, ByteView value);

  // The same for a value of `size` bytes that comes in pieces.
  [[nodiscard]] Result<ValueWriter> put_stream(ByteView key, std::uint64_t size);

  // Removes a key. False if the tree hasn't got it. O(height).
  [[nodiscard]] Result<bool> erase(ByteView key);

  // Removes all keys of a range; returns how many. Reads leaves that lie within, and changes only
  // those at its ends.
  [[nodiscard]] Result<std::uint64_t> erase_range(const Range& range);

  // A key's value; none if the tree hasn't got it. O(height), and a copy of a value in one piece.
  [[nodiscard]] Result<std::optional<Value>> get(ByteView key) const;

  // A cursor over a range.
  [[nodiscard]] Result<WriteCursor> cursor(const Range& range = {}) const;

  // How many keys it has. O(1).
  [[nodiscard]] Result<std::uint64_t> count() const;

  // Which tree it is; known to the library alone.
  struct Handle;
  WriteTree(std::shared_ptr<WriteTxn::Body> txn, const Handle& handle);

 private:
  friend class WriteTxn;

  Handle handle() const;

  std::shared_ptr<WriteTxn::Body> txn_;
  std::uint64_t tree_;
  std::uint64_t creation_;
};

}  // namespace caisson

#endif  // CAISSON_WRITE_TXN_H_
