// Method: stores used at random are backed up as they go on: as a base and increments, which are
// restored as a stream up to each of their commits, and as a copy that is brought up to date; each
// state is compared, by its hash, with what the store's own snapshot had behind that commit. Then
// archives with every byte damaged in turn, cut off at every length, put together wrongly; and
// copies whose update is cut off at every call.

#include "mvcc/backup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/long_history.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::bytes_of;
using testing::EngineStore;
using testing::is_there;
using testing::LongHistory;
using testing::put;
using testing::StoreOptions;
using testing::value_of;

using Archive = std::vector<std::byte>;

constexpr const char* kRestored = "/restored";
constexpr const char* kCopy = "/copy";

EngineOptions roomy_engine() {
  StoreOptions options;
  options.frames = 4096;
  return options.engine_options();
}

FreshStore fresh_store(const std::string& path) {
  return {.path = path, .create = {}, .engine = roomy_engine()};
}

ByteSink into(Archive& archive) {
  return [&archive](Bytes bytes) -> Result<void> {
    archive.insert(archive.end(), bytes.begin(), bytes.end());
    return {};
  };
}

// A few bytes at a time, since streams give what they like.
ByteSource from(const Archive& archive) {
  return [&archive, at = std::size_t{0}](MutableBytes bytes) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({bytes.size(), archive.size() - at, std::size_t{5000}});
    if (size > 0) std::memcpy(bytes.data(), archive.data() + at, size);
    at += size;
    return size;
  };
}

BackupSummary append_base(EngineStore& store, Archive& archive) {
  const Snapshot snapshot = value_of(store.engine().durable_snapshot());
  return value_of(
      write_base(store.machine().vfs(), snapshot, store.engine().uuid(), into(archive)));
}

BackupSummary append_increment(EngineStore& store, TxnId after, Archive& archive) {
  const Snapshot snapshot = value_of(store.engine().durable_snapshot());
  Feed feed = value_of(Feed::open_behind(value_of(store.engine().feed_source()), after));
  return value_of(write_increment(feed, snapshot, into(archive)));
}

Hash128 hash_of(Machine& machine, const std::string& path, TxnId txn) {
  const auto engine = value_of(Engine::open(machine.vfs(), path, roomy_engine()));
  EXPECT_TRUE(engine->recovery().was_closed);
  const Snapshot snapshot = value_of(engine->snapshot());
  EXPECT_EQ(snapshot.txn(), txn);
  return value_of(state_hash(snapshot));
}

// All of the history stays, so that a feed may begin anywhere.
StoreOptions kept(std::uint64_t seed) {
  constexpr std::uint32_t kPageSizes[] = {4096, 8192, 16384};
  StoreOptions options;
  options.page_size = kPageSizes[seed % 3];
  options.retention = {.checkpoints = 1000};
  return options;
}

// --- Archives ------------------------------------------------------------------------------------

