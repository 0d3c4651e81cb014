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

Result<void> StoreState::open(const std::string& path, const Options& options) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  options_ = options;
  auto engine = mvcc::Engine::open(vfs_, path, engine_options(options));
  if (!engine && engine.error().code() == Code::kNotFound && options.create_if_missing) {
    auto made = create_store(vfs_, path, options.create, options);
    // Another process may have been faster.
    if (!made && made.error().code() != Code::kAlreadyExists) return made;
    engine = mvcc::Engine::open(vfs_, path, engine_options(options));
    if (!engine && !made) return made;
  }
  if (!engine) return fail(std::move(engine).error());
  const mvcc::RecoveryReport& report = (*engine)->recovery();
  recovery_ = {.was_closed = report.was_closed,
               .older_checkpoint = report.older_checkpoint,
               .checkpoint = report.checkpoint,
               .recovered = report.recovered,
               .log_bytes = report.log_bytes,
               .operations = report.operations};
  uuid_ = (*engine)->uuid();
  gate_.lock();
  engine_ = std::move(*engine);
  gate_.unlock();
  if (!options.background || options.read_only) return {};
  auto started = start_workers();
  if (!started) (void)close();
  return started;
}

// They end in close(), or abandon(): before the engine does.
Result<void> StoreState::start_workers() {
  return use([this](mvcc::Engine& engine) {
    return workers_.start(
        engine.log(),
        {.delay = options_.async_delay, .flushed = [&engine] { engine.publish_durable(); }},
        {.due = [&engine] { return engine.checkpoint_due(); },
         .checkpoint = [this, &engine] { return checkpoint(engine); }});
  });
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

StoreStats StoreState::stats(mvcc::Engine& engine) const {
  const mvcc::EngineStats now = engine.stats();
  const Checkpointer::Failures failures = workers_.failures();
  const bool has_log = !engine.read_only();
  return {.published = now.published,
          .commits = now.commits,
          .rolled_back = now.rolled_back,
          .commit = latency_of(commit_latency_),
          .log_flushes = now.log.flushes,
          .log_bytes_written = now.log.bytes_written,
          .log_files_made = now.log.files_made,
          .log_files_recycled = now.log.files_recycled,
          .log_direct = now.log.direct,
          .flush = has_log ? latency_of(engine.log().flush_latency()) : Latency{},
          .checkpointed = now.checkpointed,
          .checkpoints = now.checkpoints,
          .checkpoint = latency_of(checkpoint_latency_),
          .replay_estimate = std::chrono::nanoseconds(now.replay_ns),
          .background_failures = failures.count,
          .last_background_failure = failures.last,
          .snapshots = now.snapshots,
          .oldest_snapshot = now.oldest_snapshot,
          .page_size = engine.pager().page_size(),
          .pages = now.pages.page_count,
          .free_pages = now.pages.free_pages,
          .dead_pages = now.pages.dead_pages,
          .pages_first_read = now.pages.pages_verified,
          .pages_written = now.pages.pages_written,
          .pages_spilled = now.pages.pages_spilled,
          .frames = now.pages.frames,
          .dirty_frames = now.pages.dirty_frames,
          .cached_frames = now.pages.cached_frames,
          .retired_frames = now.pages.retired_frames,
          .mapped = now.pages.mapped,
          .locked_in_memory = now.pages.locked};
}

}  // namespace caisson::db
