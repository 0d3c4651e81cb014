// The write transaction: changes that come into force together, or not at all.

#ifndef CAISSON_MVCC_WRITE_TXN_H_
#define CAISSON_MVCC_WRITE_TXN_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "btree/cursor.h"
#include "mvcc/catalog.h"
#include "mvcc/engine.h"
#include "mvcc/read.h"
#include "mvcc/tree_set.h"

namespace caisson::mvcc {

class LongValue;
class TxnCursor;

// Movable; used by one thread at a time. The engine outlives it. What is destroyed without
// commit() is rolled back.
//
// Errors of all changes: kInvalidArgument (a limit: LIMIT-1; or the transaction has failed before);
// kNotFound where there is no such tree; kOutOfSpace; kResourceExhausted; kIoError; kCorruption;
// kPoisoned. A change that fails leaves everything as it was, unless failed() says so: then parts
// of it may have been done, and the transaction can only be rolled back, to a savepoint or whole.
class WriteTxn {
 public:
  WriteTxn(WriteTxn&& other) noexcept;
  WriteTxn& operator=(WriteTxn&& other) noexcept;
  ~WriteTxn();

  // The number that the commit will have.
  TxnId txn() const;

  // --- Trees ---------------------------------------------------------------------------------

  // Makes an empty tree. kAlreadyExists.
  Result<TreeId> create_tree(Bytes name, Bytes options = {});

  // Removes a tree with all that it holds. Reads all of it.
  Result<void> drop_tree(TreeId tree);

  // As the transaction sees it: with its own changes. What a tree's root is shows only behind the
  // commit.
  Result<std::optional<TreeEntry>> find_tree(Bytes name) const;
  Result<std::vector<TreeEntry>> trees() const;

  // --- Changes -------------------------------------------------------------------------------

  // Sets a key's value. True if the key is new.
  Result<bool> put(TreeId tree, Bytes key, Bytes value);

  // The same for a value of `size` bytes that comes in pieces. Nothing else may be done with the
  // transaction until it ends.
  Result<LongValue> put_long(TreeId tree, Bytes key, std::uint64_t size);

  // Removes a key. False if the tree hasn't got it.
  Result<bool> erase(TreeId tree, Bytes key);

  // Removes all keys of a range; returns how many.
  Result<std::uint64_t> erase_range(TreeId tree, const btree::Range& range);

  // --- Reading -------------------------------------------------------------------------------

  // A value in one piece is a copy. A long one can be read until the transaction's next change.
  Result<std::optional<Value>> get(TreeId tree, Bytes key);
  Result<std::uint64_t> count(TreeId tree);

  // May be moved behind changes; it then goes on from its key. Ends before the transaction.
  Result<TxnCursor> cursor(TreeId tree, const btree::Range& range = {});

  // --- Savepoints ----------------------------------------------------------------------------

  // Begins a savepoint within those that are open. Returns how many are open then.
  Result<std::size_t> savepoint();

  // Undoes what was done since the `number`-th began; it stays open, and later ones are gone.
  // kInvalidArgument unless it is open.
  Result<void> roll_back_to(std::size_t number);

  // Ends a savepoint, and later ones, and keeps what was done. kInvalidArgument unless it is open.
  Result<void> release(std::size_t number);

  // --- The end -------------------------------------------------------------------------------

  // Commits; a transaction that did nothing has no number of its own (COMMIT-4). Whatever it
  // returns, the transaction has ended, and after any error but kDurabilityUnknown nothing of it is
  // left: kOutOfSpace, kPoisoned, kInvalidArgument (it has failed before). kDurabilityUnknown: the
  // log failed, and the next opening tells (COMMIT-3).
  // With kSync, `wait` is how long it may wait for others that commit, to share the flush.
  Result<Committed> commit(Durability durability = Durability::kSync,
                           std::chrono::nanoseconds wait = {});

  // Has commit() make a commit of its own even where nothing was done: for who applies the commits
  // of a log one by one, and needs each to have its number (COMMIT-4).
  void keep_number();

  // Ends without a trace.
  void roll_back();

  // Whether a change was done in part.
  bool failed() const;

 private:
  friend class Engine;
  friend class LongValue;
  friend class TxnCursor;
  struct Body;

  explicit WriteTxn(std::unique_ptr<Body> body);

  Result<btree::TreeWriter*> writer(TreeId tree);
  Result<void> check_open() const;
  Result<bool> put_in_pieces(TreeId tree, Bytes key, Bytes value);
  Result<State> prepare_commit();

  std::unique_ptr<Body> body_;  // Null once ended.
};

// A value on its way, in pieces. Destroyed before finish(), it leaves nothing. Ends before its
// transaction.
class LongValue {
 public:
  LongValue(LongValue&& other) noexcept;
  LongValue& operator=(LongValue&&) = delete;
  ~LongValue();

  // kInvalidArgument beyond the size that was announced. Any error ends the value.
  Result<void> append(Bytes bytes);

  // Sets the key. True if it is new. kInvalidArgument before all bytes have come.
  Result<bool> finish();

 private:
  friend class WriteTxn;
  friend struct WriteTxn::Body;
  struct Parts;

  explicit LongValue(std::unique_ptr<Parts> parts);

  Result<void> check() const;
  void abandon();

  std::unique_ptr<Parts> parts_;  // Null once ended.
};

// Walks a tree as the open transaction sees it. As btree::Cursor; the key is a copy, and values are
// as WriteTxn::get() says.
class TxnCursor {
 public:
  TxnCursor(TxnCursor&&) = default;
  TxnCursor& operator=(TxnCursor&&) = default;

  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(Bytes key);
  Result<bool> next();
  Result<bool> prev();

  bool valid() const { return valid_; }
  Bytes key() const { return key_; }

  // REQUIRES: valid(), and that was the transaction's last call.
  Value value() const;

 private:
  friend class WriteTxn;
  TxnCursor(WriteTxn::Body& body, TreeId tree, std::uint64_t generation,
            const btree::Cursor& cursor)
      : body_(&body), tree_(tree), generation_(generation), cursor_(cursor) {}

  Result<bool> catch_up();
  Result<bool> moved(Result<bool> more);

  WriteTxn::Body* body_;
  TreeId tree_;
  std::uint64_t generation_;  // TreeSet::generation() when it was last looked at.
  btree::Cursor cursor_;
  bool valid_ = false;
  std::vector<std::byte> key_;
  std::vector<std::byte> short_value_;
  std::optional<btree::Value> value_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_WRITE_TXN_H_
