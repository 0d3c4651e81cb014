#include "mvcc/replay.h"

#include <string>
#include <utility>

#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using log::Operation;
using log::OperationCode;

std::unexpected<Error> refused(const std::string& why) {
  return fail(Error(Code::kCorruption, "an operation in the log can't be done: " + why)
                  .with_rule("APPLY-1"));
}

// What a user would be told is, of a log, that it is damaged.
template <typename T>
Result<void> checked(Result<T> result) {
  if (result) return {};
  switch (result.error().code()) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kInvalidArgument:
      return refused(result.error().message());
    default:
      return fail(std::move(result).error());
  }
}

}  // namespace

Result<Applied> apply_commits(pager::Pager& pager, log::CommitReader& commits,
                              const btree::TreeRoot& catalog, TxnId upto) {
  CAISSON_ASSIGN_OR_RETURN(pager::PageTxn pages, pager::PageTxn::begin(pager, upto));
  Applied applied;
  {
    TreeSet trees(pager, pages, catalog);
    Applier applier(trees, pager.checkpointed().limits);
    while (commits.txn() < upto) {
      CAISSON_ASSIGN_OR_RETURN(const auto commit, commits.next(upto));
      if (!commit) return fail(Code::kCorruption, "the log has changed while it was read");
      while (true) {
        CAISSON_ASSIGN_OR_RETURN(const auto payload, commits.payload());
        if (!payload) break;
        auto result = applier.apply(*payload);
        if (!result) return fail(std::move(result).error().at_record(to_u64(commit->txn)));
      }
      CAISSON_RETURN_IF_ERROR(applier.end_commit());
    }
    CAISSON_ASSIGN_OR_RETURN(applied.catalog, trees.finish());
    applied.operations = applier.operations();
    applied.bytes = applier.bytes();
  }
  pages.seal();
  return applied;
}

Applier::Applier(TreeSet& trees, const pager::Limits& limits)
    : trees_(trees),
      limits_{.key_size_max = limits.key_size_max, .value_size_max = limits.value_size_max},
      reader_(limits_) {}

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
      return create(operation);
    case OperationCode::kDropTree:
      return trees_.drop(id);
    case OperationCode::kPut: {
      CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
      return checked(tree->put(operation.key, operation.value));
    }
    case OperationCode::kDelete: {
      CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
      return checked(tree->erase(operation.key));
    }
    case OperationCode::kDeleteRange: {
      CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
      const auto end = operation.has_end ? std::optional(operation.value) : std::nullopt;
      return checked(tree->erase_range({operation.key, end}));
    }
    case OperationCode::kPutLong:
      return begin_value(operation);
    case OperationCode::kPiece:
      missing_ -= operation.value.size();  // OP-3
      CAISSON_RETURN_IF_ERROR(value_->append(operation.value));
      return missing_ == 0 ? finish_value() : Result<void>{};
    default:
      return fail(Error(Code::kUnsupportedVersion, "an operation in the log is not known here: " +
                                                       std::string(to_string(operation.code)))
                      .with_rule("APPLY-1"));
  }
}

Result<void> Applier::create(const Operation& operation) {
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader header, read_header(trees_.catalog()));
  if (header.next_tree != TreeId{operation.tree}) {
    return refused("the next tree is " + std::to_string(to_u64(header.next_tree)) + ", not " +
                   std::to_string(operation.tree));
  }
  return checked(trees_.create(operation.key, operation.number, operation.value));
}

Result<void> Applier::begin_value(const Operation& operation) {
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(TreeId{operation.tree}));
  CAISSON_ASSIGN_OR_RETURN(btree::ValueStream value, tree->stream(operation.key));
  value_.emplace(std::move(value));
  missing_ = operation.number;
  return missing_ == 0 ? finish_value() : Result<void>{};
}

Result<void> Applier::finish_value() {
  auto finished = value_->finish();
  value_.reset();
  return checked(std::move(finished));
}

}  // namespace caisson::mvcc
