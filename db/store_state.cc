#include "db/store_state.h"

#include <utility>

#include "db/options.h"
#include "mvcc/snapshot.h"

namespace caisson::db {
namespace {

constexpr std::uint64_t nanoseconds_of(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

Latency latency_of(const Histogram& histogram) {
  const Histogram::Snapshot now = histogram.snapshot();
  const auto at = [&now](double percent) {
    return std::chrono::nanoseconds(now.percentile(percent));
  };
  return {.count = now.count(),
          .p50 = at(50),
          .p99 = at(99),
          .p999 = at(99.9),
          .max = std::chrono::nanoseconds(now.max())};
}

}  // namespace

Result<void> create_store(io::Vfs& vfs, const std::string& path, const CreateOptions& create,
                          const Options& options) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  if (options.read_only) {
    return fail(Code::kInvalidArgument, "a store can't be made and opened read-only");
  }
  return mvcc::Engine::create(vfs, path, create_options(create), engine_options(options).log);
}

StoreState::~StoreState() { workers_.stop(); }

Result<void> StoreState::check_process() const {
  if (!fork_mark_.in_child()) [[likely]]
    return {};
  return fail(Error(Code::kInvalidArgument, "a store can't be used behind a fork")
                  .with_advice("Start the child before the store is opened. A child that only goes "
                               "on with exec has nothing to do."));
}

// --- Opening and closing -------------------------------------------------------------------------

namespace {

RecoveryReport report_of(const mvcc::RecoveryReport& report) {
  return {.was_closed = report.was_closed,
          .older_checkpoint = report.older_checkpoint,
          .checkpoint = report.checkpoint,
          .recovered = report.recovered,
          .log_bytes = report.log_bytes,
          .operations = report.operations,
          .duration = {}};
}

}  // namespace

Error StoreState::not_writable() const {
  if (!follower_) return Error(Code::kInvalidArgument, "the store is closed");
  return Error(Code::kReadOnly, "the store was opened to read")
      .with_advice("Open it without the read_only option to write.");
}

Result<void> StoreState::open(const std::string& path, const Options& options) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  options_ = options;
  const auto begin = vfs_.clock().monotonic();
  CAISSON_RETURN_IF_ERROR(options.read_only ? open_to_read(path) : open_to_write(path));
  recovery_.duration = vfs_.clock().monotonic() - begin;
  return {};
}

Result<void> StoreState::open_to_read(const std::string& path) {
  CAISSON_ASSIGN_OR_RETURN(auto follower,
                           mvcc::Follower::open(vfs_, path, engine_options(options_)));
  recovery_ = report_of(follower->recovery());
  uuid_ = follower->uuid();
  gate_.lock();
  follower_ = std::move(follower);
  gate_.unlock();
  return {};
}

Result<void> StoreState::open_to_write(const std::string& path) {
  const mvcc::EngineOptions options = engine_options(options_);
  auto engine = mvcc::Engine::open(vfs_, path, options);
  if (!engine && engine.error().code() == Code::kNotFound && options_.create_if_missing) {
    auto made = create_store(vfs_, path, options_.create, options_);
    // Another process may have been faster.
    if (!made && made.error().code() != Code::kAlreadyExists) return made;
    engine = mvcc::Engine::open(vfs_, path, options);
    if (!engine && !made) return made;
  }
  if (!engine) return fail(std::move(engine).error());
  recovery_ = report_of((*engine)->recovery());
  uuid_ = (*engine)->uuid();
  states_ = &(*engine)->states();
  gate_.lock();
  engine_ = std::move(*engine);
  gate_.unlock();
  // Else they have nothing to do before something is written. Where the system gives no thread, the
  // first transaction says so.
  return use([this](mvcc::Engine& opened) -> Result<void> {
    if (opened.checkpoint_due() && start_workers(opened)) workers_.look_at_checkpoint();
    return {};
  });
}

// They end in close(), or abandon(): before the engine does.
Result<void> StoreState::start_workers(mvcc::Engine& engine) {
  if (!options_.background || workers_.running()) return {};
  return workers_.start(
      engine.log(),
      {.delay = options_.async_delay, .flushed = [&engine] { engine.publish_durable(); }},
      {.due = [&engine] { return engine.checkpoint_due(); },
       .checkpoint = [this, &engine] { return checkpoint(engine); }});
}

Result<void> StoreState::close() {
  CAISSON_RETURN_IF_ERROR(check_process());
  if (!gate_.try_lock()) {
    return fail(Error(Code::kBusy, "another thread is inside a call of the store")
                    .with_advice("Close the store when the others are done with it."));
  }
  auto closed = close_engine();
  gate_.unlock();
  return closed;
}

Result<void> StoreState::close_engine() {
  if (follower_) {
    CAISSON_RETURN_IF_ERROR(follower_->check_unused());
    follower_.reset();
  }
  if (!engine_) return {};
  CAISSON_RETURN_IF_ERROR(engine_->check_unused());  // Nothing can be opened meanwhile.
  workers_.stop();
  auto closed = engine_->close();
  engine_.reset();
  return closed;
}

