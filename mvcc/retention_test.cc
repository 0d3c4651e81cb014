// Method: the policy against a plain count of what it has to keep, over random checkpoints; what
// was encoded read back; and attachments that break each part of RETAIN-1, or are cut off anywhere.

#include "mvcc/retention.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/value_of.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::value_of;

pager::Meta meta_of(std::uint64_t txn) {
  pager::Meta meta;
  meta.page_size = 4096;
  meta.txn = TxnId{txn};
  meta.root = {PageId{100 + txn}, 7};
  meta.apply_version = 1;
  meta.page_count = 1000 + txn;
  meta.log = {.file = txn,
              .offset = 4096 * txn,
              .epoch = 3,
              .record_checksum = 9,
              .hash = {.low = txn, .high = ~txn}};
  return meta;
}

RetainedCheckpoint entry_at(std::uint64_t txn, bool history, std::vector<std::string> names) {
  RetainedCheckpoint entry = entry_of(meta_of(txn), {});
  entry.history = history;
  entry.names = std::move(names);
  return entry;
}

Retention three_checkpoints() {
  return {
      .time_ns = 77,
      .names = {"b", "z"},
      .earlier = {entry_at(2, false, {"a"}), entry_at(4, true, {"c", "d"}), entry_at(6, true, {})}};
}

TEST(Retention, SaysWhatItSaid) {
  const Retention retention = three_checkpoints();
  EXPECT_EQ(value_of(decode_retention(encode_retention(retention), meta_of(9))), retention);
  EXPECT_EQ(value_of(decode_retention({}, meta_of(9))), Retention{});
}

TEST(Retention, OfACheckpointThatIsCutOffIsCorrupt) {  // RETAIN-1
  const auto bytes = encode_retention(three_checkpoints());
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const auto read = decode_retention(Bytes(bytes).first(size), meta_of(9));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().rule(), "RETAIN-1") << size;
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(decode_retention(longer, meta_of(9)).error().rule(), "RETAIN-1");
}

TEST(Retention, ThatBreaksItsRuleIsCorrupt) {  // RETAIN-1
  const std::vector<std::pair<const char*, std::function<void(Retention&)>>> changes = {
      {"neither named nor history", [](Retention& r) { r.earlier[0].names.clear(); }},
      {"out of order", [](Retention& r) { r.earlier[1].txn = TxnId{2}; }},
      {"not earlier", [](Retention& r) { r.earlier[2].txn = TxnId{9}; }},
      {"empty name", [](Retention& r) { r.names[0] = ""; }},
      {"names out of order", [](Retention& r) { std::swap(r.names[0], r.names[1]); }},
      {"the same name twice", [](Retention& r) { r.earlier[0].names = {"z"}; }},
      {"the same name in two entries", [](Retention& r) { r.earlier[0].names = {"d"}; }},
      {"page count too high", [](Retention& r) { r.earlier[0].page_count = 5000; }},
      {"page count too low", [](Retention& r) { r.earlier[0].page_count = 1; }},
      {"root behind the pages", [](Retention& r) { r.earlier[0].root.id = PageId{2000}; }},
      {"root in the metas", [](Retention& r) { r.earlier[0].root.id = PageId{1}; }},
      {"root without checksum", [](Retention& r) { r.earlier[0].root.checksum = 0; }},
      {"checksum without root", [](Retention& r) { r.earlier[0].root.id = PageId{0}; }},
  };
  for (const auto& [what, change] : changes) {
    Retention retention = three_checkpoints();
    change(retention);
    const auto read = decode_retention(encode_retention(retention), meta_of(9));
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().code(), Code::kCorruption) << what;
    EXPECT_EQ(read.error().rule(), "RETAIN-1") << what;
  }
}

TEST(Retention, OfALaterVersionIsRefused) {
  auto bytes = encode_retention(three_checkpoints());
  bytes[0] = std::byte{2};
  EXPECT_EQ(decode_retention(bytes, meta_of(9)).error().code(), Code::kUnsupportedVersion);
  bytes[0] = std::byte{0};
  EXPECT_EQ(decode_retention(bytes, meta_of(9)).error().code(), Code::kCorruption);
}

