// Method: one test for each class of faults that has cost stores like this one their data, named
// after it, on whole stores of a simulated machine: what is written to the disk, and how it is
// damaged, lost, cut off or refused. The oracle is a model by value of what was acknowledged.
//
// These are short, and so that somebody who asks for a class finds an answer. The searches through
// all calls, bits and lengths are beside each module: fault_test.cc, crash_test.cc,
// full_disk_test.cc and log_damage_test.cc here, pager/damage_test.cc, pager/crash_test.cc,
// log/recovery_test.cc. Classes of mappings are in mapping_fault_classes_test.cc, those that need a
// real system in tests/fault_classes_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/log_file.h"
#include "log/record.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/fault_classes.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/scenarios.h"
#include "mvcc/testing/tour.h"
#include "pager/meta.h"

namespace caisson::mvcc {
namespace {

using io::Call;
using io::sim::CrashMode;
using io::sim::FaultKind;
using io::sim::Machine;
using io::sim::TracedCall;
using testing::audit;
using testing::code_of;
using testing::cut_at_every_call;
using testing::EngineStore;
using testing::follow;
using testing::History;
using testing::judge;
using testing::judge_cuts;
using testing::kPages;
using testing::kStorePath;
using testing::live;
using testing::log_path;
using testing::Model;
using testing::put;
using testing::put_many;
using testing::put_next;
using testing::read_all;
using testing::Tour;
using testing::value_of;

// --- Commits, metas and the log ------------------------------------------------------------------

TEST(FaultClass, TornMetaCostsNothing) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  value_of(store.engine().checkpoint());
  put_many(store, history, 3);
  value_of(store.engine().checkpoint());
  const pager::MetaSlot slot = store.engine().pager().checkpointed().slot;
  store.kill();
  for (std::uint64_t kept = 0; kept < 1024; kept += 37) {
    EngineStore torn = store.copy(kept + 1);
    const std::vector<std::byte> lost(4096 - kept);
    torn.machine().image(kPages)->overwrite(pager::meta_offset(slot) + kept, lost);
    History after = history;
    ASSERT_EQ(judge(torn, after), "") << kept;
  }
}

TEST(FaultClass, TornFirstInitialisationIsNoStoreYetAndIsMadeAgain) {
  bool finished = false;
  for (std::uint64_t call = 0; !finished; ++call) {
    EngineStore store(std::make_unique<Machine>(call + 1), {});
    store.machine().inject({call, FaultKind::kPowerCut, false});
    finished = store.create().has_value();
    store.machine().clear_faults();
    store.machine().cut_power(CrashMode::kTorn);
    if (const auto opened = store.open(); !opened) {
      ASSERT_EQ(opened.error().code(), Code::kNotFound) << call;
      value_of(store.create());
    }
    History history;
    ASSERT_EQ(judge(store, history), "") << call;
  }
}

// A creation that failed, or whose process ended, before the flush of the folder that names the
// store: the next one finds a folder there, and once promised a store whose name was not durable.
TEST(FaultClass, DirectoryEntryNotDurableIsFlushedByWhoeverCreatesAgain) {
  for (std::uint64_t call = 0; call < 4; ++call) {
    EngineStore store(std::make_unique<Machine>(1), {});
    store.machine().inject({call, FaultKind::kKill, false});
    ASSERT_FALSE(store.create());
    store.machine().kill();
    value_of(store.create());
    value_of(store.open());
    History history;
    put_many(store, history, 1);
    ASSERT_NO_FATAL_FAILURE(judge_cuts(store, history)) << call;
  }
}

TEST(FaultClass, PageDurableAfterMetaIsPreventedByAFlushBetween) {
  EngineStore store;
  History history;
  put_many(store, history, 5);
  store.machine().record_trace(true);
  value_of(store.engine().checkpoint());
  const std::uint64_t metas_end = pager::meta_offset(pager::MetaSlot::kB) + 4096;
  bool flushed = true;
  std::uint64_t metas = 0;
  for (const TracedCall& call : store.machine().trace()) {
    if (call.file != pager::kPageFileName) continue;
    if (call.call == Call::kSyncData || call.call == Call::kSyncAll) flushed = true;
    if (call.call != Call::kWrite) continue;
    if (call.offset < metas_end) {
      EXPECT_TRUE(flushed);
      ++metas;
    }
    flushed = false;
  }
  EXPECT_EQ(metas, 1U);
  EXPECT_TRUE(flushed);
}

TEST(FaultClass, GrowthNotDurableNeverLiesBehindAMeta) {
  cut_at_every_call([](EngineStore& store, History& history) { put_many(store, history, 2); },
                    [](EngineStore& store, History& history) {
                      for (int i = 0; i < 3; ++i) {
                        if (!put_next(store, history, 60'000)) return;
                      }
                      (void)store.engine().checkpoint();
                    });
}

// What a disk did with the writes of a checkpoint, which it said it had done, shows as damage where
// the log does not make it good; never as something else.
void judge_writes(FaultKind kind) {
  std::uint64_t hit = 0;
  for (std::uint64_t call = 0; call < 60; ++call) {
    EngineStore store;
    History history;
    put_many(store, history, 10);
    value_of(store.engine().checkpoint());
    put_many(store, history, 30, 900);
    store.machine().inject({store.machine().calls() + call, kind, false});
    if (!store.engine().checkpoint()) continue;
    hit += store.machine().faults_hit();
    store.abandon();
    store.machine().cut_power(CrashMode::kEverything);
    const std::string wrong = judge(store, history);
    ASSERT_TRUE(wrong.empty() || wrong.find("corruption") != std::string::npos) << wrong;
  }
  EXPECT_GT(hit, 5U);
}

TEST(FaultClass, LostWriteIsReportedAndNeverReadAsData) { judge_writes(FaultKind::kLostWrite); }

TEST(FaultClass, MisdirectedWriteIsReportedAndNeverReadAsData) {
  judge_writes(FaultKind::kMisdirected);
}

TEST(FaultClass, BitRotInInteriorPageNamesThePageAndOtherTreesAreRead) {
  EngineStore store;
  Model model;
  for (const char* tree : {"left", "right"}) {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId id = testing::tree_in(txn, tree);
    for (int i = 0; i < 300; ++i) {
      const std::string key = "key" + std::to_string(i);
      value_of(txn.put(id, testing::bytes_of(key), testing::bytes_of(std::string(200, 'v'))));
      model[tree][key] = std::string(200, 'v');
    }
    value_of(txn.commit());
  }
  value_of(store.close());
  std::uint64_t reported = 0;
  std::uint64_t read_beside = 0;
  const std::uint64_t pages = store.machine().image(kPages)->cached().size() / 4096;
  for (std::uint64_t page = 17; page < pages; ++page) {
    EngineStore rotten = store.copy(page);
    rotten.machine().image(kPages)->flip_bit(page * 4096 + 1000, 3);
    if (!rotten.open()) continue;  // A page that opening reads.
    const Snapshot snapshot = value_of(rotten.engine().snapshot());
    const auto all = read_all(snapshot);
    if (all) {
      ASSERT_EQ(*all, model);  // Room, or an older version.
      continue;
    }
    ASSERT_EQ(all.error().code(), Code::kCorruption) << page;
    ASSERT_EQ(all.error().page(), page);
    ++reported;
    for (const char* tree : {"left", "right"}) {
      const TreeReader reader = value_of(snapshot.tree(testing::bytes_of(tree)));
      Cursor cursor = value_of(reader.cursor());
      std::uint64_t count = 0;
      for (auto more = cursor.first(); more && *more; more = cursor.next()) ++count;
      read_beside += count == 300 ? 1U : 0U;
    }
  }
  EXPECT_GT(reported, 20U);
  EXPECT_EQ(read_beside, reported);
}

TEST(FaultClass, NewestMetaThatRotsLaterTakesNoCommitAlong) {
  EXPECT_EQ(testing::rot_newest_meta({}), "");
}

TEST(FaultClass, LogTailOfGarbageOrZerosIsNoRecord) {
  EngineStore store;
  History history;
  put_many(store, history, 5);
  const LogPosition end = value_of(store.engine().snapshot()).state().log;
  store.kill();
  Random random(1);
  std::vector<std::byte> noise(8192);
  random.fill(noise);
  for (const auto& tail :
       {std::vector<std::byte>(8192), noise, std::vector<std::byte>(8192, std::byte{0xff})}) {
    for (const std::uint64_t at : {end.offset, log::batch_ceiling(end.offset)}) {
      EngineStore behind = store.copy(1);
      behind.machine().image(log_path(end.file))->overwrite(at, tail);
      History after = history;
      ASSERT_EQ(judge(behind, after), "") << at;
      put_many(behind, after, 2);
      behind.kill();
      ASSERT_EQ(judge(behind, after), "") << at;
    }
  }
}

// Batches in flight survive in part; others take their numbers and places; and so again.
TEST(FaultClass, StaleRecordBehindATornOneIsNeverApplied) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    EngineStore store({}, seed);
    History history;
    Random random(seed);
    for (int life = 0; life < 4; ++life) {
      put_many(store, history, 2);
      for (int i = 0; i < 4; ++i) {
        put_next(store, history, random.between(100, 9000), Durability::kQueued);
      }
      // The power goes between the write and its flush.
      store.machine().inject({store.machine().calls() + 1, FaultKind::kPowerCut, false});
      (void)store.engine().log().flush(store.engine().log().appended());
      store.abandon();
      store.machine().clear_faults();
      store.machine().cut_power(CrashMode::kTorn);
      ASSERT_EQ(judge(store, history), "") << "seed " << seed << " life " << life;
    }
  }
}

TEST(FaultClass, RecycledLogFileShowsNothingOfItsOldRecords) {
  EngineStore store;
  History history;
  for (int i = 0; store.engine().stats().log.files_recycled < 2; ++i) {
    ASSERT_LT(i, 200);
    put_many(store, history, 1, 9000);
    if (i % 5 == 0) value_of(store.engine().checkpoint());
  }
  put_many(store, history, 2);
  put_next(store, history, 9000, Durability::kQueued);
  (void)store.engine().log().flush(store.engine().log().appended());
  judge_cuts(store, history);
}

TEST(FaultClass, MidLogDamageWithValidRecordsAfterIsRefusedAndFilesAreKept) {
  EngineStore store;
  History history;
  put_many(store, history, 12, 3000);
  store.kill();
  const std::string path = log_path(1);
  store.machine().image(path)->overwrite(5 * 4096 + 200, std::vector<std::byte>(64));
  const Bytes image = store.machine().image(path)->cached();
  const std::vector<std::byte> before(image.begin(), image.end());
  const auto opened = store.open();
  ASSERT_EQ(code_of(opened), Code::kCorruption);
  EXPECT_EQ(opened.error().rule(), "RECOVER-3");
  EXPECT_TRUE(std::ranges::equal(store.machine().image(path)->cached(), before));
}

TEST(FaultClass, SkipAndContinueNeverHappensWhateverRecordIsDamaged) {
  EngineStore store;
  History history;
  put_many(store, history, 12, 3000);
  const std::uint64_t end = value_of(store.engine().snapshot()).state().log.offset;
  store.kill();
  std::uint64_t refused = 0;
  for (std::uint64_t at = log::kFileHeaderSize; at < end; at += 1000) {
    EngineStore damaged = store.copy(at);
    damaged.machine().image(log_path(1))->flip_bit(at, 2);
    if (const auto opened = damaged.open(); !opened) {
      ASSERT_EQ(opened.error().code(), Code::kCorruption) << at;
      ++refused;
      continue;
    }
    // Only the last batch can't be told from one that was torn.
    const std::size_t recovered = to_u64(damaged.engine().recovery().recovered);
    ASSERT_GE(recovered + 1, history.acknowledged) << at;
    ASSERT_EQ(value_of(read_all(value_of(damaged.engine().snapshot()))), history.states[recovered]);
  }
  EXPECT_GT(refused, 20U);
}

TEST(FaultClass, LogResetVersusCheckpointRaceLosesNothing) {
  cut_at_every_call(
      [](EngineStore& store, History& history) {
        put_many(store, history, 12, 9000);
        value_of(store.engine().checkpoint());
        put_many(store, history, 12, 9000);
      },
      [](EngineStore& store, History& history) {
        if (!store.engine().checkpoint()) return;
        if (!put_next(store, history)) return;
        (void)store.engine().checkpoint();
      });
}

TEST(FaultClass, FsyncFailureIsNeverRetriedAndNeverAcknowledged) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  store.machine().inject({store.machine().calls() + 1, FaultKind::kSyncDrops, false});
  EXPECT_FALSE(put_next(store, history));
  EXPECT_EQ(history.states.size(), 5U);  // Nobody knows about the last one.
  EXPECT_EQ(code_of(put(store.engine(), "t", "a", "1")), Code::kPoisoned);
  EXPECT_EQ(code_of(store.engine().checkpoint()), Code::kPoisoned);
  EXPECT_EQ(code_of(store.close()), Code::kPoisoned);
  judge_cuts(store, history);
  ASSERT_EQ(judge(store, history), "");
}