TEST(Archive, LeadsToTheStateBehindAnyCommitSinceItsBase) {  // ARCHIVE-4 to ARCHIVE-6, COPY-1
  const Replay replay = Replay::from_environment({"seed", "txn"});
  std::uint64_t cases = 0;
  LongHistory::Counts all;
  for (const std::uint64_t seed : replay.seeds("seed", 1, long_run() ? 100 : 6 / stride(2))) {
    LongHistory history(kept(seed), seed);
    history.run(20);
    Archive archive;
    const BackupSummary base = append_base(history.store(), archive);
    TxnId last = base.txn;
    EXPECT_EQ(base.hash, history.hashes()[to_u64(last)]);
    for (int i = 0; i < 3; ++i) {
      history.run(10);
      const BackupSummary more = append_increment(history.store(), last, archive);
      EXPECT_EQ(more.from, last);
      EXPECT_EQ(more.commits, to_u64(more.txn) - to_u64(last));
      last = more.txn;
    }
    Machine& machine = history.store().machine();
    const std::uint64_t first = to_u64(base.txn);
    for (const std::uint64_t txn : replay.range("txn", first, to_u64(last) + 1, 3, seed % 3)) {
      const std::string path = kRestored + std::to_string(txn);
      const StateSummary done =
          value_of(restore(machine.vfs(), from(archive), fresh_store(path), TxnId{txn}));
      ASSERT_EQ(done.hash, history.hashes()[txn]) << replay.command({seed, txn});
      ASSERT_EQ(hash_of(machine, path, TxnId{txn}), history.hashes()[txn])
          << replay.command({seed, txn});
      ++cases;
    }
    const StateSummary whole =
        value_of(restore(machine.vfs(), from(archive), fresh_store(kRestored)));
    ASSERT_EQ(whole.txn, last);
    ASSERT_EQ(whole.hash, history.hashes()[to_u64(last)]);
    all.long_values += history.counts().long_values;
    all.spilled += history.counts().spilled;
    all.drops += history.counts().drops;
  }
  EXPECT_GT(all.long_values, 5);
  EXPECT_GT(all.spilled, 0);
  EXPECT_GT(all.drops, 0);
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST(Archive, SaysWhichCommitsItHolds) {
  EngineStore store(kept(1));
  Archive archive;
  for (int i = 0; i < 3; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
  append_base(store, archive);
  for (int i = 3; i < 6; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
  append_increment(store, TxnId{3}, archive);
  io::Vfs& vfs = store.machine().vfs();
  const auto early = restore(vfs, from(archive), fresh_store(kRestored), TxnId{2});
  EXPECT_EQ(early.error().code(), Code::kNotFound);
  EXPECT_NE(early.error().message().find("begins with commit 3"), std::string::npos);
  const auto late = restore(vfs, from(archive), fresh_store(kRestored), TxnId{7});
  EXPECT_EQ(late.error().code(), Code::kNotFound);
  EXPECT_NE(late.error().message().find("ends with commit 6"), std::string::npos);
  EXPECT_FALSE(is_there(store.machine(), "restored"));
  EXPECT_FALSE(is_there(store.machine(), "restored.unfinished"));
}

TEST(Archive, OfAnEmptyStoreIsRestoredAsOne) {
  EngineStore store;
  Archive archive;
  append_base(store, archive);
  append_increment(store, TxnId{}, archive);
  value_of(put(store.engine(), "t", "a", "1"));
  append_increment(store, TxnId{}, archive);
  const StateSummary done =
      value_of(restore(store.machine().vfs(), from(archive), fresh_store(kRestored)));
  EXPECT_EQ(done.txn, TxnId{1});
  EXPECT_EQ(hash_of(store.machine(), kRestored, TxnId{1}),
            value_of(state_hash(value_of(store.engine().snapshot()))));
}

// What is restored takes commits, and is backed up, like any other store.
TEST(Archive, IsRestoredToAStoreThatGoesOn) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  Archive archive;
  append_base(store, archive);
  io::Vfs& vfs = store.machine().vfs();
  value_of(restore(vfs, from(archive), fresh_store(kRestored)));
  const auto engine = value_of(Engine::open(vfs, kRestored, roomy_engine()));
  EXPECT_NE(engine->uuid(), store.engine().uuid());
  EXPECT_EQ(value_of(put(*engine, "t", "b", "2")).txn, TxnId{2});
  Archive again;
  value_of(write_base(vfs, value_of(engine->snapshot()), engine->uuid(), into(again)));
  value_of(restore(vfs, from(again), fresh_store("/again")));
}

// --- Archives that are damaged or put together wrongly -------------------------------------------

// A base and an increment, small, with all kinds of blocks.
struct Sample {
  Archive base;
  Archive increment;
  std::unique_ptr<EngineStore> store;

  Archive both() const {
    Archive stream = base;
    stream.insert(stream.end(), increment.begin(), increment.end());
    return stream;
  }
};

Sample make_sample() {
  Sample sample;
  sample.store = std::make_unique<EngineStore>(kept(0));
  EngineStore& store = *sample.store;
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(put(store.engine(), "t", "long", std::string(1500, 'v')));
  value_of(put(store.engine(), "u", "b", "2"));
  append_base(store, sample.base);
  value_of(put(store.engine(), "t", "a", "3"));
  append_increment(store, TxnId{3}, sample.increment);
  return sample;
}

Result<StateSummary> try_restore(Machine& machine, const Archive& archive) {
  return restore(machine.vfs(), from(archive), fresh_store(kRestored));
}

TEST(Archive, WithAnyByteDamagedIsRefused) {  // ARCHIVE-1, ARCHIVE-3
  const Sample sample = make_sample();
  const Archive whole = sample.both();
  for (std::size_t at = 0; at < whole.size(); at += at % 32 < 8 ? 1U : 7U) {
    Machine machine(at + 1);
    Archive damaged = whole;
    damaged[at] ^= std::byte{0x10};
    const auto restored = try_restore(machine, damaged);
    ASSERT_FALSE(restored) << at;
    ASSERT_EQ(restored.error().code(), Code::kCorruption) << restored.error().to_string();
    ASSERT_TRUE(restored.error().rule().starts_with("ARCHIVE-")) << at;
    ASSERT_FALSE(is_there(machine, "restored")) << at;
  }
}

TEST(Archive, CutOffAnywhereIsRefused) {  // ARCHIVE-2
  const Sample sample = make_sample();
  const Archive whole = sample.both();
  for (std::size_t size = 0; size < whole.size(); size += 5) {
    if (size == sample.base.size()) continue;
    Machine machine(size + 1);
    const auto restored =
        try_restore(machine, Archive(whole.begin(), whole.begin() + std::ptrdiff_t(size)));
    ASSERT_FALSE(restored) << size;
    ASSERT_EQ(restored.error().rule(), "ARCHIVE-2") << size;
    ASSERT_FALSE(is_there(machine, "restored")) << size;
  }
}

// The blocks of an archive.
std::vector<Archive> blocks_of(const Archive& archive) {
  std::vector<Archive> blocks;
  for (std::size_t at = 0; at < archive.size();) {
    const std::size_t size =
        kArchiveHeaderSize + value_of(decode_archive_payload_size(Bytes(archive).subspan(at)));
    blocks.emplace_back(archive.begin() + std::ptrdiff_t(at),
                        archive.begin() + std::ptrdiff_t(at + size));
    at += size;
  }
  return blocks;
}

Archive joined(const std::vector<Archive>& blocks) {
  Archive archive;
  for (const Archive& block : blocks) archive.insert(archive.end(), block.begin(), block.end());
  return archive;
}

TEST(Archive, WithBlocksMissingRepeatedOrExchangedIsRefused) {  // ARCHIVE-2
  const Sample sample = make_sample();
  const std::vector<Archive> blocks = blocks_of(sample.both());
  ASSERT_GT(blocks.size(), 8U);
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
    for (int kind = 0; kind < 3; ++kind) {
      Machine machine(i + 1);
      std::vector<Archive> changed = blocks;
      const auto at = changed.begin() + std::ptrdiff_t(i);
      if (kind == 0) changed.erase(at);
      if (kind == 1) changed.insert(at, Archive(blocks[i]));
      if (kind == 2) std::swap(changed[i], changed[i + 1]);
      const auto restored = try_restore(machine, joined(changed));
      ASSERT_FALSE(restored) << i << " " << kind;
      EXPECT_EQ(restored.error().rule(), "ARCHIVE-2") << i << " " << kind;
    }
  }
}

TEST(Archive, ThatDoesNotFollowIsRefused) {  // ARCHIVE-5
  Sample sample = make_sample();
  EngineStore& store = *sample.store;
  Archive later;
  value_of(put(store.engine(), "t", "a", "4"));
  append_increment(store, TxnId{4}, later);
  Machine machine(1);
  Archive stream = sample.base;
  stream.insert(stream.end(), later.begin(), later.end());
  EXPECT_EQ(try_restore(machine, stream).error().rule(), "ARCHIVE-5");
  stream = sample.both();
  stream.insert(stream.end(), sample.increment.begin(), sample.increment.end());
  EXPECT_EQ(try_restore(machine, stream).error().rule(), "ARCHIVE-2");
  EXPECT_EQ(try_restore(machine, sample.increment).error().code(), Code::kInvalidArgument);
  // Another store with as many commits.
  EngineStore other(kept(0), 2);
  for (int i = 0; i < 4; ++i) value_of(put(other.engine(), "t", "x", std::to_string(i)));
  Archive foreign;
  append_increment(other, TxnId{3}, foreign);
  stream = sample.base;
  stream.insert(stream.end(), foreign.begin(), foreign.end());
  EXPECT_EQ(try_restore(machine, stream).error().rule(), "ARCHIVE-5");
  // One that says that it is another store's.
  Archive renamed;
  const Snapshot snapshot = value_of(store.engine().durable_snapshot());
  Uuid uuid = store.engine().uuid();
  uuid.bytes[3] ^= std::byte{1};
  value_of(write_base(store.machine().vfs(), snapshot, uuid, into(renamed)));
  value_of(put(store.engine(), "t", "a", "5"));
  append_increment(store, snapshot.txn(), renamed);
  EXPECT_EQ(try_restore(machine, renamed).error().rule(), "ARCHIVE-5");
  // All of it, in its order.
  stream = sample.both();
  stream.insert(stream.end(), later.begin(), later.end());
  EXPECT_EQ(value_of(try_restore(machine, stream)).txn, TxnId{5});
}

// --- Writing -------------------------------------------------------------------------------------

TEST(Archive, ThatItsSinkRefusesIsAnError) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  int calls = 0;
  const ByteSink full = [&calls](Bytes) -> Result<void> {
    if (++calls < 3) return {};
    return fail(Code::kOutOfSpace, "full");
  };
  const Snapshot snapshot = value_of(store.engine().snapshot());
  EXPECT_EQ(write_base(store.machine().vfs(), snapshot, store.engine().uuid(), full).error().code(),
            Code::kOutOfSpace);
}