TEST(Retention, ACheckpointOfTheSameStateTakesOverItsNamesAndItsTime) {  // RETAIN-3
  Retention said = three_checkpoints();
  const Retention next = next_retention(said, meta_of(9), TxnId{9}, 1000, {.checkpoints = 9});
  EXPECT_EQ(next, said);
}

TEST(Retention, NamesGoWithTheirCheckpoints) {
  Retention retention = three_checkpoints();
  EXPECT_TRUE(retention.has_name("a"));
  retention.remove_name("a");
  EXPECT_FALSE(retention.has_name("a"));
  EXPECT_EQ(retention.earlier.size(), 2U);  // Kept for nothing else.
  retention.remove_name("c");
  retention.remove_name("d");
  EXPECT_EQ(retention.earlier.size(), 2U);  // Part of the history.
  retention.add_name("k");
  EXPECT_EQ(retention.names, (std::vector<std::string>{"b", "k", "z"}));
  retention.remove_name("b");
  EXPECT_TRUE(retention.has_name("k"));
  EXPECT_EQ(retention.pins(), (std::vector<TxnId>{TxnId{4}, TxnId{6}}));
}

TEST(Retention, NamesHaveALength) {
  EXPECT_TRUE(validate_snapshot_name(std::string(255, 'n')));
  EXPECT_FALSE(validate_snapshot_name(std::string(256, 'n')));
  EXPECT_FALSE(validate_snapshot_name(""));
}

// A clock that was set back: nothing is older than now.
TEST(Retention, WhatTheClockSaysIsYetToComeIsYoung) {  // RETAIN-6
  const Retention said{.time_ns = 1000, .names = {}, .earlier = {}};
  const RetentionPolicy policy{.checkpoints = 0, .age_ns = 10};
  EXPECT_EQ(next_retention(said, meta_of(8), TxnId{9}, 500, policy).earlier.size(), 1U);
  EXPECT_EQ(next_retention(said, meta_of(8), TxnId{9}, 1011, policy).earlier.size(), 0U);
}

// The newest so many, and those young enough; whatever left once stays away (RETAIN-4).
RC_GTEST_PROP(RetentionProperty, KeepsWhatThePolicyOfEachMomentAsksFor, ()) {
  struct Written {
    std::uint64_t txn;
    std::uint64_t time_ns;
  };
  Retention retention;
  std::vector<Written> written = {{1, 0}};
  std::set<std::uint64_t> history;
  std::uint64_t now = 0;
  const auto steps = *rc::gen::inRange(1, 30);
  for (int step = 0; step < steps; ++step) {
    now += static_cast<std::uint64_t>(*rc::gen::inRange(0, 20));
    const RetentionPolicy policy{.checkpoints = static_cast<std::uint64_t>(*rc::gen::inRange(0, 5)),
                                 .age_ns = static_cast<std::uint64_t>(*rc::gen::inRange(0, 40))};
    const std::uint64_t txn = written.back().txn + 1;
    retention = next_retention(retention, meta_of(txn - 1), TxnId{txn}, now, policy);
    history.insert(txn - 1);
    std::set<std::uint64_t> kept;
    for (std::size_t back = 0; back < written.size(); ++back) {
      const Written& one = written[written.size() - 1 - back];
      const bool young = policy.age_ns > 0 && now - one.time_ns <= policy.age_ns;
      if (!history.contains(one.txn) || (back >= policy.checkpoints && !young)) break;
      kept.insert(one.txn);
    }
    history = kept;
    std::set<std::uint64_t> found;
    for (const RetainedCheckpoint& entry : retention.earlier) {
      RC_ASSERT(entry.history);
      found.insert(to_u64(entry.txn));
    }
    RC_ASSERT(found == kept);
    RC_ASSERT(retention.time_ns == now);
    written.push_back({txn, now});
    RC_ASSERT(value_of(decode_retention(encode_retention(retention), meta_of(txn))) == retention);
  }
}

}  // namespace
}  // namespace caisson::mvcc