TEST(FaultClass, RecoveredDataOnlyInPageCacheIsMadeDurableBeforeItIsServed) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  ASSERT_TRUE(put_next(store, history, 300, Durability::kAsync));
  // The process is killed between the write and its flush.
  store.machine().inject({store.machine().calls() + 1, FaultKind::kKill, false});
  (void)store.engine().log().flush(store.engine().log().appended());
  store.kill();
  ASSERT_EQ(judge(store, history), "");
  const std::size_t told = history.acknowledged;
  store.abandon();
  store.machine().cut_power(CrashMode::kNothing);
  ASSERT_EQ(judge(store, history), "");
  EXPECT_EQ(history.acknowledged, told);
}

TEST(FaultClass, TransientIoErrorThenCleanCloseWritesNothing) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  store.machine().inject({store.machine().calls(), FaultKind::kIoError, false});
  EXPECT_FALSE(put_next(store, history));
  store.machine().record_trace(true);
  EXPECT_EQ(code_of(store.close()), Code::kPoisoned);
  store.abandon();
  for (const TracedCall& call : store.machine().trace()) EXPECT_NE(call.call, Call::kWrite);
  ASSERT_EQ(judge(store, history), "");
  EXPECT_FALSE(store.engine().recovery().was_closed);
}

TEST(FaultClass, OutOfSpaceMidCommitLeavesNothingAndWritingGoesOnWithRoom) {
  for (const io::sim::Capacity full : {io::sim::Capacity{.bytes = 0}, {.inodes = 0}}) {
    EngineStore store;
    History history;
    put_many(store, history, 3);
    store.machine().set_capacity(full);
    int refused = 0;
    for (int i = 0; i < 40; ++i) refused += put_next(store, history, 30'000) ? 0 : 1;
    EXPECT_GT(refused, 0);
    EXPECT_FALSE(store.engine().poisoned());
    EXPECT_EQ(value_of(read_all(value_of(store.engine().snapshot()))), history.states.back());
    store.machine().set_capacity({});
    put_many(store, history, 3);
    judge_cuts(store, history);
  }
}

TEST(FaultClass, ShortWritesAndInterruptionsAreSeenByNobody) {
  EngineStore store(std::make_unique<Machine>(1), {});
  Tour tour(store, {.fault = io::sim::Fault{.kind = FaultKind::kShort, .forever = true}});
  EXPECT_EQ(tour.run(), "");
  EXPECT_TRUE(tour.errors().empty());
  EngineStore interrupted;
  History history;
  for (int i = 0; i < 20; ++i) {
    interrupted.machine().inject({interrupted.machine().calls(), FaultKind::kInterrupted, false});
    put_many(interrupted, history, 1);
  }
  EXPECT_EQ(interrupted.machine().faults_hit(), 20U);
  interrupted.kill();
  EXPECT_EQ(judge(interrupted, history), "");
}

TEST(FaultClass, FreeListDoubleFreeOrLeakIsNowhereBehindRandomLives) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    EngineStore store({}, seed);
    History history;
    Random random(seed);
    for (int life = 0; life < 3; ++life) {
      store.kill();
      ASSERT_EQ(live(store, history, random, 25), "") << seed;
    }
    store.kill();
    ASSERT_EQ(judge(store, history), "") << seed;
    ASSERT_EQ(audit(store), "") << seed;
  }
}