TEST(Archive, IsDrilledWithoutLeavingAnything) {
  EngineStore store;
  for (int i = 0; i < 20; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
  const Snapshot snapshot = value_of(store.engine().snapshot());
  io::Vfs& vfs = store.machine().vfs();
  Archive archive;
  const FreshStore drill = fresh_store("/drill");
  bool seen = false;
  const ByteSink sink = [&](Bytes bytes) -> Result<void> {
    seen = seen || is_there(store.machine(), "drill.unfinished");
    return into(archive)(bytes);
  };
  const BackupSummary done =
      value_of(write_base(vfs, snapshot, store.engine().uuid(), sink, {}, &drill));
  EXPECT_TRUE(seen);
  EXPECT_EQ(done.hash, value_of(state_hash(snapshot)));
  EXPECT_FALSE(is_there(store.machine(), "drill"));
  EXPECT_FALSE(is_there(store.machine(), "drill.unfinished"));
  value_of(restore(vfs, from(archive), fresh_store(kRestored)));
}

TEST(Archive, StopsWhenItIsAskedTo) {
  EngineStore store(kept(0));
  value_of(put(store.engine(), "t", "a", std::string(3U << 20U, 'v')));
  std::stop_source stop;
  stop.request_stop();
  const CopyOptions stopped{.progress = {}, .stop = stop.get_token()};
  Archive archive;
  const Snapshot snapshot = value_of(store.engine().snapshot());
  io::Vfs& vfs = store.machine().vfs();
  EXPECT_EQ(write_base(vfs, snapshot, store.engine().uuid(), into(archive), stopped).error().code(),
            Code::kStopped);
  Feed feed = value_of(Feed::open_behind(value_of(store.engine().feed_source()), TxnId{}));
  EXPECT_EQ(write_increment(feed, snapshot, into(archive), stopped).error().code(), Code::kStopped);
  archive.clear();
  append_base(store, archive);
  EXPECT_EQ(restore(vfs, from(archive), fresh_store(kRestored), {}, stopped).error().code(),
            Code::kStopped);
  EXPECT_FALSE(is_there(store.machine(), "restored.unfinished"));
}

// --- Copies that are brought up to date ----------------------------------------------------------

constexpr const char* kName = "nightly";

void make_copy(EngineStore& store) {
  const Snapshot snapshot = value_of(store.engine().durable_snapshot());
  FreshStore fresh = fresh_store(kCopy);
  fresh.create = snapshot.shape();
  value_of(
      copy_store(store.machine().vfs(), snapshot, fresh, copy_names(store.engine().uuid(), kName)));
}

Result<BackupSummary> update(EngineStore& store, TxnId after, std::string_view name = kName) {
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.engine().durable_snapshot());
  CAISSON_ASSIGN_OR_RETURN(Feed feed,
                           Feed::open_behind(value_of(store.engine().feed_source()), after));
  return update_copy(store.machine().vfs(), kCopy, roomy_engine(), feed, snapshot, name);
}

