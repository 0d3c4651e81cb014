#include <caisson/store.h>

#include <utility>
#include <vector>

#include "db/bodies.h"
#include "db/store_state.h"
#include "db/txn_body.h"
#include "io/posix.h"

namespace caisson {

struct CAISSON_HIDDEN Store::Body final : db::StoreState {
  using StoreState::StoreState;
};

namespace {

// Stores that were destroyed while something of them was open. Reachable until the process ends,
// for those who look for memory that was lost.
struct Abandoned {
  Mutex mutex;
  std::vector<std::unique_ptr<db::StoreState>> stores CAISSON_GUARDED_BY(mutex);
};

void leave_in_memory(std::unique_ptr<db::StoreState> store) {
  static auto* const abandoned = new Abandoned;
  const MutexLock lock(abandoned->mutex);
  abandoned->stores.push_back(std::move(store));
}

}  // namespace

Result<Store> Store::create(const std::string& path, const CreateOptions& create,
                            const Options& open) {
  CAISSON_RETURN_IF_ERROR(db::create_store(io::posix_vfs(), path, create, open));
  Options options = open;
  options.create_if_missing = false;
  return Store::open(path, options);
}

Result<Store> Store::open(const std::string& path, const Options& options) {
  auto body = std::make_unique<Body>(io::posix_vfs());
  CAISSON_RETURN_IF_ERROR(body->open(path, options));
  return Store(std::move(body));
}

Store::Store(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Store::Store(Store&& other) noexcept = default;

Store& Store::operator=(Store&& other) noexcept {
  Store ended(std::move(*this));
  body_ = std::move(other.body_);
  return *this;
}

Store::~Store() {
  if (!body_) return;
  const auto closed = body_->close();
  if (closed || closed.error().code() != Code::kBusy) {
    // In a child process its threads are missing, and can't be joined.
    if (!body_->check_process()) leave_in_memory(std::move(body_));
    return;
  }
  body_->abandon();
  leave_in_memory(std::move(body_));
}

// --- Reading and writing -------------------------------------------------------------------------

Result<Snapshot> Store::snapshot() const {
  return body_->use([this](mvcc::Engine& engine) -> Result<Snapshot> {
    CAISSON_ASSIGN_OR_RETURN(mvcc::Snapshot snapshot, engine.snapshot());
    return Snapshot(
        std::make_shared<const Snapshot::Body>(Snapshot::Body{*body_, std::move(snapshot)}));
  });
}

Result<WriteTxn> Store::begin_write(std::chrono::nanoseconds timeout) const {
  return body_->use([this, timeout](mvcc::Engine& engine) -> Result<WriteTxn> {
    CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn txn, engine.begin_write(timeout));
    return WriteTxn(std::make_shared<WriteTxn::Body>(*body_, std::move(txn)));
  });
}

Result<void> Store::wait_durable(const Committed& committed) const {
  return body_->use([&committed](mvcc::Engine& engine) {
    return engine.wait_durable({.txn = committed.txn, .ticket = committed.ticket});
  });
}

// --- Upkeep --------------------------------------------------------------------------------------

Result<void> Store::checkpoint() const {
  return body_->use([this](mvcc::Engine& engine) { return body_->checkpoint(engine); });
}

Result<bool> Store::checkpoint_due() const {
  return body_->use(
      [](const mvcc::Engine& engine) -> Result<bool> { return engine.checkpoint_due(); });
}

Result<void> Store::close() { return body_->close(); }

// --- What it is ----------------------------------------------------------------------------------

const RecoveryReport& Store::recovery() const { return body_->recovery(); }

Uuid Store::uuid() const { return body_->uuid(); }

std::optional<Error> Store::poisoned() const {
  auto cause = body_->use(
      [](const mvcc::Engine& engine) -> Result<std::optional<Error>> { return engine.poisoned(); });
  return cause ? *std::move(cause) : std::move(cause).error();
}

Result<StoreStats> Store::stats() const {
  return body_->use(
      [this](mvcc::Engine& engine) -> Result<StoreStats> { return body_->stats(engine); });
}

}  // namespace caisson
