// States of the past, and readers in other processes, through the public interface and on the real
// file system: real processes that are forked before they open the store, and killed.

#include <caisson/store.h>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support.h"

namespace caisson {
namespace {

using testing::code_of;
using testing::contents;
using testing::put;
using testing::value_of;
using Entries = std::map<std::string, std::string>;

Entries contents_of(const Snapshot& snapshot) { return contents(value_of(snapshot.tree("t"))); }

class Past : public testing::StoreTest {};

TEST_F(Past, IsFoundByCommitAndByNameAlsoWhenTheStoreIsOpenedAgain) {
  Options options;
  options.retention.checkpoints = 3;
  {
    Store store = open(options);
    for (int i = 1; i <= 20; ++i) {
      put(store, "t", "k", std::to_string(i));
      if (i == 5) value_of(store.retain("five"));
      if (i % 6 == 0) value_of(store.checkpoint());
    }
    value_of(store.close());
  }
  for (const bool read_only : {false, true}) {
    options.read_only = read_only;
    Store store = open(options);
    for (std::uint64_t txn = 12; txn <= 20; ++txn) {
      EXPECT_EQ(contents_of(value_of(store.snapshot_as_of(TxnId{txn}))),
                (Entries{{"k", std::to_string(txn)}}));
    }
    EXPECT_EQ(contents_of(value_of(store.snapshot_named("five"))), (Entries{{"k", "5"}}));
    EXPECT_EQ(code_of(store.snapshot_as_of(TxnId{3})), Code::kNotFound);
    EXPECT_EQ(code_of(store.snapshot_as_of(TxnId{21})), Code::kNotFound);
    EXPECT_EQ(code_of(store.snapshot_named("six")), Code::kNotFound);
    const auto retained = value_of(store.retained());
    ASSERT_GE(retained.size(), 3U);
    EXPECT_EQ(retained.front().names, std::vector<std::string>{"five"});
    EXPECT_LT(std::chrono::system_clock::now() - retained.back().time, std::chrono::hours(1));
    EXPECT_EQ(retained.back().txn, TxnId{20});
    value_of(store.close());
  }
}

TEST_F(Past, ThatIsOpenKeepsTheStoreFromBeingClosed) {
  Store store = open();
  put(store, "t", "k", "1");
  value_of(store.retain("one"));
  put(store, "t", "k", "2");
  {
    const Snapshot past = value_of(store.snapshot_named("one"));
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  std::optional<Value> kept;
  {
    const Snapshot past = value_of(store.snapshot_named("one"));
    kept = value_of(value_of(past.tree("t")).get("k"));
  }
  EXPECT_EQ(code_of(store.close()), Code::kBusy);
  EXPECT_EQ(value_of(kept->to_string()), "1");
  kept.reset();
  value_of(store.close());
}

TEST_F(Past, ASnapshotOfItCanBeRenewed) {
  Store store = open();
  put(store, "t", "k", "1");
  value_of(store.retain("one"));
  put(store, "t", "k", "2");
  Snapshot snapshot = value_of(store.snapshot_named("one"));
  value_of(snapshot.renew());
  EXPECT_EQ(contents_of(snapshot), (Entries{{"k", "2"}}));
}

class OtherProcess : public testing::StoreTest {};

// Says what goes through a pipe, one number after the other.
class Pipe {
 public:
  Pipe() {
    if (pipe(ends_) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  void say(std::uint64_t number) const {
    if (write(ends_[1], &number, sizeof number) != sizeof number) _exit(3);
  }
  std::uint64_t hear() const {
    std::uint64_t number = 0;
    if (read(ends_[0], &number, sizeof number) != sizeof number) _exit(4);
    return number;
  }

 private:
  int ends_[2];
};

TEST_F(OtherProcess, FindsWhatHasBeenCommittedAndKeepsWhatItReads) {
  value_of(open().close());
  const Pipe to_reader;
  const Pipe to_writer;
  const pid_t writer = fork();
  if (writer == 0) {
    Store store = value_of(Store::open(path(), {.create = {.page_size = 4096}}));
    while (const std::uint64_t round = to_writer.hear()) {
      WriteTxn txn = value_of(store.begin_write());
      WriteTree tree = value_of(txn.open_or_create_tree("t"));
      for (int i = 0; i < 50; ++i) {
        value_of(tree.put(std::to_string(i), std::to_string(round) + std::string(300, '.')));
      }
      const std::uint64_t committed = to_u64(value_of(txn.commit()).txn);
      if (round % 3 == 0) value_of(store.checkpoint());
      to_reader.say(committed);
    }
    _exit(0);  // Without closing it.
  }
  Store store = [this] {
    while (true) {
      auto opened = Store::open(path(), {.read_only = true});
      // It may be in the middle of opening it.
      if (opened || opened.error().code() != Code::kBusy) return value_of(std::move(opened));
    }
  }();
  std::vector<std::pair<Snapshot, Entries>> kept;
  for (std::uint64_t round = 1; round <= 60; ++round) {
    to_writer.say(round);
    const std::uint64_t committed = to_reader.hear();
    Snapshot snapshot = value_of(store.snapshot());
    ASSERT_GE(to_u64(snapshot.txn()), committed);
    const Entries found = contents_of(snapshot);
    ASSERT_EQ(found.at("7"), std::to_string(round) + std::string(300, '.'));
    if (round % 10 == 5) kept.emplace_back(std::move(snapshot), found);
    for (const auto& [old, entries] : kept) ASSERT_EQ(contents_of(old), entries) << round;
  }
  to_writer.say(0);
  int status = 0;
  waitpid(writer, &status, 0);
  EXPECT_EQ(status, 0);
  // Nobody writes it any more; what was there last is there.
  EXPECT_EQ(contents_of(value_of(store.snapshot())).at("7"), "60" + std::string(300, '.'));
  kept.clear();
  value_of(store.close());
  EXPECT_FALSE(open().recovery().was_closed);
}

TEST_F(OtherProcess, ThatIsKilledWhileItReadsCostsNothing) {
  Store store = open({.create = {.page_size = 4096}});
  const auto fill = [&](int round) {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < 50; ++i) {
      value_of(tree.put(std::to_string(i), std::to_string(round) + std::string(300, '.')));
    }
    value_of(txn.commit());
    value_of(store.checkpoint());
  };
  fill(0);
  const Pipe pipe;
  // A program of its own would be no different: it opens the store for itself.
  const pid_t reader = fork();
  if (reader == 0) {
    const Store theirs = value_of(Store::open(path(), {.read_only = true}));
    const Snapshot snapshot = value_of(theirs.snapshot());
    pipe.say(1);
    pause();
    _exit(0);
  }
  pipe.hear();
  for (int round = 1; round < 20; ++round) fill(round);
  const std::uint64_t with_reader = value_of(store.stats()).dead_pages;
  kill(reader, SIGKILL);
  waitpid(reader, nullptr, 0);
  for (int round = 20; round < 25; ++round) fill(round);
  EXPECT_LT(value_of(store.stats()).dead_pages, with_reader);
  value_of(store.close());
}

}  // namespace
}  // namespace caisson
