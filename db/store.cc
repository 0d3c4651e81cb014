#include <caisson/store.h>

#include <utility>
#include <vector>

#include "db/backup.h"
#include "db/bodies.h"
#include "db/feed_body.h"
#include "db/store_state.h"
#include "db/txn_body.h"
#include "io/posix.h"
#include "mvcc/change_reader.h"
#include "mvcc/position_list.h"

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

Result<Snapshot> made_of(db::StoreState& store, Result<mvcc::Snapshot> snapshot) {
  if (!snapshot) return fail(std::move(snapshot).error());
  return Snapshot(
      std::make_shared<const Snapshot::Body>(Snapshot::Body{store, *std::move(snapshot)}));
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
  return body_->read([this](auto& store) { return made_of(*body_, store.snapshot()); });
}

Result<Snapshot> Store::snapshot_as_of(TxnId txn) const {
  return body_->read([&](auto& store) { return made_of(*body_, store.snapshot_as_of(txn)); });
}

Result<Snapshot> Store::snapshot_named(ByteView name) const {
  return body_->read(
      [&](auto& store) { return made_of(*body_, store.snapshot_named(as_text(name))); });
}

Result<WriteTxn> Store::begin_write(std::chrono::nanoseconds timeout) const {
  return body_->use([this, timeout](mvcc::Engine& engine) -> Result<WriteTxn> {
    CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn txn, body_->begin_write(engine, timeout));
    return WriteTxn(std::make_shared<WriteTxn::Body>(*body_, std::move(txn)));
  });
}

Result<void> Store::wait_durable(const Committed& committed) const {
  return body_->use([&committed](mvcc::Engine& engine) {
    return engine.wait_durable({.txn = committed.txn, .ticket = committed.ticket});
  });
}

// --- Following -----------------------------------------------------------------------------------

Result<ChangeFeed> Store::follow(TxnId after) const {
  return body_->read([after](auto& store) -> Result<ChangeFeed> {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::FeedSource source, store.feed_source(after));
    CAISSON_ASSIGN_OR_RETURN(auto reader, mvcc::ChangeReader::open_behind(source, after));
    return ChangeFeed(std::make_unique<ChangeFeed::Body>(std::move(reader)));
  });
}

Result<TxnId> Store::create_position(ByteView name, std::optional<TxnId> after) const {
  return body_->read([name, after](auto& store) -> Result<TxnId> {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::FeedSource source, store.feed_source(after));
    return mvcc::ChangeReader::create_position(source, as_text(name), after);
  });
}

Result<ChangeFeed> Store::follow_position(ByteView name) const {
  return body_->read([name](auto& store) -> Result<ChangeFeed> {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::FeedSource source, store.feed_source());
    CAISSON_ASSIGN_OR_RETURN(auto reader, mvcc::ChangeReader::open_position(source, as_text(name)));
    return ChangeFeed(std::make_unique<ChangeFeed::Body>(std::move(reader)));
  });
}

Result<std::vector<FeedPosition>> Store::positions() const {
  return body_->read([](auto& store) -> Result<std::vector<FeedPosition>> {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::FeedSource source, store.feed_source());
    CAISSON_ASSIGN_OR_RETURN(auto listed, mvcc::list_positions(source));
    std::vector<FeedPosition> positions;
    positions.reserve(listed.size());
    for (mvcc::ListedPosition& position : listed) {
      positions.push_back({.name = std::move(position.name),
                           .txn = position.txn,
                           .log_bytes = position.log_bytes,
                           .error = std::move(position.error)});
    }
    return positions;
  });
}

Result<void> Store::remove_position(ByteView name) const {
  return body_->read([name](auto& store) -> Result<void> {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::FeedSource source, store.feed_source());
    return mvcc::remove_position(source, as_text(name));
  });
}

// --- Upkeep --------------------------------------------------------------------------------------

Result<void> Store::checkpoint() const {
  return body_->use([this](mvcc::Engine& engine) { return body_->checkpoint(engine); });
}

Result<std::uint64_t> Store::shrink() const {
  return body_->use([](mvcc::Engine& engine) { return engine.shrink(); });
}

Result<TxnId> Store::retain(ByteView name) const {
  return body_->use([name](mvcc::Engine& engine) { return engine.retain(as_text(name)); });
}

Result<void> Store::release(ByteView name) const {
  return body_->use([name](mvcc::Engine& engine) { return engine.release(as_text(name)); });
}

Result<std::vector<RetainedSnapshot>> Store::retained() const {
  CAISSON_ASSIGN_OR_RETURN(auto checkpoints,
                           body_->read([](auto& store) { return store.retained(); }));
  std::vector<RetainedSnapshot> retained;
  retained.reserve(checkpoints.size());
  for (mvcc::RetainedCheckpoint& checkpoint : checkpoints) {
    const std::chrono::nanoseconds since_1970(checkpoint.time_ns);
    retained.push_back({.txn = checkpoint.txn,
                        .time = std::chrono::sys_time<std::chrono::nanoseconds>(since_1970),
                        .names = std::move(checkpoint.names),
                        .history = checkpoint.history});
  }
  return retained;
}

Result<bool> Store::checkpoint_due() const {
  return body_->read([](auto& store) -> Result<bool> { return store.checkpoint_due(); });
}

Result<void> Store::close() { return body_->close(); }

// --- Backup --------------------------------------------------------------------------------------

Result<BackupReport> Store::backup(const std::string& path, const BackupOptions& options) const {
  return body_->read([&](auto& store) -> Result<BackupReport> {
    CAISSON_ASSIGN_OR_RETURN(const auto origin, body_->backup_origin(store));
    return db::backup(origin, path, options);
  });
}

Result<BackupReport> Store::backup(const BackupSink& sink, const BackupOptions& options) const {
  return body_->read([&](auto& store) -> Result<BackupReport> {
    CAISSON_ASSIGN_OR_RETURN(const auto origin, body_->backup_origin(store));
    return db::backup(origin, sink, options);
  });
}

// --- What it is ----------------------------------------------------------------------------------

const RecoveryReport& Store::recovery() const { return body_->recovery(); }

Uuid Store::uuid() const { return body_->uuid(); }

std::optional<Error> Store::poisoned() const { return body_->poisoned(); }

Result<StoreStats> Store::stats() const { return body_->stats(); }

}  // namespace caisson