TEST(FaultClass, LongReaderNeverStopsTheWriterAndIsSeen) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  const auto elsewhere = value_of(follow(store));
  const Snapshot kept = value_of(store.engine().snapshot());
  const Snapshot kept_elsewhere = value_of(elsewhere->snapshot());
  for (int i = 0; i < 60; ++i) {
    put_many(store, history, 10);
    value_of(store.engine().checkpoint());
  }
  EXPECT_EQ(store.engine().stats().snapshots.oldest, kept.txn());
  EXPECT_EQ(value_of(read_all(kept)), history.states[3]);
  EXPECT_EQ(value_of(read_all(kept_elsewhere)), history.states[3]);
}

TEST(FaultClass, NetworkFileSystemIsRefusedForWritingUnlessTold) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  value_of(store.close());
  store.machine().set_file_system(io::FileSystemKind::kNetwork);
  EXPECT_EQ(code_of(store.open()), Code::kUnsupported);
  EngineOptions told = store.options().engine_options();
  told.allow_network_file_system = true;
  const auto engine = value_of(Engine::open(store.machine().vfs(), kStorePath, told));
  EXPECT_EQ(value_of(read_all(value_of(engine->snapshot()))), history.states.back());
}

TEST(FaultClass, MispairedLogIsRefused) {
  EngineStore store({}, 1);
  EngineStore other({}, 2);
  History history;
  History ignored;
  put_many(store, history, 5);
  put_many(other, ignored, 5);
  store.kill();
  other.kill();
  *store.machine().image(log_path(1)) = *other.machine().image(log_path(1));
  EXPECT_EQ(code_of(store.open()), Code::kWrongStore);
}

