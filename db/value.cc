#include <caisson/value.h>

#include <new>
#include <utility>

#include "db/bodies.h"
#include "db/txn_body.h"

namespace caisson {

Value::Value(Body&& body) {
  static_assert(sizeof(Body) <= sizeof(storage_) && alignof(Body) <= alignof(Value));
  new (storage_) Body(std::move(body));
}

Value::Value(Value&& other) noexcept : Value(std::move(other.body())) {}

Value& Value::operator=(Value&& other) noexcept {
  body() = std::move(other.body());
  return *this;
}

Value::~Value() { body().~Body(); }

Value::Body& Value::body() { return *std::launder(reinterpret_cast<Body*>(storage_)); }

const Value::Body& Value::body() const {
  return *std::launder(reinterpret_cast<const Body*>(storage_));
}

Value::Body Value::Body::of(std::shared_ptr<WriteTxn::Body> txn, mvcc::Value&& value) {
  Body body{std::move(value), nullptr};
  if (body.value.in_one_piece()) return body;  // A copy.
  body.extra = std::make_unique<Extra>();
  body.extra->changes = txn->changes;
  body.extra->txn = std::move(txn);
  return body;
}

// A copy is good for ever; what has pages of its own in a transaction, until that goes on.
Result<void> Value::Body::check_good() const {
  if (!extra || !extra->txn) return {};
  CAISSON_RETURN_IF_ERROR(extra->txn->open());
  if (extra->txn->changes == extra->changes) return {};
  return fail(Error(Code::kInvalidArgument, "the transaction has changed since the value was read")
                  .with_advice("Read the value before the next change, or get it again."));
}

std::uint64_t Value::size() const { return body().value.size(); }

bool Value::in_one_piece() const { return body().value.in_one_piece(); }

Result<Bytes> Value::bytes() {
  if (in_one_piece()) return body().value.piece(0);
  auto& extra = body().extra;
  if (!extra) extra = std::make_unique<Body::Extra>();
  if (extra->whole.empty()) {
    std::vector<std::byte> whole(size());
    CAISSON_RETURN_IF_ERROR(read(0, whole));
    extra->whole = std::move(whole);
  }
  return Bytes(extra->whole);
}

Result<std::string> Value::to_string() {
  std::string text(size(), '\0');
  CAISSON_RETURN_IF_ERROR(read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<Bytes> Value::piece(std::uint64_t offset) {
  CAISSON_RETURN_IF_ERROR(body().check_good());
  return body().value.piece(offset);
}

Result<void> Value::read(std::uint64_t offset, MutableBytes out) {
  CAISSON_RETURN_IF_ERROR(body().check_good());
  return body().value.read(offset, out);
}

}  // namespace caisson
