// Method: stores that are half made, that lack a file, or whose files are damaged, on the simulated
// machine; what is opened is compared by value.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "log/log_file.h"
#include "mvcc/testing/harness.h"
#include "pager/meta.h"

namespace caisson::mvcc {
namespace {

using io::sim::FaultKind;
using io::sim::Machine;
using testing::code_of;
using testing::EngineStore;
using testing::kStorePath;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::value_of;

Model contents(Engine& engine) { return value_of(read_all(value_of(engine.snapshot()))); }

std::string log_path(std::uint64_t sequence) {
  return std::string(kStorePath) + "/log/" + log::file_name(sequence);
}

TEST(Create, ThatIsCutOffAnywhereLeavesNoStoreOrAnEmptyOne) {  // STORE-1, STORE-2
  for (const FaultKind kind : {FaultKind::kPowerCut, FaultKind::kKill}) {
    std::uint64_t finished = 0;
    for (std::uint64_t call = 0; finished == 0; ++call) {
      EngineStore store(std::make_unique<Machine>(call + 1), {});
      store.machine().inject({call, kind, false});
      finished = store.create() ? call : 0;
      if (kind == FaultKind::kPowerCut) {
        store.machine().cut_power(io::sim::CrashMode::kTorn);
      } else {
        store.machine().kill();
      }
      store.machine().clear_faults();
      auto opened = store.open();
      if (!opened) {
        ASSERT_EQ(opened.error().code(), Code::kNotFound) << opened.error().to_string() << call;
        value_of(store.create());
        value_of(store.open());
      }
      ASSERT_EQ(contents(store.engine()), Model{});
      value_of(put(store.engine(), "t", "a", "1"));
    }
    EXPECT_GT(finished, 20U);
  }
}

TEST(Create, DoesNotTouchWhatIsThere) {  // STORE-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.close());
  EXPECT_EQ(code_of(store.create()), Code::kAlreadyExists);
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  value_of(directory->unlink("pages"));
  // The log is all that is left: it is not overwritten.
  const auto refused = store.create();
  ASSERT_EQ(code_of(refused), Code::kAlreadyExists);
  EXPECT_EQ(refused.error().rule(), "STORE-2");
  EXPECT_EQ(code_of(store.open()), Code::kNotFound);
}

TEST(Create, RefusesAFolderWithOtherThings) {
  Machine machine(1);
  value_of(machine.vfs().create_directory("/things"));
  const auto directory = value_of(machine.vfs().open_directory("/things"));
  value_of(directory->open_file("letter", {.mode = io::OpenMode::kCreate}));
  EXPECT_EQ(code_of(Engine::create(machine.vfs(), "/things", {})), Code::kAlreadyExists);
  EXPECT_EQ(value_of(directory->list()), std::vector<std::string>{"letter"});
}

TEST(Create, DoesNotTouchFilesOfOthersInAFolderNamedLog) {  // STORE-2
  Machine machine(1);
  value_of(machine.vfs().create_directory("/app"));
  const auto app = value_of(machine.vfs().open_directory("/app"));
  value_of(app->make_directory("log"));
  const auto logs = value_of(app->open_directory("log"));
  value_of(logs->open_file("app.log", {.mode = io::OpenMode::kCreate}));
  EXPECT_EQ(code_of(Engine::create(machine.vfs(), "/app", {})), Code::kAlreadyExists);
  value_of(logs->unlink("app.log"));
  // Zeros in front, and something behind.
  const auto file = value_of(logs->open_file("00000001.log", {.mode = io::OpenMode::kCreate}));
  value_of(file->write(40'000, std::vector<std::byte>(10, std::byte{1})));
  EXPECT_EQ(code_of(Engine::create(machine.vfs(), "/app", {})), Code::kAlreadyExists);
  EXPECT_EQ(value_of(logs->list()), std::vector<std::string>{"00000001.log"});
}

TEST(Open, ForWritingIsForOne) {  // STORE-3
  EngineStore store;
  const auto second = Engine::open(store.machine().vfs(), kStorePath, {});
  EXPECT_EQ(code_of(second), Code::kBusy);
  value_of(store.close());
  EXPECT_TRUE(Engine::open(store.machine().vfs(), kStorePath, {}));
}

TEST(Open, AFolderWithoutAStoreIsNotFoundAndStaysAsItIs) {
  Machine machine(1);
  value_of(machine.vfs().create_directory("/empty"));
  EXPECT_EQ(code_of(Engine::open(machine.vfs(), "/empty", {})), Code::kNotFound);
  EXPECT_EQ(value_of(value_of(machine.vfs().open_directory("/empty"))->list()),
            std::vector<std::string>{});
}

TEST(Open, WritesNothingBeforeItHasReadAllOfTheLog) {  // OPENING-1, OPENING-2
  EngineStore store;
  for (int i = 0; i < 20; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
  store.kill();
  // A commit in the middle has rotted, and later ones say that it was acknowledged.
  store.machine().image(log_path(1))->overwrite(5 * 4096 + 200, std::vector<std::byte>(64));
  store.machine().record_trace(true);
  const auto opened = store.open();
  ASSERT_EQ(code_of(opened), Code::kCorruption);
  EXPECT_EQ(opened.error().rule(), "RECOVER-3");
  for (const auto& call : store.machine().trace()) {
    // LOCK-2
    if (call.file.ends_with(kLockFileName)) continue;
    EXPECT_NE(call.call, io::Call::kWrite) << call.file;
  }
}

// Two checkpoints and commits behind them; the newest meta, or a page of its root, rots.
TEST(Open, FallsBackToTheOlderCheckpointWhereTheLogReachesOn) {  // OPENING-3
  for (const bool page_rots : {false, true}) {
    EngineStore store;
    Model model;
    for (int i = 0; i < 30; ++i) {
      const std::string key = "key" + std::to_string(i);
      value_of(put(store.engine(), "t", key, std::string(500, 'v')));
      model["t"][key] = std::string(500, 'v');
      if (i == 10 || i == 20) value_of(store.engine().checkpoint());
    }
    const pager::Meta newest = store.engine().pager().checkpointed();
    store.kill();
    const std::uint64_t at = page_rots ? to_u64(newest.root.id) * newest.page_size + 100
                                       : pager::meta_offset(newest.slot) + 40;
    store.machine()
        .image(std::string(kStorePath) + "/pages")
        ->overwrite(at, std::vector<std::byte>(16, std::byte{0xA5}));
    value_of(store.open());
    EXPECT_EQ(store.engine().recovery().older_checkpoint, page_rots);
    EXPECT_LT(store.engine().recovery().checkpoint, newest.txn);
    EXPECT_EQ(contents(store.engine()), model);
    value_of(store.close());
    value_of(store.open());
    EXPECT_EQ(contents(store.engine()), model);
  }
}

TEST(Open, RefusesWhereTheLogDoesNotReachBack) {  // RECOVER-5
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  store.kill();
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  const auto logs = value_of(directory->open_directory("log"));
  value_of(logs->unlink(log::file_name(1)));
  EXPECT_EQ(code_of(store.open()), Code::kCorruption);
}

TEST(Open, OfAStoreThatWasClosedNeitherFlushesNorSearchesTheLog) {  // OPENING-4
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().log().mark_idle());
  value_of(store.close());
  store.machine().record_trace(true);
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().was_closed);
  std::uint64_t log_bytes = 0;
  for (const auto& call : store.machine().trace()) {
    if (!call.file.ends_with(".log")) continue;
    EXPECT_NE(call.call, io::Call::kSyncData);
    if (call.call == io::Call::kRead) log_bytes += call.size;
  }
  EXPECT_LT(log_bytes, 200'000U);
}

// Copies the files of a folder into another one, of which only the name is durable.
void copy_files(io::Directory& from, io::Directory& into) {
  for (const std::string& name : value_of(from.list())) {
    const auto source = from.open_file(name, {});
    if (!source) continue;  // A folder.
    std::vector<std::byte> bytes(value_of((*source)->size()));
    value_of((*source)->read_exactly(0, bytes));
    const auto copy = value_of(into.open_file(name, {io::OpenMode::kCreate, false}));
    value_of(copy->write(0, bytes));
  }
}

TEST(Open, OfACopyThatWasNeverFlushedMakesAllOfItDurableBeforeTheFirstCommit) {  // OPEN-1
  constexpr const char* kCopyPath = "/copy";
  EngineStore store;
  for (int i = 0; i < 200; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(1000, 'v')));
  }
  Model expected = contents(store.engine());
  value_of(store.close());
  io::Vfs& vfs = store.machine().vfs();
  value_of(vfs.create_directory(kCopyPath));
  const auto from = value_of(vfs.open_directory(kStorePath));
  const auto into = value_of(vfs.open_directory(kCopyPath));
  copy_files(*from, *into);
  value_of(into->make_directory("log"));
  copy_files(*value_of(from->open_directory("log")), *value_of(into->open_directory("log")));
  {
    const auto engine = value_of(Engine::open(vfs, kCopyPath, store.options().engine_options()));
    EXPECT_TRUE(engine->recovery().was_closed);
    value_of(put(*engine, "t", "b", "2"));
  }
  store.machine().cut_power(io::sim::CrashMode::kNothing);
  expected["t"]["b"] = "2";
  const auto engine = value_of(Engine::open(vfs, kCopyPath, store.options().engine_options()));
  EXPECT_EQ(contents(*engine), expected);
}

TEST(Open, OfAStoreThatWasClosedBehindARolledBackTransactionIsToldAsWell) {  // OPENING-4
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = testing::tree_in(txn, "t");
    const std::string value(50'000, 'v');
    for (const char* key : {"b", "c", "d"}) {
      value_of(txn.put(tree, testing::bytes_of(key), testing::bytes_of(value)));
    }
  }
  value_of(store.close());
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().was_closed);
  value_of(put(store.engine(), "t", "b", "2"));
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}, {"b", "2"}}}}));
}

