// Method: errors are built in every combination that matters and read back, in parts and as the
// line that people see; the macros are run on successes and failures of several types.

#include <caisson/error.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace caisson {
namespace {

TEST(Code, HasItsOwnNameEach) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Code::kSnapshotTooOld); ++i) {
    const std::string_view name = to_string(static_cast<Code>(i));
    EXPECT_FALSE(name.empty());
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(static_cast<Code>(200)), "unknown");
}

TEST(Error, KnowsOnlyWhatItWasTold) {
  const Error error(Code::kBusy, "another writer is open");
  EXPECT_EQ(error.code(), Code::kBusy);
  EXPECT_EQ(error.message(), "another writer is open");
  EXPECT_EQ(error.file(), "");
  EXPECT_EQ(error.offset(), std::nullopt);
  EXPECT_EQ(error.page(), std::nullopt);
  EXPECT_EQ(error.record(), std::nullopt);
  EXPECT_EQ(error.rule(), "");
  EXPECT_EQ(error.advice(), "");
  EXPECT_EQ(error.to_string(), "busy: another writer is open");
}

TEST(Error, SaysEverythingInOneLine) {
  const Error error = Error(Code::kCorruption, "checksum differs")
                          .in_file("pages")
                          .at_page(17)
                          .at_offset(278528)
                          .at_record(3)
                          .with_rule("PAGE-1")
                          .with_advice("Run `caisson verify`");
  EXPECT_EQ(error.file(), "pages");
  EXPECT_EQ(error.page(), 17u);
  EXPECT_EQ(error.offset(), 278528u);
  EXPECT_EQ(error.record(), 3u);
  EXPECT_EQ(error.rule(), "PAGE-1");
  EXPECT_EQ(error.advice(), "Run `caisson verify`");
  EXPECT_EQ(error.to_string(),
            "corruption: checksum differs (pages, page 17, offset 278528, record 3, rule PAGE-1). "
            "Run `caisson verify`");
}

TEST(Error, NamesAPlaceWithoutAFile) {
  EXPECT_EQ(Error(Code::kCorruption, "bad").at_offset(0).to_string(), "corruption: bad (offset 0)");
  EXPECT_EQ(Error(Code::kCorruption, "bad").with_rule("LOG-2").to_string(),
            "corruption: bad (rule LOG-2)");
  EXPECT_EQ(Error(Code::kOutOfSpace, "no room").with_advice("Free some space").to_string(),
            "out of space: no room. Free some space");
}

TEST(Error, ReplacesWhatItWasToldBefore) {
  const Error error = Error(Code::kIoError, "read failed").in_file("a").in_file("b");
  EXPECT_EQ(error.file(), "b");
}

TEST(Error, LeavesCopiesAsTheyWere) {
  const Error original = Error(Code::kCorruption, "bad").at_page(1);
  Error copy = original;
  const Error changed = std::move(copy).at_page(2).in_file("pages");
  EXPECT_EQ(original.page(), 1u);
  EXPECT_EQ(original.file(), "");
  EXPECT_EQ(changed.page(), 2u);
  EXPECT_EQ(changed.file(), "pages");
}

TEST(Error, IsAsCheapToMoveAsAPointer) { EXPECT_LE(sizeof(Error), 2 * sizeof(void*)); }

TEST(Fail, ConvertsToAnyResult) {
  const auto number = []() -> Result<int> { return fail(Code::kNotFound, "no such key"); };
  const auto nothing = []() -> Result<void> {
    return fail(Error(Code::kPoisoned, "an earlier write failed"));
  };
  EXPECT_EQ(number().error().code(), Code::kNotFound);
  EXPECT_EQ(nothing().error().code(), Code::kPoisoned);
}

Result<int> half_of(int value) {
  if (value % 2 != 0) return fail(Code::kInvalidArgument, "odd");
  return value / 2;
}

Result<std::unique_ptr<int>> quarter_of(int value) {
  CAISSON_ASSIGN_OR_RETURN(const int half, half_of(value));
  int quarter = 0;
  CAISSON_ASSIGN_OR_RETURN(quarter, half_of(half));
  return std::make_unique<int>(quarter);
}

Result<void> check_twice(int value, int& calls) {
  CAISSON_RETURN_IF_ERROR((++calls, half_of(value)));
  CAISSON_RETURN_IF_ERROR(quarter_of(value));
  return {};
}

TEST(AssignOrReturn, PassesTheValueOnOrReturnsTheError) {
  ASSERT_TRUE(quarter_of(8));
  EXPECT_EQ(**quarter_of(8), 2);
  EXPECT_EQ(quarter_of(7).error().message(), "odd");
  EXPECT_EQ(quarter_of(6).error().message(), "odd");
}

TEST(AssignOrReturn, MovesValuesThatCannotBeCopied) {
  const auto value = []() -> Result<int> {
    CAISSON_ASSIGN_OR_RETURN(const std::unique_ptr<int> owned, quarter_of(12));
    return *owned;
  };
  EXPECT_EQ(value(), 3);
}

TEST(ReturnIfError, EvaluatesItsExpressionOnce) {
  int calls = 0;
  EXPECT_TRUE(check_twice(4, calls));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(check_twice(3, calls));
  EXPECT_FALSE(check_twice(2, calls));
}

TEST(Ids, OrderLikeTheirNumbers) {
  EXPECT_LT(PageId{1}, PageId{2});
  EXPECT_LT(TxnId{9}, TxnId{10});
  EXPECT_EQ(PageId{7}, PageId{7});
  EXPECT_EQ(to_u64(PageId{7}), 7u);
  EXPECT_EQ(to_u64(TxnId{8}), 8u);
}

}  // namespace
}  // namespace caisson
