#include "mvcc/testing/scenarios.h"

#include <optional>
#include <vector>

#include "mvcc/change_reader.h"
#include "mvcc/testing/crash_workload.h"
#include "pager/meta.h"

namespace caisson::mvcc::testing {

std::string publish_between(const StoreOptions& options) {
  EngineStore store(options);
  Engine& engine = store.engine();
  const auto fill = [&](char value, Durability durability) {
    WriteTxn txn = value_of(engine.begin_write());
    const TreeId tree = tree_in(txn, "t");
    for (int i = 0; i < 60; ++i) {
      value_of(
          txn.put(tree, bytes_of("key" + std::to_string(i)), bytes_of(std::string(200, value))));
    }
    return value_of(txn.commit(durability));
  };
  fill('a', Durability::kSync);
  const Committed sealed = fill('b', Durability::kQueued);
  Model expected;
  for (int i = 0; i < 60; ++i) expected["t"]["key" + std::to_string(i)] = std::string(200, 'b');
  store.machine().interleave(store.machine().calls(), [&] {
    fill('c', Durability::kQueued);
    fill('d', Durability::kQueued);
  });
  value_of(engine.wait_durable(sealed));
  const Snapshot snapshot = value_of(engine.snapshot());
  if (snapshot.txn() != sealed.txn) return "another state was published";
  const auto found = read_all(snapshot);
  if (!found) return "can't be read: " + found.error().to_string();
  return *found == expected ? "" : "something else is there";
}

namespace {

// Ends the process, damages the newest meta, and compares what is opened then.
std::string judge_without_newest_meta(EngineStore& store, History history) {
  const pager::MetaSlot slot = store.engine().pager().checkpointed().slot;
  store.kill();
  const std::vector<std::byte> zeros(64);
  store.machine()
      .image(std::string(kStorePath) + "/pages")
      ->overwrite(pager::meta_offset(slot) + 100, zeros);
  return judge(store, history);
}

// A commit of one key, and what it leaves.
void put_next(EngineStore& store, History& history, std::size_t size, Durability durability) {
  const std::string key = std::to_string(history.states.size());
  value_of(put(store.engine(), "t", key, std::string(size, 'v'), durability));
  history.states.push_back(history.states.back());
  history.states.back()["t"][key] = std::string(size, 'v');
  if (durability == Durability::kSync) history.acknowledged = history.states.size() - 1;
}

}  // namespace

std::string rot_newest_meta(const StoreOptions& options) {
  EngineStore long_log(options);
  History history;
  for (int i = 1; i <= 330; ++i) {
    put_next(long_log, history, 3000, Durability::kSync);
    if (i % 110 == 0) value_of(long_log.engine().checkpoint());
  }
  std::string wrong = judge_without_newest_meta(long_log, history);
  if (!wrong.empty()) return "with a long log: " + wrong;

  EngineStore not_awaited(options);
  history = {};
  put_next(not_awaited, history, 10, Durability::kSync);
  put_next(not_awaited, history, 10, Durability::kAsync);
  value_of(not_awaited.engine().checkpoint());
  not_awaited.abandon();
  not_awaited.machine().cut_power(io::sim::CrashMode::kNothing);
  if (wrong = judge(not_awaited, history); !wrong.empty()) return "behind a power cut: " + wrong;
  put_next(not_awaited, history, 10, Durability::kSync);
  wrong = judge_without_newest_meta(not_awaited, history);
  return wrong.empty() ? "" : "where a checkpoint was ahead: " + wrong;
}

namespace {

// Goes over all keys, so that each page is made anew.
void overwrite(EngineStore& store, Model& model, int round) {
  WriteTxn txn = value_of(store.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  for (int i = 0; i < 60; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::string value = std::to_string(round) + std::string(200, 'v');
    value_of(txn.put(tree, bytes_of(key), bytes_of(value)));
    model["t"][key] = value;
  }
  value_of(txn.commit());
}

// Several checkpoints of new pages, which take whatever is free.
void overwrite_all(EngineStore& store, Model& model, int round) {
  for (int i = 0; i < 4; ++i) {
    overwrite(store, model, 10 * round + i);
    value_of(store.engine().checkpoint());
  }
}

std::string compare(Result<Snapshot> snapshot, const Model& model, const char* which) {
  if (!snapshot) return std::string(which) + ": " + snapshot.error().to_string();
  const auto found = read_all(*snapshot);
  if (!found) return std::string(which) + ": " + found.error().to_string();
  return *found == model ? "" : std::string(which) + " has changed";
}

}  // namespace

std::string keep_the_past(const StoreOptions& options) {
  StoreOptions with_history = options;
  with_history.retention.checkpoints = 3;
  EngineStore store(with_history);
  Model model;
  overwrite(store, model, 1);
  const Model named = model;
  const TxnId txn = value_of(store.engine().retain("first"));
  std::vector<Model> states(to_u64(txn) + 1);
  states.back() = model;
  for (int round = 1; round < 6; ++round) {
    for (int i = 0; i < 4; ++i) {
      overwrite(store, model, 10 * round + i);
      states.push_back(model);
      if (i % 2 == 0) value_of(store.engine().checkpoint());
    }
    if (round == 2) value_of(store.close());
    if (round == 3) store.kill();
    if (round == 4) {
      const pager::MetaSlot slot = store.engine().pager().checkpointed().slot;
      store.kill();
      const std::vector<std::byte> zeros(64);
      store.machine()
          .image(std::string(kStorePath) + "/pages")
          ->overwrite(pager::meta_offset(slot) + 100, zeros);
    }
    if (!store.is_open()) value_of(store.open());
    std::string wrong = compare(store.engine().snapshot_named("first"), named, "what has a name");
    if (!wrong.empty()) return wrong;
    if (value_of(store.engine().snapshot_named("first")).txn() != txn) return "of another commit";
    const auto retained = value_of(store.engine().retained());
    for (const RetainedCheckpoint& checkpoint : retained) {
      for (std::uint64_t at = to_u64(checkpoint.txn); at < states.size(); ++at) {
        if (!checkpoint.history && at > to_u64(checkpoint.txn)) break;
        wrong = compare(store.engine().snapshot_as_of(TxnId{at}), states[at], "the past");
        if (!wrong.empty()) return wrong;
      }
    }
  }
  return "";
}

namespace {

// A reader that can't write its record is `anonymous` (VIEW-5).
std::string read_beside(const StoreOptions& options, bool anonymous) {
  EngineStore store(options);
  Model model;
  overwrite_all(store, model, 1);
  // Behind the checkpoint: what it changes is in the reader's memory, all else in the file.
  value_of(put(store.engine(), "u", "a", "1"));
  model["u"]["a"] = "1";
  store.machine().set_read_only(anonymous);
  const auto reader = value_of(follow(store));
  store.machine().set_read_only(false);
  const Model before = model;
  const Snapshot kept = value_of(reader->snapshot());
  for (int round = 3; round < 8; ++round) {
    overwrite_all(store, model, round);
    if (round == 5) {
      value_of(store.close());
      value_of(store.open());
    }
    const auto found = read_all(kept);
    if (!found) return "what another process reads: " + found.error().to_string();
    if (*found != before) return "what another process reads has changed";
  }
  return compare(reader->snapshot(), model, "the newest state elsewhere");
}

}  // namespace

std::string read_elsewhere(const StoreOptions& options) { return read_beside(options, false); }

std::string read_anonymously(const StoreOptions& options) { return read_beside(options, true); }

std::string look_between(const StoreOptions& options) {
  EngineStore store(options);
  Model model;
  overwrite(store, model, 1);
  const auto reader = value_of(follow(store));
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(put(store.engine(), "t", "b", "2", Durability::kQueued));
  // Queued commits are written with the next flush: a reader looks between the write and the flush.
  std::uint64_t seen = 0;
  store.machine().interleave(store.machine().calls() + 1, [&] {
    for (int i = 0; i < 3; ++i) {
      const auto snapshot = reader->snapshot();
      if (snapshot) seen = to_u64(snapshot->txn());
    }
    store.machine().inject({store.machine().calls(), io::sim::FaultKind::kPowerCut, false});
  });
  (void)store.engine().log().flush(store.engine().log().appended());
  if (seen == 0) return "nothing was seen";
  store.abandon();
  store.machine().clear_faults();
  store.machine().cut_power(io::sim::CrashMode::kNothing);
  value_of(store.open());
  const std::uint64_t recovered = to_u64(store.engine().recovery().recovered);
  return recovered >= seen ? "" : "another process has seen a commit that is lost";
}

std::string come_back_to_a_position(const StoreOptions& options) {
  EngineStore store(options);
  value_of(put(store.engine(), "t", "a", "1"));
  const auto source = [&store] { return value_of(store.engine().feed_source()); };
  value_of(ChangeReader::create_position(source(), "position", std::nullopt));
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 12; ++i) {
      value_of(put(store.engine(), "t", "a", std::string(15'000, 'v')));
      value_of(store.engine().checkpoint());
    }
    if (life == 0) store.kill();
    if (life == 1) value_of(store.close());
    if (!store.is_open()) value_of(store.open());
  }
  auto reader = ChangeReader::open_position(source(), "position");
  if (!reader) return "what a position needs is gone: " + reader.error().to_string();
  std::uint64_t commits = 0;
  for (; value_of(reader->next_commit()); ++commits) continue;
  return commits == 36 ? "" : "a position has led to " + std::to_string(commits) + " commits";
}

}  // namespace caisson::mvcc::testing
