// What the public reading types hold.

#ifndef CAISSON_DB_BODIES_H_
#define CAISSON_DB_BODIES_H_

#include <caisson/snapshot.h>
#include <caisson/value.h>
#include <caisson/write_txn.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "btree/tree.h"
#include "db/store_state.h"
#include "mvcc/read.h"
#include "mvcc/snapshot.h"

// The public types are visible outside the library, and so would be what lies within them.
#define CAISSON_HIDDEN [[gnu::visibility("hidden")]]

namespace caisson {

struct CAISSON_HIDDEN Snapshot::Body {
  db::StoreState& store;  // Not closed while this is open.
  mvcc::Snapshot snapshot;
};

struct CAISSON_HIDDEN Tree::Body {
  std::shared_ptr<const Snapshot::Body> snapshot;
  mvcc::TreeReader reader;
};

struct CAISSON_HIDDEN Cursor::Body {
  std::shared_ptr<const Snapshot::Body> snapshot;  // Gone after the cursor.
  mvcc::Cursor cursor;
};

struct CAISSON_HIDDEN Value::Body {
  // What few values need.
  struct Extra {
    std::vector<std::byte> whole;         // Of a value in pieces, once all of it was asked for.
    std::shared_ptr<WriteTxn::Body> txn;  // Where it came from, if from a transaction,
    std::uint64_t changes = 0;            // and how many changes there had been.
  };

  // Of a transaction, as it is now.
  static Body of(std::shared_ptr<WriteTxn::Body> txn, mvcc::Value&& value);

  Result<void> check_good() const;

  mvcc::Value value;
  std::unique_ptr<Extra> extra;
};

namespace db {

inline btree::Range range_of(const Range& range) { return {range.begin(), range.end()}; }

}  // namespace db
}  // namespace caisson

#endif  // CAISSON_DB_BODIES_H_
