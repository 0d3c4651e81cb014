#include "mvcc/change_reader.h"

#include <span>
#include <utility>

namespace caisson::mvcc {
namespace {

using log::Operation;
using log::OperationCode;

// Of a log that says what can't be.
std::unexpected<Error> impossible(const Error& why) {
  return fail(Error(Code::kCorruption, "an operation in the log can't be done: " + why.message())
                  .with_rule("APPLY-1"));
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

ChangeReader::ChangeReader(Feed feed, std::string position_name)
    : feed_(std::move(feed)),
      trees_(feed_.take_trees()),
      position_name_(std::move(position_name)),
      acknowledged_(feed_.txn()),
      operations_(feed_.source().limits) {}

// --- Opening -------------------------------------------------------------------------------------

Result<ChangeReader> ChangeReader::open_behind(const FeedSource& source,
                                               std::optional<TxnId> after) {
  CAISSON_ASSIGN_OR_RETURN(Feed feed, Feed::open_before(source, after));
  const TxnId upto = after.value_or(feed.durable());
  ChangeReader reader(std::move(feed), {});
  CAISSON_RETURN_IF_ERROR(reader.skip_to(upto));
  return reader;
}

Result<ChangeReader> ChangeReader::open_position(const FeedSource& source, std::string_view name) {
  CAISSON_ASSIGN_OR_RETURN(Feed feed, Feed::open_position(source, name));
  return ChangeReader(std::move(feed), std::string(name));
}

Result<TxnId> ChangeReader::create_position(const FeedSource& source, std::string_view name,
                                            std::optional<TxnId> after) {
  CAISSON_RETURN_IF_ERROR(validate_position_name(name));
  CAISSON_ASSIGN_OR_RETURN(ChangeReader reader, open_behind(source, after));
  CAISSON_RETURN_IF_ERROR(reader.make_position(name));
  return reader.feed_.txn();
}

Result<void> ChangeReader::make_position(std::string_view name) {
  CAISSON_RETURN_IF_ERROR(validate_position_name(name));
  CAISSON_RETURN_IF_ERROR(feed_.take_position(name));
  const FeedSource& source = feed_.source();
  CAISSON_ASSIGN_OR_RETURN(const bool exists,
                           PositionFiles(*source.directory, source.uuid).exists(name));
  if (exists) return fail(position_exists(name));
  CAISSON_RETURN_IF_ERROR(finish_commit());
  position_name_ = name;
  return write_position();
}

Result<void> ChangeReader::skip_to(TxnId upto) {
  while (feed_.txn() < upto) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, next_commit());
    if (!more) return fail(no_such_commit(upto));
    CAISSON_RETURN_IF_ERROR(finish_commit());
  }
  return {};
}

// --- Reading -------------------------------------------------------------------------------------

Result<bool> ChangeReader::next_commit(std::chrono::nanoseconds timeout,
                                       const std::stop_token& stop) {
  if (failed_) return fail(*failed_);
  return kept(go_on(timeout, stop));
}

Result<std::optional<Change>> ChangeReader::next_change() {
  if (failed_) return fail(*failed_);
  return kept(read_change());
}

Result<Bytes> ChangeReader::next_piece() {
  if (failed_) return fail(*failed_);
  return kept(read_piece());
}

// The commit's trees have to be known before the next one's operations are.
Result<bool> ChangeReader::go_on(std::chrono::nanoseconds timeout, const std::stop_token& stop) {
  CAISSON_RETURN_IF_ERROR(finish_commit());
  CAISSON_ASSIGN_OR_RETURN(const auto commit, feed_.next(timeout, stop));
  in_commit_ = commit.has_value();
  return in_commit_;
}

Result<void> ChangeReader::finish_commit() {
  while (in_commit_) CAISSON_RETURN_IF_ERROR(read_change());
  return {};
}

// None at the commit's end.
Result<std::optional<Operation>> ChangeReader::next_operation() {
  while (in_commit_) {
    CAISSON_ASSIGN_OR_RETURN(const auto operation, operations_.next());
    if (operation) return operation;
    CAISSON_ASSIGN_OR_RETURN(const auto payload, feed_.payload());
    if (payload) {
      operations_.read(*payload);
      continue;
    }
    CAISSON_RETURN_IF_ERROR(operations_.finish());
    operations_ = log::OperationReader(feed_.source().limits);
    in_commit_ = false;
  }
  return std::optional<Operation>();
}

Result<std::optional<Change>> ChangeReader::read_change() {
  piece_ = {};
  while (missing_ > 0) CAISSON_RETURN_IF_ERROR(read_piece());
  CAISSON_ASSIGN_OR_RETURN(const auto operation, next_operation());
  if (!operation) return std::optional<Change>();
  Change change{.code = operation->code,
                .tree = TreeId{operation->tree},
                .tree_name = {},
                .key = operation->key,
                .end = {},
                .value_size = 0};
  auto noted = note(*operation, change);
  if (!noted) return fail(std::move(noted).error().at_record(to_u64(feed_.txn())));
  return change;
}

// What the operation is about, and what it does to the trees that there are.
Result<void> ChangeReader::note(const Operation& operation, Change& change) {
  const auto tree = trees_.find(change.tree);
  if (operation.code == OperationCode::kCreateTree) {
    if (tree != trees_.end()) return impossible(name_taken(operation.key));
    change.tree_name = trees_[change.tree] = text_of(operation.key);
    change.key = {};
    return {};
  }
  if (operation.code > OperationCode::kPutLong) {
    return fail(Error(Code::kUnsupportedVersion, "an operation in the log is not known here: " +
                                                     std::string(to_string(operation.code)))
                    .with_rule("APPLY-1"));
  }
  if (tree == trees_.end()) return impossible(no_such_tree(change.tree));
  change.tree_name = tree->second;
  switch (operation.code) {
    case OperationCode::kDropTree:
      dropped_ = std::move(tree->second);
      change.tree_name = dropped_;
      trees_.erase(tree);
      break;
    case OperationCode::kDeleteRange:
      if (operation.has_end) change.end = operation.value;
      break;
    case OperationCode::kPut:
      piece_ = operation.value;
      change.value_size = piece_.size();
      break;
    case OperationCode::kPutLong:
      key_ = text_of(operation.key);  // Its record may have gone when the pieces are read.
      change.key = std::as_bytes(std::span(key_));
      missing_ = change.value_size = operation.number;
      break;
    default:
      break;
  }
  return {};
}

Result<Bytes> ChangeReader::read_piece() {
  if (!piece_.empty() || missing_ == 0) return std::exchange(piece_, {});
  CAISSON_ASSIGN_OR_RETURN(const auto operation, next_operation());
  // OP-3: nothing else, and no end, comes between.
  missing_ -= operation->value.size();
  return operation->value;
}

// --- Positions -----------------------------------------------------------------------------------

Result<void> ChangeReader::acknowledge() {
  if (failed_) return fail(*failed_);
  if (position_name_.empty()) {
    return fail(Error(Code::kInvalidArgument, "this feed follows no position")
                    .with_advice("Make one, and follow that."));
  }
  const auto finished = kept(finish_commit());
  CAISSON_RETURN_IF_ERROR(finished);
  if (feed_.txn() == acknowledged_) return {};
  return write_position();
}

Result<void> ChangeReader::write_position() {
  PositionFiles files(*feed_.source().directory, feed_.source().uuid);
  // Lent, not copied: there may be many trees.
  Position position{
      .name = position_name_, .txn = feed_.txn(), .log = feed_.position(), .trees = {}};
  position.trees.swap(trees_);
  auto written = files.write(position);
  position.trees.swap(trees_);
  CAISSON_RETURN_IF_ERROR(written);
  acknowledged_ = position.txn;
  return {};
}

}  // namespace caisson::mvcc
