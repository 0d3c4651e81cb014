#include "mvcc/replay.h"

#include <string>
#include <utility>

#include "mvcc/sorted_target.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using log::Operation;
using log::OperationCode;

// What a user would be told is, of a log, that it is damaged.
Result<void> checked(Result<void> result) {
  if (result) [[likely]]
    return result;
  switch (result.error().code()) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kInvalidArgument:
      return fail(Error(Code::kCorruption,
                        "an operation in the log can't be done: " + result.error().message())
                      .with_rule("APPLY-1"));
    default:
      return result;
  }
}

}  // namespace

log::OperationLimits operation_limits(const pager::Limits& limits) {
  return {.key_size_max = limits.key_size_max, .value_size_max = limits.value_size_max};
}

// --- Operations ----------------------------------------------------------------------------------

Applier::Applier(OperationTarget& target, const log::OperationLimits& limits)
    : target_(target), limits_(limits), reader_(limits) {}

Result<void> Applier::apply(Bytes payload) {
  bytes_ += payload.size();
  reader_.read(payload);
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const auto operation, reader_.next());
    if (!operation) return {};
    ++operations_;
    CAISSON_RETURN_IF_ERROR(checked(apply(*operation)));
  }
}

Result<void> Applier::end_commit() {
  CAISSON_RETURN_IF_ERROR(reader_.finish());
  reader_ = log::OperationReader(limits_);
  return {};
}

Result<void> Applier::apply(const Operation& operation) {
  const TreeId id{operation.tree};
  switch (operation.code) {
    case OperationCode::kCreateTree:
      return target_.create(id, operation.number, operation.key, operation.value);
    case OperationCode::kDropTree:
      return target_.drop(id);
    case OperationCode::kPut:
      return target_.put(id, operation.key, operation.value);
    case OperationCode::kDelete:
      return target_.erase(id, operation.key);
    case OperationCode::kDeleteRange: {
      const auto end = operation.has_end ? std::optional(operation.value) : std::nullopt;
      return target_.erase_range(id, {operation.key, end});
    }
    case OperationCode::kPutLong:
      return begin_value(operation);
    case OperationCode::kPiece:
      missing_ -= operation.value.size();  // OP-3
      CAISSON_RETURN_IF_ERROR(target_.append_piece(operation.value));
      return missing_ == 0 ? target_.finish_value() : Result<void>{};
    default:
      return fail(Error(Code::kUnsupportedVersion, "an operation in the log is not known here: " +
                                                       std::string(to_string(operation.code)))
                      .with_rule("APPLY-1"));
  }
}

Result<void> Applier::begin_value(const Operation& operation) {
  CAISSON_RETURN_IF_ERROR(
      target_.begin_value(TreeId{operation.tree}, operation.key, operation.number));
  missing_ = operation.number;
  return missing_ == 0 ? target_.finish_value() : Result<void>{};
}

// --- Trees on pages ------------------------------------------------------------------------------

Result<void> TreeSetTarget::create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) {
  CAISSON_RETURN_IF_ERROR(check_tree(name, kind, options));
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader header, read_header(trees_.catalog()));
  CAISSON_RETURN_IF_ERROR(check_next(header.next_tree, id));
  CAISSON_RETURN_IF_ERROR(trees_.create(name, kind, options));
  return {};
}

Result<void> TreeSetTarget::drop(TreeId id) { return trees_.drop(id); }

Result<void> TreeSetTarget::put(TreeId id, Bytes key, Bytes value) {
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
  CAISSON_RETURN_IF_ERROR(tree->put(key, value));
  return {};
}

// A stream has no use for the size: what is short goes into a leaf when it is whole.
Result<void> TreeSetTarget::begin_value(TreeId id, Bytes key, std::uint64_t /*size*/) {
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
  CAISSON_ASSIGN_OR_RETURN(btree::ValueStream value, tree->stream(key));
  value_.emplace(std::move(value));
  return {};
}

Result<void> TreeSetTarget::append_piece(Bytes piece) { return value_->append(piece); }

Result<void> TreeSetTarget::finish_value() {
  const auto finished = value_->finish();
  value_.reset();
  CAISSON_RETURN_IF_ERROR(finished);
  return {};
}

Result<void> TreeSetTarget::erase(TreeId id, Bytes key) {
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
  CAISSON_RETURN_IF_ERROR(tree->erase(key));
  return {};
}

Result<void> TreeSetTarget::erase_range(TreeId id, const btree::Range& range) {
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
  CAISSON_RETURN_IF_ERROR(tree->erase_range(range));
  return {};
}

// --- Commits -------------------------------------------------------------------------------------

Result<void> apply_commit(log::CommitReader& commits, Applier& applier) {
  Result<void> applied;
  while (applied) {
    CAISSON_ASSIGN_OR_RETURN(const auto payload, commits.payload());
    if (!payload) {
      applied = applier.end_commit();
      break;
    }
    applied = applier.apply(*payload);
  }
  if (!applied) return fail(std::move(applied).error().at_record(to_u64(commits.txn())));
  return {};
}

Result<Applied> apply_commits(pager::Pager& pager, log::CommitReader& commits,
                              const btree::TreeRoot& catalog, TxnId upto) {
  CAISSON_ASSIGN_OR_RETURN(pager::PageTxn pages, pager::PageTxn::begin(pager, upto));
  Applied applied;
  {
    TreeSet trees(pager, pages, catalog);
    SortedTarget target(trees);
    Applier applier(target, operation_limits(pager.checkpointed().limits));
    while (commits.txn() < upto) {
      CAISSON_ASSIGN_OR_RETURN(const auto commit, commits.next(upto));
      if (!commit) return fail(Code::kCorruption, "the log has changed while it was read");
      CAISSON_RETURN_IF_ERROR(apply_commit(commits, applier));
    }
    CAISSON_RETURN_IF_ERROR(target.finish());
    CAISSON_ASSIGN_OR_RETURN(applied.catalog, trees.finish());
    applied.operations = applier.operations();
    applied.bytes = applier.bytes();
  }
  pages.seal();
  return applied;
}

}  // namespace caisson::mvcc
