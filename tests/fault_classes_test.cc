// Method: the classes of faults of mvcc/fault_classes_test.cc that come from the system and from
// threads, on a real disk: one short test for each, named after it.

#include <caisson/store.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/support.h"

namespace caisson {
namespace {

using testing::code_of;
using testing::contents;
using testing::in_child;
using testing::put;
using testing::StoreTest;
using testing::value_of;

class FaultClass : public StoreTest {};

TEST_F(FaultClass, ForkedChildIsRefusedAndItsEndCostsTheParentNothing) {
  Store store = open();
  put(store, "t", "a", "1");
  EXPECT_TRUE(in_child([&] {
    return code_of(store.begin_write()) == Code::kInvalidArgument &&
           code_of(store.snapshot()) == Code::kInvalidArgument &&
           code_of(store.close()) == Code::kInvalidArgument;
  }));
  put(store, "t", "b", "2");
  EXPECT_EQ(contents(store, "t").size(), 2U);
  // The child's end has not given the lock away.
  EXPECT_EQ(code_of(Store::open(path())), Code::kBusy);
}

// Locks of POSIX end when any descriptor of the file is closed in the process.
TEST_F(FaultClass, TwoOpenersAreToldApartWhoeverClosesADescriptor) {
  const Store store = open();
  for (const char* name : {"/LOCK", "/pages"}) {
    std::ifstream file(path() + name, std::ios::binary);
    EXPECT_TRUE(file.get() != std::ifstream::traits_type::eof());
  }
  EXPECT_EQ(code_of(Store::open(path())), Code::kBusy);
  EXPECT_TRUE(in_child([this] { return code_of(Store::open(path())) == Code::kBusy; }));
}

TEST_F(FaultClass, RenameWhileOpenTakesTheStoreAlongAndNothingIsLost) {
  Store store = open();
  put(store, "t", "a", "1");
  std::filesystem::rename(path(), path("moved"));
  put(store, "t", "b", "2");
  EXPECT_EQ(code_of(Store::open(path())), Code::kNotFound);
  EXPECT_EQ(code_of(Store::open(path("moved"))), Code::kBusy);
  value_of(store.checkpoint());
  value_of(store.close());
  EXPECT_EQ(contents(value_of(Store::open(path("moved"))), "t").size(), 2U);
}

TEST_F(FaultClass, WriteAndMmapIncoherenceShowsNowhere) {
  const Store store = open();
  const Store beside = value_of(Store::open(path(), {.read_only = true}));
  for (int round = 0; round < 30; ++round) {
    const std::string value(500, static_cast<char>('a' + round % 26));
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < 100; ++i) value_of(tree.put(std::to_string(i), value));
    value_of(txn.commit());
    value_of(store.checkpoint());
    for (const Store* reader : {&store, &beside}) {
      const auto found = contents(*reader, "t");
      ASSERT_EQ(found.size(), 100U);
      for (const auto& [key, bytes] : found) ASSERT_EQ(bytes, value) << key;
    }
  }
}

TEST_F(FaultClass, BackgroundThreadAtDestructionEndsWithItsStore) {
  for (int round = 0; round < 20; ++round) {
    Options options;
    options.replay_time_max = std::chrono::nanoseconds(1);
    Store store = open(options);
    for (int i = 0; i <= round; ++i) {
      put(store, "t", std::to_string(round), std::string(20'000, 'v'),
          {.durability = i % 2 == 0 ? Durability::kSync : Durability::kAsync});
    }
  }
  EXPECT_EQ(contents(open(), "t").size(), 20U);
}

TEST_F(FaultClass, CopyTornUnderAConcurrentReaderIsPreventedByItsSnapshot) {
  const Store store = open();
  put(store, "t", "key", std::string(200'000, 'a'));
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> copies = 0;
  std::thread reader([&] {
    while (!done || copies == 0) {
      const Snapshot snapshot = value_of(store.snapshot());
      auto value = value_of(value_of(snapshot.tree("t")).get("key"));
      const std::string copy = value_of(value->to_string());
      if (copy != std::string(200'000, copy[0])) break;
      ++copies;
    }
    done = true;
  });
  int round = 0;
  for (; round < 60 && !done; ++round) {
    put(store, "t", "key", std::string(200'000, static_cast<char>('a' + round % 26)));
    if (round % 5 == 0) value_of(store.checkpoint());
  }
  const bool torn = done;
  done = true;
  reader.join();
  EXPECT_FALSE(torn) << "in round " << round;
}

}  // namespace
}  // namespace caisson
