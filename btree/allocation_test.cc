// Method: count every allocation of this program while a tree is read and changed. Not with a
// sanitizer, which brings operators of its own.

#include "base/sanitizers.h"

#ifndef CAISSON_SANITIZED

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "base/random.h"
#include "base/testing/counted_allocations.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using caisson::testing::allocations;
using testing::bytes_of;
using testing::TreeStore;
using testing::value_of;

// Numbers as text, in a random order; without allocating.
class Key {
 public:
  explicit Key(std::uint64_t number) {
    for (std::size_t i = text_.size(); i-- > 0; number /= 10) {
      text_[i] = static_cast<char>('0' + number % 10);
    }
  }
  Bytes bytes() const { return bytes_of({text_.data(), text_.size()}); }

 private:
  std::array<char, 12> text_;
};

class Allocation : public ::testing::TestWithParam<pager::PageAccess> {};

TEST_P(Allocation, NeverComesWithAGet) {
  TreeStore store({.access = GetParam()});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    value_of(store.writer().put(Key(i).bytes(), bytes_of("value")));
  }
  store.checkpoint();
  store.kill_and_reopen();
  for (const Key key : {Key(0), Key(4999), Key(2500)}) value_of(store.tree().get(key.bytes()));
  const std::uint64_t before = allocations;
  for (const Key key : {Key(0), Key(4999), Key(2500), Key(7000)}) {
    const auto value = value_of(store.tree().get(key.bytes()));
    ASSERT_TRUE(!value || value_of(value->piece(0)).size() == 5);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GT((std::make_unique<int>(1), allocations), before);  // It does count.
}

TEST_P(Allocation, ComesWithPutsOnlyForWhatIsNotedOfTheirPages) {
  TreeStore store({.access = GetParam()});
  TreeWriter& writer = store.writer();
  Random random(1);
  const auto put = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      value_of(writer.put(Key(random.below(1'000'000'000)).bytes(), bytes_of("a value of a row")));
    }
  };
  put(10'000);  // Buffers grow.
  const std::uint64_t before = allocations;
  const std::uint64_t pages_before = store.pager().stats().dirty_frames;
  put(50'000);
  const std::uint64_t pages = store.pager().stats().dirty_frames - pages_before;
  EXPECT_GT(pages, 400U);
  EXPECT_LT(allocations - before, pages / 4);
}

INSTANTIATE_TEST_SUITE_P(Access, Allocation,
                         ::testing::Values(pager::PageAccess::kMapped, pager::PageAccess::kPrivate),
                         pager::testing::access_name);

}  // namespace
}  // namespace caisson::btree

#endif  // CAISSON_SANITIZED
