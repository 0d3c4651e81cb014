// A transaction's trees, their cursors, and values in pieces.

#include <utility>

#include "db/txn_body.h"

namespace caisson {

// --- WriteTree -----------------------------------------------------------------------------------

WriteTree::WriteTree(std::shared_ptr<WriteTxn::Body> txn, const Handle& handle)
    : txn_(std::move(txn)), tree_(to_u64(handle.id)), creation_(handle.creation) {}

WriteTree::Handle WriteTree::handle() const { return {mvcc::TreeId{tree_}, creation_}; }

Result<bool> WriteTree::put(ByteView key, ByteView value) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  ++txn_->changes;
  return txn->put(handle().id, key, value);
}

Result<ValueWriter> WriteTree::put_stream(ByteView key, std::uint64_t size) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  ++txn_->changes;
  CAISSON_ASSIGN_OR_RETURN(mvcc::LongValue value, txn->put_long(handle().id, key, size));
  return ValueWriter(
      std::make_unique<ValueWriter::Body>(ValueWriter::Body{txn_, std::move(value)}));
}

Result<bool> WriteTree::erase(ByteView key) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  ++txn_->changes;
  return txn->erase(handle().id, key);
}

Result<std::uint64_t> WriteTree::erase_range(const Range& range) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  ++txn_->changes;
  return txn->erase_range(handle().id, db::range_of(range));
}

Result<std::optional<Value>> WriteTree::get(ByteView key) const {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  CAISSON_ASSIGN_OR_RETURN(auto value, txn->get(handle().id, key));
  if (!value) return std::optional<Value>();
  return Value(Value::Body::of(txn_, *std::move(value)));
}

Result<WriteCursor> WriteTree::cursor(const Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  CAISSON_ASSIGN_OR_RETURN(mvcc::TxnCursor cursor, txn->cursor(handle().id, db::range_of(range)));
  return WriteCursor(
      std::make_unique<WriteCursor::Body>(WriteCursor::Body{txn_, handle(), std::move(cursor)}));
}

Result<std::uint64_t> WriteTree::count() const {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, txn_->open(handle()));
  return txn->count(handle().id);
}

// --- WriteCursor ---------------------------------------------------------------------------------

Result<bool> WriteCursor::Body::moved(Result<bool> more) {
  calls = txn->calls;
  return more;
}

WriteCursor::WriteCursor(std::unique_ptr<Body> body) : body_(std::move(body)) {}
WriteCursor::WriteCursor(WriteCursor&& other) noexcept = default;
WriteCursor& WriteCursor::operator=(WriteCursor&& other) noexcept = default;
WriteCursor::~WriteCursor() = default;

Result<bool> WriteCursor::first() {
  CAISSON_RETURN_IF_ERROR(body_->txn->open(body_->tree));
  return body_->moved(body_->cursor.first());
}

Result<bool> WriteCursor::last() {
  CAISSON_RETURN_IF_ERROR(body_->txn->open(body_->tree));
  return body_->moved(body_->cursor.last());
}

Result<bool> WriteCursor::seek(ByteView key) {
  CAISSON_RETURN_IF_ERROR(body_->txn->open(body_->tree));
  return body_->moved(body_->cursor.seek(key));
}

Result<bool> WriteCursor::next() {
  CAISSON_RETURN_IF_ERROR(body_->txn->open(body_->tree));
  return body_->moved(body_->cursor.next());
}

Result<bool> WriteCursor::prev() {
  CAISSON_RETURN_IF_ERROR(body_->txn->open(body_->tree));
  return body_->moved(body_->cursor.prev());
}

bool WriteCursor::valid() const { return body_->cursor.valid(); }

Bytes WriteCursor::key() const { return valid() ? body_->cursor.key() : Bytes(); }

Result<Value> WriteCursor::value() const {
  const bool is_last_call = body_->calls == body_->txn->calls;
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->txn->open(body_->tree));
  if (!valid()) return fail(Code::kInvalidArgument, "the cursor stands at no entry");
  if (is_last_call) {
    body_->calls = body_->txn->calls;
    return Value(Value::Body::of(body_->txn, body_->cursor.value()));
  }
  CAISSON_ASSIGN_OR_RETURN(auto value, txn->get(body_->tree.id, key()));
  if (!value) return fail(Code::kNotFound, "the entry at the cursor was erased");
  return Value(Value::Body::of(body_->txn, *std::move(value)));
}

// --- ValueWriter ---------------------------------------------------------------------------------

ValueWriter::ValueWriter(std::unique_ptr<Body> body) : body_(std::move(body)) {}
ValueWriter::ValueWriter(ValueWriter&& other) noexcept = default;
ValueWriter& ValueWriter::operator=(ValueWriter&& other) noexcept = default;
ValueWriter::~ValueWriter() = default;

Result<void> ValueWriter::append(ByteView bytes) {
  CAISSON_RETURN_IF_ERROR(body_->txn->open());
  return body_->value.append(bytes);
}

Result<bool> ValueWriter::finish() {
  CAISSON_RETURN_IF_ERROR(body_->txn->open());
  return body_->value.finish();
}

}  // namespace caisson