// Files that were copied one after the other while the store was written: all of a state, or an
// error.
TEST(FaultClass, BackupByCopyWhileOpenIsAStateOfThePastOrRefused) {
  std::uint64_t whole = 0;
  for (int between = 0; between < 40; ++between) {
    for (const bool pages_first : {true, false}) {
      EngineStore store;
      History history;
      put_many(store, history, 20, 3000);
      value_of(store.engine().checkpoint());
      put_many(store, history, 3);
      EngineStore early = store.copy(1);
      for (int i = 0; i < between; ++i) {
        put_many(store, history, 1, 3000);
        if (i % 6 == 5) value_of(store.engine().checkpoint());
      }
      EngineStore late = store.copy(2);
      EngineStore& logs = pages_first ? late : early;
      EngineStore& pages = pages_first ? early : late;
      *logs.machine().image(kPages) = *pages.machine().image(kPages);
      if (const auto opened = logs.open(); !opened) {
        ASSERT_EQ(opened.error().code(), Code::kCorruption) << opened.error().to_string();
        continue;
      }
      const std::size_t recovered = to_u64(logs.engine().recovery().recovered);
      ASSERT_LT(recovered, history.states.size());
      const auto found = read_all(value_of(logs.engine().snapshot()));
      ASSERT_TRUE(found ? *found == history.states[recovered]
                        : found.error().code() == Code::kCorruption);
      whole += found ? 1U : 0U;
    }
  }
  EXPECT_GT(whole, 10U);
}

