// What a write transaction and all that came from it share.

#ifndef CAISSON_DB_TXN_BODY_H_
#define CAISSON_DB_TXN_BODY_H_

#include <caisson/write_txn.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "db/bodies.h"
#include "db/store_state.h"
#include "mvcc/write_txn.h"

namespace caisson {

// A tree of a transaction. Numbers of trees are used again where their creation was rolled back.
struct CAISSON_HIDDEN WriteTree::Handle {
  mvcc::TreeId id{};
  std::uint64_t creation = 0;  // By which of the transaction's creations; 0: it was there before.
};

// Once the transaction has ended, the store may be gone, and nothing of this uses it any more.
struct CAISSON_HIDDEN WriteTxn::Body {
  Body(db::StoreState& owner, mvcc::WriteTxn&& begun) : store(owner), txn(std::move(begun)) {}
  ~Body() { end(); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // The transaction, for one call of it. kInvalidArgument once it has ended, or in a child process.
  Result<mvcc::WriteTxn*> open();

  // The same for a call of a tree. kNotFound where that was made in this transaction, and is gone
  // since: its number may be another tree's by now.
  Result<mvcc::WriteTxn*> open(const WriteTree::Handle& tree);

  Result<Committed> commit(const CommitOptions& options);

  // Rolls back, unless it has ended.
  void end();

  db::StoreState& store;
  std::optional<mvcc::WriteTxn> txn;  // None: it has ended.
  std::uint64_t creations = 0;
  std::map<mvcc::TreeId, std::uint64_t> created;  // The creation that has a number.
  std::uint64_t calls = 0;
  std::uint64_t changes = 0;  // Of those; attempts included.
};

struct CAISSON_HIDDEN ValueWriter::Body {
  std::shared_ptr<WriteTxn::Body> txn;
  mvcc::LongValue value;
};

struct CAISSON_HIDDEN WriteCursor::Body {
  Result<bool> moved(Result<bool> more);

  std::shared_ptr<WriteTxn::Body> txn;
  WriteTree::Handle tree;
  mvcc::TxnCursor cursor;
  std::uint64_t calls = 0;  // Of the transaction, when the cursor came to its entry.
};

}  // namespace caisson

#endif  // CAISSON_DB_TXN_BODY_H_
