// Method: as fault_classes_test.cc, for the classes of faults of stores that map their files.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/fault_classes.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using io::sim::FaultKind;
using testing::EngineStore;
using testing::History;
using testing::judge_cuts;
using testing::kPages;
using testing::Model;
using testing::put_many;
using testing::read_all;
using testing::value_of;

// A store of many pages, of which nothing has been read.
void make_cold(EngineStore& store, History& history) {
  for (int i = 0; i < 40; ++i) put_many(store, history, 1, 2000);
  value_of(store.close());
  value_of(store.open());
}

TEST(FaultClass, SigbusOnATruncatedFileIsAnErrorInstead) {
  EngineStore store;
  History history;
  make_cold(store, history);
  const Snapshot snapshot = value_of(store.engine().snapshot());
  store.machine().image(kPages)->resize(20 * 4096);
  const auto found = read_all(snapshot);
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().code() == Code::kCorruption || found.error().code() == Code::kIoError)
      << found.error().to_string();
}

TEST(FaultClass, EioThroughMmapIsAnErrorAndReadingGoesOnBehindIt) {
  EngineStore store;
  History history;
  make_cold(store, history);
  const Snapshot snapshot = value_of(store.engine().snapshot());
  std::uint64_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    store.machine().clear_faults();
    // One page is asked for ahead and fetched; and the next one can't be.
    store.machine().inject({store.machine().calls() + 3, FaultKind::kIoError, false});
    const auto found = read_all(snapshot);
    if (found) {
      EXPECT_EQ(*found, history.states.back());
      EXPECT_GT(refused, 5U);
      return;
    }
    ASSERT_EQ(found.error().code(), Code::kIoError);
    ++refused;
  }
  FAIL() << "never read";
}

TEST(FaultClass, RemapOfAFileThatGrowsMovesNothingThatIsBeingRead) {
  EngineStore store;
  History history;
  put_many(store, history, 20, 2000);
  value_of(store.engine().checkpoint());
  const Snapshot snapshot = value_of(store.engine().snapshot());
  const TreeReader tree = value_of(snapshot.tree(testing::bytes_of("t")));
  Cursor cursor = value_of(tree.cursor());
  ASSERT_TRUE(value_of(cursor.first()));
  const std::uint64_t size = store.machine().image(kPages)->cached().size();
  put_many(store, history, 30, 60'000);
  value_of(store.engine().checkpoint());
  EXPECT_GT(store.machine().image(kPages)->cached().size(), 4 * size);
  std::uint64_t count = 1;
  while (value_of(cursor.next())) ++count;
  EXPECT_EQ(count, 20U);
  EXPECT_EQ(value_of(read_all(snapshot)), history.states[20]);
}

TEST(FaultClass, UnalignedBytesOfEverySizeAreReadAsTheyWereWritten) {
  EngineStore store;
  Model model;
  WriteTxn txn = value_of(store.engine().begin_write());
  const TreeId tree = testing::tree_in(txn, "t");
  for (std::size_t size = 1; size < 130; ++size) {
    const std::string key(size, 'k');
    const std::string value(257 - size, static_cast<char>(size));
    value_of(txn.put(tree, testing::bytes_of(key), testing::bytes_of(value)));
    model["t"][key] = value;
  }
  value_of(txn.commit());
  value_of(store.close());
  value_of(store.open());
  EXPECT_EQ(value_of(read_all(value_of(store.engine().snapshot()))), model);
}

// There is no such call to make: a mapping can't be written through, and what makes commits and
// checkpoints durable are flushes of files.
TEST(FaultClass, MisalignedMsyncIsNeverNeeded) {
  static_assert(
      std::is_same_v<decltype(std::declval<io::MappingDriver&>().base()), const std::byte*>);
  EngineStore store;
  History history;
  put_many(store, history, 5);
  value_of(store.engine().checkpoint());
  put_many(store, history, 5);
  judge_cuts(store, history);
}

}  // namespace
}  // namespace caisson::mvcc