TEST(FaultClass, UnexpectedTempFilesAtRestartAreLeftOrRemovedAndHarmNothing) {
  EngineStore store;
  History history;
  put_many(store, history, 3);
  store.kill();
  {
    const auto folder = value_of(store.machine().vfs().open_directory(kStorePath));
    const auto logs = value_of(folder->open_directory("log"));
    constexpr auto kCreate = io::OpenMode::kCreate;
    const std::vector<std::byte> junk(5000, std::byte{7});
    value_of(value_of(folder->open_file("pages.tmp", {.mode = kCreate}))->write(0, junk));
    value_of(value_of(logs->open_file("notes", {.mode = kCreate}))->write(0, junk));
    value_of(value_of(logs->open_file("00000002.log.new", {.mode = kCreate}))->write(0, junk));
  }
  ASSERT_EQ(judge(store, history), "");
  put_many(store, history, 30, 9000);
  value_of(store.engine().checkpoint());
  store.kill();
  ASSERT_EQ(judge(store, history), "");
  EXPECT_NE(store.machine().image(std::string(kStorePath) + "/pages.tmp"), nullptr);
  EXPECT_NE(store.machine().image(std::string(kStorePath) + "/log/notes"), nullptr);
}

}  // namespace
}  // namespace caisson::mvcc
