#include <caisson/feed.h>

#include <utility>

#include "db/feed_body.h"

namespace caisson {
namespace {

Change::Kind kind_of(log::OperationCode code) {
  switch (code) {
    case log::OperationCode::kCreateTree:
      return Change::Kind::kCreateTree;
    case log::OperationCode::kDropTree:
      return Change::Kind::kDropTree;
    case log::OperationCode::kDelete:
      return Change::Kind::kErase;
    case log::OperationCode::kDeleteRange:
      return Change::Kind::kEraseRange;
    default:
      return Change::Kind::kPut;  // Whole, or in pieces; nothing else comes.
  }
}

}  // namespace

ChangeFeed::ChangeFeed(std::unique_ptr<Body> body) : body_(std::move(body)) {}
ChangeFeed::ChangeFeed(ChangeFeed&& other) noexcept = default;
ChangeFeed& ChangeFeed::operator=(ChangeFeed&& other) noexcept = default;
ChangeFeed::~ChangeFeed() = default;

Result<bool> ChangeFeed::next_commit(std::chrono::nanoseconds timeout,
                                     const std::stop_token& stop) {
  body_->has_value = false;
  return body_->reader.next_commit(timeout, stop);
}

TxnId ChangeFeed::txn() const { return body_->reader.feed().txn(); }

Result<std::optional<Change>> ChangeFeed::next_change() {
  body_->has_value = false;
  CAISSON_ASSIGN_OR_RETURN(const auto change, body_->reader.next_change());
  if (!change) return std::optional<Change>();
  const Change::Kind kind = kind_of(change->code);
  body_->has_value = kind == Change::Kind::kPut;
  body_->in_pieces = false;
  body_->value_size = change->value_size;
  body_->value = {};
  body_->whole = {};
  return Change{.kind = kind,
                .tree = change->tree_name,
                .tree_number = to_u64(change->tree),
                .key = change->key,
                .end = change->end,
                .value_size = change->value_size};
}

Result<Bytes> ChangeFeed::value() {
  if (!body_->has_value || body_->in_pieces) {
    return fail(Error(Code::kInvalidArgument, "the change has no value, or some of it was read")
                    .with_advice("Ask for the value once behind a put, or for its pieces."));
  }
  if (body_->value.size() == body_->value_size) return body_->value;
  CAISSON_ASSIGN_OR_RETURN(Bytes piece, body_->reader.next_piece());
  if (piece.size() == body_->value_size) return body_->value = piece;
  while (!piece.empty()) {
    body_->whole.insert(body_->whole.end(), piece.begin(), piece.end());
    CAISSON_ASSIGN_OR_RETURN(piece, body_->reader.next_piece());
  }
  return body_->value = body_->whole;
}

Result<Bytes> ChangeFeed::next_piece() {
  if (!body_->has_value) return Bytes{};
  body_->in_pieces = true;
  if (!body_->value.empty()) return std::exchange(body_->value, {});  // Asked for as a whole.
  return body_->reader.next_piece();
}

Result<void> ChangeFeed::acknowledge() {
  body_->has_value = false;
  return body_->reader.acknowledge();
}

}  // namespace caisson