TEST(CopyUpdate, LeadsToTheStoresStateAndKeepsThoseBefore) {  // COPY-3
  const Replay replay = Replay::from_environment({"seed"});
  std::uint64_t cases = 0;
  for (const std::uint64_t seed : replay.seeds("seed", 1, long_run() ? 60 : 4 / stride(2))) {
    LongHistory history(kept(seed), seed);
    history.run(15);
    EngineStore& store = history.store();
    const TxnId base = value_of(store.engine().snapshot()).txn();
    make_copy(store);
    TxnId last = base;
    for (int i = 0; i < 3; ++i) {
      history.run(12);
      // From further back as well: what the copy has is passed over.
      const TxnId after = i == 1 ? base : last;
      const BackupSummary done = value_of(update(store, after));
      ASSERT_EQ(done.from, last) << replay.command({seed});
      ASSERT_EQ(done.hash, history.hashes()[to_u64(done.txn)]) << replay.command({seed});
      last = done.txn;
    }
    const auto engine = value_of(Engine::open(store.machine().vfs(), kCopy, roomy_engine()));
    for (std::uint64_t txn = to_u64(base); txn <= to_u64(last); txn += 5) {
      const Snapshot then = value_of(engine->snapshot_as_of(TxnId{txn}));
      ASSERT_EQ(value_of(state_hash(then)), history.hashes()[txn]) << replay.command({seed});
      ++cases;
    }
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST(CopyUpdate, RefusesWhatIsNoCopyOfTheStore) {  // COPY-3
  EngineStore store(kept(0));
  value_of(put(store.engine(), "t", "a", "1"));
  make_copy(store);
  value_of(put(store.engine(), "t", "a", "2"));
  EXPECT_EQ(update(store, TxnId{1}, "other").error().code(), Code::kWrongStore);
  // What the log no longer leads to.
  EXPECT_EQ(update(store, TxnId{2}).error().code(), Code::kNotFound);
  value_of(update(store, TxnId{1}));
  {
    const auto copy = value_of(Engine::open(store.machine().vfs(), kCopy, roomy_engine()));
    value_of(put(*copy, "t", "b", "somebody wrote here"));
  }
  EXPECT_EQ(update(store, TxnId{1}).error().code(), Code::kWrongStore);
  // As many commits, and not the same: nothing is applied on top of that.
  value_of(put(store.engine(), "t", "a", "3"));
  value_of(put(store.engine(), "t", "a", "4"));
  EXPECT_EQ(update(store, TxnId{1}).error().rule(), "COPY-3");
  const auto copy = value_of(Engine::open(store.machine().vfs(), kCopy, roomy_engine()));
  EXPECT_EQ(copy->published(), TxnId{3});
}

// An increment many times as large as the memory of whoever goes back into it. Each commit writes
// pages early, so that memory alone never asks for a checkpoint.
TEST(CopyUpdate, EachCommitCanBeGoneBackToWithLittleMemory) {  // COPY-3
  EngineStore store(kept(0));
  std::vector<Hash128> hashes(1);
  Random random(1);
  value_of(put(store.engine(), "t", "first", "v"));
  hashes.push_back(value_of(state_hash(value_of(store.engine().snapshot()))));
  const auto commit = [&] {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = value_of(txn.find_tree(bytes_of("t")))->id;
    for (int i = 0; i < 35; ++i) {
      value_of(txn.put(tree, bytes_of(std::to_string(random.below(400))),
                       bytes_of(std::string(900, 'v'))));
    }
    value_of(txn.commit(Durability::kAsync));
    hashes.push_back(value_of(state_hash(value_of(store.engine().snapshot()))));
  };
  for (int i = 0; i < 20; ++i) commit();
  make_copy(store);
  const TxnId base = store.engine().published();
  for (int i = 0; i < 40; ++i) commit();
  StoreOptions small;
  small.frames = 64;
  const Snapshot snapshot = value_of(store.engine().durable_snapshot());
  Feed feed = value_of(Feed::open_behind(value_of(store.engine().feed_source()), base));
  value_of(
      update_copy(store.machine().vfs(), kCopy, small.engine_options(), feed, snapshot, kName));
  for (std::uint64_t txn = to_u64(base); txn < hashes.size(); ++txn) {
    const auto copy =
        value_of(Follower::open(store.machine().vfs(), kCopy, small.engine_options()));
    ASSERT_EQ(value_of(state_hash(value_of(copy->snapshot_as_of(TxnId{txn})))), hashes[txn]) << txn;
  }
}

TEST(CopyUpdate, CutOffAnywhereLeavesOneOfTheStoresStates) {  // COPY-3
  const Replay replay = Replay::from_environment({"call", "kind"});
  EngineStore store(kept(0));
  std::vector<Hash128> hashes(1);
  const auto commit = [&](int i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(900, 'v')));
    hashes.push_back(value_of(state_hash(value_of(store.engine().snapshot()))));
  };
  for (int i = 0; i < 4; ++i) commit(i);
  make_copy(store);
  for (int i = 4; i < 12; ++i) commit(i);
  value_of(store.close());
  const auto begin = [&](std::uint64_t seed) {
    EngineStore twin = store.copy(seed);
    value_of(twin.open());
    return twin;
  };
  const std::uint64_t calls = [&] {
    EngineStore twin = begin(1);
    const std::uint64_t first = twin.machine().calls();
    value_of(update(twin, TxnId{4}));
    return twin.machine().calls() - first;
  }();
  for (const std::uint64_t call : replay.range("call", 0, calls + 1, stride(3))) {
    for (const std::uint64_t kind : replay.range("kind", 0, 2)) {
      const std::string command = replay.command({call, kind});
      EngineStore twin = begin(call + 1);
      Machine& machine = twin.machine();
      machine.inject({machine.calls() + call, kind == 0 ? FaultKind::kPowerCut : FaultKind::kKill});
      const bool done = update(twin, TxnId{4}).has_value();
      machine.clear_faults();
      twin.abandon();
      if (kind == 0) {
        machine.cut_power(io::sim::CrashMode::kTorn);
      } else {
        machine.kill();
      }
      std::uint64_t txn = 0;
      {
        const auto copy = value_of(Engine::open(machine.vfs(), kCopy, roomy_engine()));
        const Snapshot snapshot = value_of(copy->snapshot());
        txn = to_u64(snapshot.txn());
        ASSERT_GE(txn, done ? 12U : 4U) << command;
        ASSERT_EQ(value_of(state_hash(snapshot)), hashes[txn]) << command;
      }
      value_of(twin.open());
      ASSERT_EQ(value_of(update(twin, TxnId{4})).hash, hashes[12]) << command;
    }
  }
}

}  // namespace
}  // namespace caisson::mvcc
