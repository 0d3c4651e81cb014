#include <caisson/snapshot.h>

#include <utility>

#include "db/bodies.h"

namespace caisson {

// --- Snapshot ------------------------------------------------------------------------------------

Snapshot::Snapshot(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
Snapshot::Snapshot(Snapshot&& other) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&& other) noexcept = default;
Snapshot::~Snapshot() = default;

TxnId Snapshot::txn() const { return body_->snapshot.txn(); }

// Another one, since trees may hold this one.
Result<void> Snapshot::renew() {
  db::StoreState& store = body_->store;
  CAISSON_RETURN_IF_ERROR(store.check_process());
  if (store.is_newest(body_->snapshot)) return {};
  return store.read([&](auto& source) -> Result<void> {
    CAISSON_ASSIGN_OR_RETURN(mvcc::Snapshot newest, source.snapshot());
    if (newest.txn() == txn()) return {};
    body_ = std::make_shared<const Body>(Body{store, std::move(newest)});
    return {};
  });
}

Result<Tree> Snapshot::tree(ByteView name) const {
  CAISSON_ASSIGN_OR_RETURN(const mvcc::TreeReader reader, body_->snapshot.tree(name));
  return Tree(std::make_shared<const Tree::Body>(Tree::Body{body_, reader}));
}

Result<std::vector<std::string>> Snapshot::tree_names() const {
  CAISSON_ASSIGN_OR_RETURN(auto trees, body_->snapshot.trees());
  std::vector<std::string> names;
  names.reserve(trees.size());
  for (mvcc::TreeEntry& tree : trees) names.push_back(std::move(tree.name));
  return names;
}

// --- Tree ----------------------------------------------------------------------------------------

Tree::Tree(std::shared_ptr<const Body> body) : body_(std::move(body)) {}

std::uint64_t Tree::count() const { return body_->reader.count(); }

Result<std::optional<Value>> Tree::get(ByteView key) const {
  auto value = body_->reader.get(key);
  if (!value) return fail(std::move(value).error());
  if (!*value) return std::optional<Value>();
  return Value(Value::Body{std::move(**value), nullptr});
}

Result<Cursor> Tree::cursor(const Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(mvcc::Cursor cursor, body_->reader.cursor(db::range_of(range)));
  return Cursor(std::make_unique<Cursor::Body>(Cursor::Body{body_->snapshot, std::move(cursor)}));
}

Result<Estimate> Tree::estimate(const Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(const auto found, body_->reader.estimate(db::range_of(range)));
  return Estimate{.entries = found.entries, .bytes = found.bytes, .exact = found.exact};
}

// --- Cursor --------------------------------------------------------------------------------------

Cursor::Cursor(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Cursor::Cursor(Cursor&& other) noexcept = default;
Cursor& Cursor::operator=(Cursor&& other) noexcept = default;
Cursor::~Cursor() = default;

Result<bool> Cursor::first() { return body_->cursor.first(); }
Result<bool> Cursor::last() { return body_->cursor.last(); }
Result<bool> Cursor::seek(ByteView key) { return body_->cursor.seek(key); }
Result<bool> Cursor::next() { return body_->cursor.next(); }
Result<bool> Cursor::prev() { return body_->cursor.prev(); }

bool Cursor::valid() const { return body_->cursor.valid(); }

Bytes Cursor::key() const { return valid() ? body_->cursor.key() : Bytes(); }

Result<Value> Cursor::value() const {
  if (!valid()) return fail(Code::kInvalidArgument, "the cursor stands at no entry");
  auto value = body_->cursor.value();
  if (!value) return fail(std::move(value).error());
  return Value(Value::Body{*std::move(value), nullptr});
}

}  // namespace caisson
