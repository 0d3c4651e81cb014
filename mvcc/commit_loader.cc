#include "mvcc/commit_loader.h"

#include <limits>
#include <utility>

namespace caisson::mvcc {
namespace {

// Only the store that wrote the log knows what its limits are, and it has kept them.
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr log::OperationLimits kNoLimits{.key_size_max = kAny, .value_size_max = kAny};

// The log is right, and the store that it is to become too small for it.
Error beyond_limits(const Error& refused) {
  return Error(Code::kInvalidArgument, refused.message())
      .with_rule("LIMIT-1")
      .with_advice("Make the fresh store with the limits of the one that wrote the log.");
}

}  // namespace

CommitLoader::Parts::Parts(Engine& its_engine, WriteTxn its_txn)
    : engine(its_engine),
      txn(std::move(its_txn)),
      txn_id(txn.txn()),
      target(txn),
      applier(target, kNoLimits) {}

// A commit that changes nothing, such as a key removed that wasn't there, has a number as well.
Result<CommitLoader> CommitLoader::begin(Engine& engine) {
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, engine.begin_write());
  txn.keep_number();
  return CommitLoader(std::make_unique<Parts>(engine, std::move(txn)));
}

Result<void> CommitLoader::apply(Bytes payload) { return named(parts_->applier.apply(payload)); }

Result<void> CommitLoader::end() {
  CAISSON_RETURN_IF_ERROR(named(parts_->applier.end_commit()));
  CAISSON_RETURN_IF_ERROR(parts_->txn.commit(Durability::kAsync));
  Engine& engine = parts_->engine;
  return engine.checkpoint_due() ? engine.checkpoint() : Result<void>();
}

Result<void> CommitLoader::named(Result<void> result) const {
  if (result) return result;
  Error error = parts_->target.beyond_limits() ? beyond_limits(result.error()) : result.error();
  return fail(std::move(error).at_record(to_u64(txn())));
}

}  // namespace caisson::mvcc