// --- Calls ---------------------------------------------------------------------------------------

Result<void> StoreState::checkpoint(mvcc::Engine& engine) {
  const auto begin = vfs_.clock().monotonic();
  auto written = engine.checkpoint();
  checkpoint_latency_.record(nanoseconds_of(vfs_.clock().monotonic() - begin));
  return written;
}

Result<mvcc::WriteTxn> StoreState::begin_write(mvcc::Engine& engine,
                                               std::chrono::nanoseconds timeout) {
  CAISSON_RETURN_IF_ERROR(start_workers(engine));
  return engine.begin_write(timeout);
}

Result<Committed> StoreState::commit(mvcc::WriteTxn txn, const CommitOptions& options) {
  const Durability durability = options.durability.value_or(options_.durability);
  const bool awaited = durability != Durability::kAsync;
  const auto wait = durability == Durability::kGroup ? options.wait.value_or(options_.group_wait)
                                                     : std::chrono::nanoseconds::zero();
  const auto begin = vfs_.clock().monotonic();
  auto committed = txn.commit(awaited ? mvcc::Durability::kSync : mvcc::Durability::kAsync, wait);
  commit_latency_.record(nanoseconds_of(vfs_.clock().monotonic() - begin));
  if (!committed) return fail(std::move(committed).error());
  workers_.committed(awaited);
  return Committed{.txn = committed->txn, .ticket = committed->ticket};
}

std::optional<Error> StoreState::poisoned() {
  auto cause = read([](auto& store) -> Result<std::optional<Error>> { return store.poisoned(); });
  return cause ? *std::move(cause) : std::move(cause).error();
}

Result<StoreStats> StoreState::stats() {
  return read([this](auto& store) -> Result<StoreStats> { return stats_of(store); });
}

namespace {

void add_positions(StoreStats& stats, const mvcc::PositionNeeds& positions) {
  stats.positions = positions.positions;
  stats.oldest_position = positions.oldest;
  stats.unreadable_positions = positions.unreadable;
}

void add_pages(StoreStats& stats, const pager::PagerStats& pages, std::uint32_t page_size) {
  stats.page_size = page_size;
  stats.pages = pages.page_count;
  stats.free_pages = pages.free_pages;
  stats.dead_pages = pages.dead_pages;
  stats.pages_first_read = pages.pages_verified;
  stats.pages_written = pages.pages_written;
  stats.pages_spilled = pages.pages_spilled;
  stats.frames = pages.frames;
  stats.dirty_frames = pages.dirty_frames;
  stats.cached_frames = pages.cached_frames;
  stats.retired_frames = pages.retired_frames;
  stats.mapped = pages.mapped;
  stats.locked_in_memory = pages.locked;
}

}  // namespace

StoreStats StoreState::stats_of(mvcc::Follower& follower) const {
  const mvcc::FollowerStats now = follower.stats();
  StoreStats stats;
  stats.published = now.published;
  stats.checkpointed = now.checkpoint;
  stats.replay_estimate = std::chrono::nanoseconds(now.replay_ns);
  stats.snapshots = now.snapshots.open;
  stats.oldest_snapshot = now.snapshots.oldest;
  stats.oldest_snapshot_age = std::chrono::nanoseconds(now.oldest_snapshot_age_ns);
  add_positions(stats, now.positions);
  add_pages(stats, now.pages, now.page_size);
  return stats;
}

StoreStats StoreState::stats_of(mvcc::Engine& engine) const {
  const mvcc::EngineStats now = engine.stats();
  const Checkpointer::Failures failures = workers_.failures();
  StoreStats stats;
  stats.published = now.published;
  stats.commits = now.commits;
  stats.rolled_back = now.rolled_back;
  stats.commit = latency_of(commit_latency_);
  stats.log_flushes = now.log.flushes;
  stats.log_bytes_written = now.log.bytes_written;
  stats.log_files_made = now.log.files_made;
  stats.log_files_recycled = now.log.files_recycled;
  stats.log_direct = now.log.direct;
  stats.flush = latency_of(engine.log().flush_latency());
  stats.checkpointed = now.checkpointed;
  stats.checkpoints = now.checkpoints;
  stats.checkpoint = latency_of(checkpoint_latency_);
  stats.replay_estimate = std::chrono::nanoseconds(now.replay_ns);
  stats.background_failures = failures.count;
  stats.last_background_failure = failures.last;
  stats.snapshots = now.snapshots.open;
  stats.oldest_snapshot = now.snapshots.oldest;
  stats.oldest_snapshot_age = std::chrono::nanoseconds(now.oldest_snapshot_age_ns);
  stats.pinned_bytes = now.pinned_pages * engine.pager().page_size();
  stats.checkpoints_read = now.readers.checkpoints;
  stats.oldest_checkpoint_read = now.readers.oldest;
  stats.unknown_readers = now.readers.unknown;
  stats.feeds = now.readers.feeds;
  add_positions(stats, now.positions);
  add_pages(stats, now.pages, engine.pager().page_size());
  return stats;
}

}  // namespace caisson::db
