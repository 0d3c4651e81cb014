// Method: arrays of numbers (testing/page_array.h) on a page file of the simulated machine,
// compared with a std::map.

#include "pager/pager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/sim/machine.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/harness.h"
#include "pager/testing/page_array.h"

namespace caisson::pager {
namespace {

using testing::ArrayModel;
using testing::Harness;
using testing::HarnessOptions;
using testing::PageArray;

TEST(Pager, KeepsACheckpointAcrossReopening) {
  for (const std::uint32_t page_size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    Harness store({.page_size = page_size});
    store.set(3, 30);
    store.set(5, 50);
    store.checkpoint();
    store.reopen();
    EXPECT_EQ(store.contents(), (ArrayModel{{3, 30}, {5, 50}})) << page_size;
  }
}

TEST(Pager, ForgetsWhatNoCheckpointHolds) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  store.set(1, 11);
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
}

}  // namespace
}  // namespace caisson::pager
