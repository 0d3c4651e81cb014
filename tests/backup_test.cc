// Method: stores on the real file system are backed up through the public interface, to directories
// and to streams, and what is restored is compared with what the store held behind each commit. How
// backups fare under crashes and damage is mvcc/backup_test.cc's.

#include <caisson/store.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/support.h"

namespace caisson {
namespace {

namespace fs = std::filesystem;
using testing::contents;
using testing::StoreTest;
using testing::value_of;

using Entries = std::map<std::string, std::string>;

// What a state's one tree holds.
Entries entries_of(const Snapshot& snapshot) {
  const auto tree = snapshot.tree("notes");
  return tree ? contents(*tree) : Entries{};
}

class Backup : public StoreTest {
 protected:
  // Commit i + 1 sets the key i, and every third removes one.
  TxnId write(Store& store, int commits, Durability durability = Durability::kSync) {
    TxnId last{};
    for (int i = 0; i < commits; ++i) {
      WriteTxn txn = value_of(store.begin_write());
      WriteTree notes = value_of(txn.open_or_create_tree("notes"));
      const int number = static_cast<int>(states_.size());
      value_of(notes.put(std::to_string(number), std::string(200, 'v')));
      if (number % 3 == 2) value_of(notes.erase(std::to_string(number - 1)));
      last = value_of(txn.commit({.durability = durability})).txn;
      states_[to_u64(last)] = entries_of(value_of(store.snapshot()));
    }
    return last;
  }

  Entries at(const std::string& store, std::optional<TxnId> txn = {}) const {
    const Store opened = value_of(Store::open(path(store), {.read_only = true}));
    return entries_of(txn ? value_of(opened.snapshot_as_of(*txn)) : value_of(opened.snapshot()));
  }

  BackupSink into(std::string& stream) {
    return [&stream](Bytes bytes) -> Result<void> {
      stream += as_text(bytes);
      return {};
    };
  }

  static BackupSource from(const std::string& stream) {
    return [&stream, done = std::size_t{0}](MutableBytes bytes) mutable -> Result<std::size_t> {
      const std::size_t size = std::min(bytes.size(), stream.size() - done);
      std::memcpy(bytes.data(), stream.data() + done, size);
      done += size;
      return size;
    };
  }

  Store make() { return value_of(Store::create(path("store"))); }