TEST(Open, ALongReplayMakesACheckpointDueAndThatCheckpointDoesNot) {
  EngineStore store;
  EXPECT_FALSE(store.engine().checkpoint_due());
  store.kill();
  const auto engine = [&] {
    return value_of(Engine::open(store.machine().vfs(), kStorePath,
                                 {.address_space_bytes = std::uint64_t{1} << 28U,
                                  .log = store.options().log,
                                  .replay_time_max_ns = 100'000}));
  };
  {
    const auto first = engine();
    for (int i = 0; i < 100; ++i) value_of(put(*first, "t", std::to_string(i), "v"));
    EXPECT_TRUE(first->checkpoint_due());
  }
  store.machine().kill();
  const auto second = engine();
  EXPECT_EQ(second->recovery().operations, 101U);
  EXPECT_TRUE(second->checkpoint_due());
  value_of(second->checkpoint());
  EXPECT_FALSE(second->checkpoint_due());
  EXPECT_EQ(second->stats().replay_ns, 0U);
}

TEST(Close, RefusesWhileSomethingIsOpenAndCanBeCalledAgain) {
  EngineStore store;
  {
    const Snapshot snapshot = value_of(store.engine().snapshot());
    EXPECT_EQ(code_of(store.engine().close()), Code::kBusy);
  }
  {
    const WriteTxn txn = value_of(store.engine().begin_write());
    EXPECT_EQ(code_of(store.engine().close()), Code::kBusy);
  }
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().close());
  value_of(store.engine().close());
  EXPECT_EQ(code_of(store.engine().begin_write()), Code::kInvalidArgument);
}

}  // namespace
}  // namespace caisson::mvcc
