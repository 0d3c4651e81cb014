// Method: a checkpoint's lists made by hand, and walks that agree with them or don't.

#include "pager/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace caisson::pager {
namespace {

using ::testing::HasSubstr;

// Pages 32 to 41: 33 free, 34 and 35 dead, 36 the earlier blob's, 37 the blob's; the rest in use.
Candidate candidate() {
  Candidate made;
  made.meta.emplace();
  made.meta->page_size = 4096;
  made.meta->page_count = 42;
  made.allocation.free = {{PageId{33}, 1}};
  made.allocation.dead = {{{PageId{34}, 2}, TxnId{1}, TxnId{2}}};
  made.allocation.earlier_blob = {{PageId{36}, 1}};
  made.blob_pages = {PageId{37}};
  return made;
}

PageSet walk() {
  PageSet pages;
  pages.insert(PageId{32});
  pages.insert(PageRun{PageId{38}, 4});
  return pages;
}

std::string only_finding(const Candidate& made, const PageSet& reachable) {
  const std::vector<Error> findings = check_accounts(made, reachable, 10);
  if (findings.size() != 1) return std::to_string(findings.size()) + " findings";
  EXPECT_EQ(findings[0].rule(), "ALLOC-7");
  return findings[0].to_string();
}

TEST(Accounts, AreRightWhereEveryPageIsOneThing) {
  EXPECT_TRUE(check_accounts(candidate(), walk(), 10).empty());
}

TEST(Accounts, NamePagesThatNobodyHas) {
  PageSet pages = walk();
  pages.erase(PageId{39});
  pages.erase(PageId{40});
  EXPECT_THAT(only_finding(candidate(), pages), HasSubstr("2 pages from here on belong to nobody"));
  EXPECT_THAT(only_finding(candidate(), pages), HasSubstr("page 39"));
}

TEST(Accounts, NamePagesInUseThatAreListed) {
  for (const std::uint64_t id : {33U, 35U, 36U, 37U}) {
    PageSet pages = walk();
    pages.insert(PageId{id});
    EXPECT_THAT(only_finding(candidate(), pages), HasSubstr("page " + std::to_string(id)));
  }
}

TEST(Accounts, NamePagesThatAreListedTwice) {
  Candidate made = candidate();
  made.blob_pages.push_back(PageId{33});
  EXPECT_THAT(only_finding(made, walk()), HasSubstr("listed twice"));
}

TEST(Accounts, KeepToTheNumberOfFindingsAskedFor) {
  EXPECT_EQ(check_accounts(candidate(), PageSet{}, 1).size(), 1U);
}

}  // namespace
}  // namespace caisson::pager
