// Method: each number at its limits and one beyond; the error has to name the option.

#include "pager/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::pager {
namespace {

template <typename Options>
void expect_refused(const Options& options, const char* name) {
  const auto valid = validate(options);
  ASSERT_FALSE(valid) << name;
  EXPECT_EQ(valid.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(valid.error().message(), ::testing::HasSubstr(name));
}

CreateOptions with_page_size(std::uint32_t size) {
  CreateOptions options;
  options.page_size = size;
  options.limits.emplace().key_size_max = 1;
  return options;
}

TEST(CreateOptions, AreValidAsTheyAre) { EXPECT_TRUE(validate(CreateOptions{})); }

TEST(CreateOptions, TakeThePageSizesOfTheFormat) {  // FILE-1
  for (const std::uint32_t size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    EXPECT_TRUE(validate(with_page_size(size))) << size;
  }
  for (const std::uint32_t size : {0U, 1U, 2048U, 4095U, 4097U, 12288U, 65537U, 131072U}) {
    expect_refused(with_page_size(size), "page_size");
  }
}

TEST(CreateOptions, TakeKeysOfUpToAnEighthOfAPage) {
  for (const std::uint32_t size : {4096U, 16384U, 65536U}) {
    CreateOptions options = with_page_size(size);
    options.limits->key_size_max = size / 8;
    EXPECT_TRUE(validate(options)) << size;
    options.limits->key_size_max = size / 8 + 1;
    expect_refused(options, "key_size_max");
    options.limits->key_size_max = 0;
    expect_refused(options, "key_size_max");
  }
}

TEST(CreateOptions, LimitKeysInProportionToThePageUnlessTold) {
  EXPECT_EQ(default_limits(4096).key_size_max, 256U);
  EXPECT_EQ(default_limits(8192).key_size_max, 512U);
  EXPECT_EQ(default_limits(16384).key_size_max, 1024U);
  EXPECT_EQ(default_limits(65536).key_size_max, 1024U);
}

TEST(CreateOptions, TakeLimitsWithinTheirRanges) {
  CreateOptions options;
  options.limits.emplace();
  options.limits->value_size_max = 1;
  options.limits->tree_height_max = 1;
  EXPECT_TRUE(validate(options));
  options.limits->value_size_max = std::uint64_t{1} << 40U;
  options.limits->tree_height_max = 63;
  EXPECT_TRUE(validate(options));
  options.limits->tree_height_max = 64;
  expect_refused(options, "tree_height_max");
  options.limits->tree_height_max = 0;
  expect_refused(options, "tree_height_max");
  options.limits.emplace();
  options.limits->value_size_max = 0;
  expect_refused(options, "value_size_max");
  options.limits->value_size_max = (std::uint64_t{1} << 40U) + 1;
  expect_refused(options, "value_size_max");
}

TEST(PagerOptions, AreValidAsTheyAre) { EXPECT_TRUE(validate(PagerOptions{})); }

TEST(PagerOptions, TakeAnAddressSpaceWithinItsRange) {
  PagerOptions options;
  for (const std::uint64_t size : {std::uint64_t{1} << 20U, std::uint64_t{1} << 46U}) {
    options.address_space_bytes = size;
    EXPECT_TRUE(validate(options)) << size;
  }
  for (const std::uint64_t size : {std::uint64_t{0}, (std::uint64_t{1} << 20U) - 1,
                                   (std::uint64_t{1} << 46U) + 1, ~std::uint64_t{0}}) {
    options.address_space_bytes = size;
    expect_refused(options, "address_space_bytes");
  }
}

TEST(PagerOptions, TakeABudgetWithinItsRange) {
  PagerOptions options;
  for (const std::uint64_t size : {std::uint64_t{64} * 4096, std::uint64_t{1} << 42U}) {
    options.memory_budget_bytes = size;
    EXPECT_TRUE(validate(options)) << size;
  }
  for (const std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{64} * 4096 - 1, (std::uint64_t{1} << 42U) + 1}) {
    options.memory_budget_bytes = size;
    expect_refused(options, "memory_budget_bytes");
  }
}

}  // namespace
}  // namespace caisson::pager