  std::map<std::uint64_t, Entries> states_;
};

TEST_F(Backup, ToADirectoryIsAStore) {
  Store store = make();
  const TxnId last = write(store, 10);
  const BackupReport report = value_of(store.backup(path("copy")));
  EXPECT_FALSE(report.increment);
  EXPECT_EQ(report.txn, last);
  EXPECT_EQ(report.trees, 1U);
  EXPECT_EQ(report.entries, states_[10].size());
  EXPECT_EQ(report.state_hash.size(), 32U);
  EXPECT_EQ(at("copy"), states_[10]);
  Store copy = value_of(Store::open(path("copy")));
  EXPECT_TRUE(copy.recovery().was_closed);
  EXPECT_NE(copy.uuid(), store.uuid());
  EXPECT_EQ(write(copy, 1), TxnId{11});
}

TEST_F(Backup, UnderANameIsBroughtUpToDateAndKeepsItsStates) {
  Store store = make();
  write(store, 5);
  EXPECT_EQ(value_of(store.backup(path("copy"), {.name = "nightly"})).txn, TxnId{5});
  EXPECT_EQ(value_of(store.positions()).size(), 1U);
  for (int round = 0; round < 3; ++round) {
    write(store, 4);
    value_of(store.checkpoint());
    value_of(store.checkpoint());  // Else the log would be there anyway.
    const BackupReport more = value_of(store.backup(path("copy"), {.name = "nightly"}));
    EXPECT_TRUE(more.increment);
    EXPECT_EQ(to_u64(more.txn) - to_u64(more.from), 4U);
    EXPECT_EQ(value_of(store.positions())[0].txn, more.txn);
  }
  for (std::uint64_t txn = 5; txn <= 17; ++txn) {
    EXPECT_EQ(at("copy", TxnId{txn}), states_[txn]) << txn;
    const std::string restored = "restored" + std::to_string(txn);
    EXPECT_EQ(value_of(restore(path("copy"), path(restored), {.as_of = TxnId{txn}})).txn,
              TxnId{txn});
    EXPECT_EQ(at(restored), states_[txn]) << txn;
  }
  EXPECT_EQ(restore(path("copy"), path("early"), {.as_of = TxnId{4}}).error().code(),
            Code::kNotFound);
  EXPECT_FALSE(fs::exists(path("early")));
  // With nothing new it is as it was.
  const BackupReport same = value_of(store.backup(path("copy"), {.name = "nightly"}));
  EXPECT_EQ(same.from, same.txn);
}

TEST_F(Backup, ToAStreamIsRestoredWithItsIncrements) {
  Store store = make();
  write(store, 5);
  std::string stream;
  const BackupReport base = value_of(store.backup(into(stream), {.name = "tape"}));
  EXPECT_EQ(base.stream_bytes, stream.size());
  for (int round = 0; round < 2; ++round) {
    write(store, 4);
    value_of(store.checkpoint());
    value_of(store.checkpoint());
    const BackupReport more = value_of(store.backup(into(stream), {.name = "tape"}));
    EXPECT_TRUE(more.increment);
  }
  const RestoreReport all = value_of(restore(from(stream), path("all")));
  EXPECT_EQ(all.txn, TxnId{13});
  EXPECT_EQ(at("all"), states_[13]);
  EXPECT_EQ(value_of(restore(from(stream), path("some"), {.as_of = TxnId{7}})).txn, TxnId{7});
  EXPECT_EQ(at("some"), states_[7]);
  // The same state, the same hash, whatever way it took.
  EXPECT_EQ(all.state_hash, value_of(store.backup(path("copy"))).state_hash);
}

TEST_F(Backup, IsMadeOfAStoreThatIsOnlyRead) {
  Store store = make();
  write(store, 5);
  const Store reader = value_of(Store::open(path("store"), {.read_only = true}));
  write(store, 5);
  EXPECT_EQ(value_of(reader.backup(path("copy"), {.name = "nightly"})).txn, TxnId{10});
  write(store, 3);
  EXPECT_EQ(value_of(reader.backup(path("copy"), {.name = "nightly"})).from, TxnId{10});
  EXPECT_EQ(at("copy"), states_[13]);
}

TEST_F(Backup, HoldsCommitsThatNobodyHasWaitedFor) {
  Store store = make();
  write(store, 20, Durability::kAsync);
  EXPECT_EQ(value_of(store.backup(path("copy"))).txn, TxnId{20});
  EXPECT_EQ(at("copy"), states_[20]);
}

TEST_F(Backup, IsDrilledWithoutLeavingAnything) {
  Store store = make();
  write(store, 5);
  std::string stream;
  value_of(store.backup(path("copy"), {.name = "a", .drill_path = path("drill")}));
  value_of(store.backup(path("copy"), {.name = "a", .drill_path = path("drill")}));
  value_of(store.backup(into(stream), {.name = "b", .drill_path = path("drill")}));
  EXPECT_FALSE(fs::exists(path("drill")));
  EXPECT_FALSE(fs::exists(path("drill.unfinished")));
  const auto increment = store.backup(into(stream), {.name = "b", .drill_path = path("drill")});
  EXPECT_EQ(increment.error().code(), Code::kInvalidArgument);
}

TEST_F(Backup, SaysWhatIsInItsWay) {
  Store store = make();
  write(store, 2);
  const auto code = [&](const std::string& name, const BackupOptions& options) {
    const auto made = store.backup(path(name), options);
    return made ? Code{255} : made.error().code();
  };
  EXPECT_EQ(code("store", {}), Code::kAlreadyExists);
  EXPECT_EQ(code("none/copy", {}), Code::kNotFound);
  EXPECT_EQ(code("copy", {.name = std::string(201, 'n')}), Code::kInvalidArgument);
  EXPECT_EQ(code("copy", {.name = "a"}), Code{255});
  EXPECT_EQ(code("copy", {.name = "b"}), Code::kNotFound);        // No position.
  EXPECT_EQ(code("other", {.name = "a"}), Code::kAlreadyExists);  // The position is another's.
  EXPECT_FALSE(fs::exists(path("other")));
  // A position of somebody else's, and a trial in the way, are seen before anything is done.
  value_of(store.remove_position("backup:a"));
  EXPECT_EQ(code("copy", {.name = "a"}), Code::kNotFound);
  EXPECT_EQ(code("new", {.name = "c", .drill_path = path("copy")}), Code::kAlreadyExists);
  EXPECT_FALSE(fs::exists(path("new")));
  value_of(store.create_position("backup:a"));
  EXPECT_EQ(code("store", {.name = "a"}), Code::kBusy);
  value_of(store.backup(path("plain")));
  EXPECT_EQ(code("plain", {.name = "a"}), Code::kWrongStore);
  EXPECT_EQ(restore(path("missing"), path("new")).error().code(), Code::kNotFound);
  EXPECT_EQ(restore(path("copy"), path("plain")).error().code(), Code::kAlreadyExists);
  value_of(store.close());
  EXPECT_EQ(code("late", {}), Code::kInvalidArgument);
}

TEST_F(Backup, MayBeManyTimesAsLargeAsItsMemory) {
  const Options small{.memory_budget_bytes = std::uint64_t{2} << 20U};
  Store store = value_of(Store::create(path("store"), {}, small));
  WriteTxn txn = value_of(store.begin_write());
  WriteTree notes = value_of(txn.create_tree("notes"));
  for (int i = 0; i < 1000; ++i) {
    value_of(notes.put(std::to_string(i), std::string(20'000, 'v')));
  }
  value_of(txn.commit());
  std::string stream;
  const BackupReport report = value_of(store.backup(path("copy")));
  value_of(store.backup(into(stream), {.drill_path = path("drill")}));
  EXPECT_EQ(value_of(restore(from(stream), path("again"))).state_hash, report.state_hash);
}

// The name of a stream is its own: neither a directory's nor what else follows the store.
TEST_F(Backup, EachKindBeginsWithAllOfTheStore) {
  Store store = make();
  write(store, 3);
  value_of(store.create_position("a"));
  write(store, 1);
  std::string stream;
  EXPECT_FALSE(value_of(store.backup(path("copy"), {.name = "a"})).increment);
  EXPECT_FALSE(value_of(store.backup(into(stream), {.name = "a"})).increment);
  write(store, 1);
  EXPECT_TRUE(value_of(store.backup(path("copy"), {.name = "a"})).increment);
  EXPECT_TRUE(value_of(store.backup(into(stream), {.name = "a"})).increment);
  EXPECT_EQ(value_of(store.positions()).size(), 3U);
  // And begins anew, if asked to.
  write(store, 1);
  std::string anew;
  EXPECT_FALSE(value_of(store.backup(into(anew), {.name = "a", .full = true})).increment);
  EXPECT_FALSE(value_of(store.backup(path("second"), {.name = "a", .full = true})).increment);
  write(store, 1);
  value_of(store.backup(into(anew), {.name = "a"}));
  EXPECT_EQ(value_of(restore(from(anew), path("restored"))).txn, TxnId{7});
  EXPECT_EQ(value_of(store.backup(path("second"), {.name = "a"})).from, TxnId{6});
  EXPECT_EQ(store.backup(path("copy"), {.name = "a"}).error().code(), Code::kNotFound);
}

TEST_F(Backup, WhoseReceiverCanNotKeepItIsMadeAgain) {
  Store store = make();
  write(store, 2);
  std::string stream;
  std::string lost;
  const auto full = [&](Bytes bytes) -> Result<void> {
    lost += as_text(bytes);
    return bytes.empty() ? fail(Code::kOutOfSpace, "no room") : Result<void>();
  };
  EXPECT_EQ(store.backup(full, {.name = "tape"}).error().code(), Code::kOutOfSpace);
  EXPECT_FALSE(lost.empty());
  EXPECT_TRUE(value_of(store.positions()).empty());
  EXPECT_FALSE(value_of(store.backup(into(stream), {.name = "tape"})).increment);
  write(store, 2);
  EXPECT_EQ(store.backup(full, {.name = "tape"}).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(value_of(store.backup(into(stream), {.name = "tape"})).from, TxnId{2});
  EXPECT_EQ(value_of(restore(from(stream), path("restored"))).txn, TxnId{4});
}

// What was cut off between the position and the name of the backup.
TEST_F(Backup, TakesOverWhatAnotherHasBegun) {
  Store store = make();
  write(store, 2);
  value_of(store.backup(path("copy"), {.name = "a"}));
  fs::rename(path("copy"), path("copy.unfinished"));
  std::ofstream(path("copy.unfinished/UNFINISHED")) << '\1';
  write(store, 1);
  EXPECT_FALSE(value_of(store.backup(path("copy"), {.name = "a"})).increment);
  EXPECT_EQ(at("copy"), states_[3]);
  write(store, 1);
  EXPECT_TRUE(value_of(store.backup(path("copy"), {.name = "a"})).increment);
}

TEST_F(Backup, StopsWhenItIsAskedTo) {
  Store store = make();
  WriteTxn txn = value_of(store.begin_write());
  WriteTree notes = value_of(txn.create_tree("notes"));
  for (int i = 0; i < 300; ++i) {
    value_of(notes.put(std::to_string(i), std::string(20'000, 'v')));
  }
  value_of(txn.commit());
  std::stop_source stop;
  int calls = 0;
  const auto progress = [&](const BackupProgress& done) {
    EXPECT_GT(done.bytes, 0U);
    if (++calls == 2) stop.request_stop();
  };
  const BackupOptions options{
      .name = "a", .drill_path = {}, .progress = progress, .stop = stop.get_token()};
  EXPECT_EQ(store.backup(path("copy"), options).error().code(), Code::kStopped);
  EXPECT_FALSE(fs::exists(path("copy")));
  EXPECT_FALSE(fs::exists(path("copy.unfinished")));
  EXPECT_TRUE(value_of(store.positions()).empty());
}

}  // namespace
}  // namespace caisson
