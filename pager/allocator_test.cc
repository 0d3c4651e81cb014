// Method: random histories of transactions (some rolled back), snapshots, reclaims, checkpoints of
// the newest or an earlier transaction, and processes that end and start again from what the last
// checkpoint said, beside a model that keeps for each page every life that it had, as birth and
// death. What the allocator takes, and what a checkpoint says of each page (free, dead, of a blob,
// or none of these because the tree has it), follow from those lives and the rules in the plainest
// way; every page is compared.

#include "pager/allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/testing/replay.h"

namespace caisson::pager {
namespace {

using caisson::testing::Replay;
using caisson::testing::span_of;

constexpr std::uint64_t kFirst = 32;

const auto kAllWritten = [](PageId) { return false; };

std::vector<PageId> ids(const std::set<std::uint64_t>& numbers) {
  std::vector<PageId> result;
  for (const std::uint64_t number : numbers) result.emplace_back(PageId{number});
  return result;
}

// --- Space ---------------------------------------------------------------------------------------

TEST(Allocator, TakesTheLowestFreeIdAndThenNewOnes) {
  const AllocationState state{
      .free = {{PageId{40}, 2}, {PageId{35}, 1}}, .dead = {}, .earlier_blob = {}};
  Allocator allocator(50, 1000, state);
  for (const std::uint64_t id : {35U, 40U, 41U, 50U, 51U}) {
    EXPECT_EQ(allocator.take(AllocationUse::kNormal), PageId{id});
  }
  EXPECT_EQ(allocator.page_count(), 52U);
  allocator.give_back(PageId{40});
  EXPECT_TRUE(allocator.is_free(PageId{40}));
  EXPECT_EQ(allocator.take(AllocationUse::kNormal), PageId{40});
}

TEST(Allocator, KeepsTheLastPagesForWhoeverAsksForThem) {
  Allocator allocator(kFirst, kFirst + kEmergencyPages + 2, {});
  EXPECT_EQ(allocator.available(AllocationUse::kNormal), 2U);
  EXPECT_EQ(allocator.available(AllocationUse::kEmergency), kEmergencyPages + 2);
  EXPECT_TRUE(allocator.take(AllocationUse::kNormal));
  EXPECT_TRUE(allocator.take(AllocationUse::kNormal));
  EXPECT_EQ(allocator.take(AllocationUse::kNormal), std::nullopt);
  for (std::uint64_t i = 0; i < kEmergencyPages; ++i) {
    EXPECT_TRUE(allocator.take(AllocationUse::kEmergency));
  }
  EXPECT_EQ(allocator.take(AllocationUse::kEmergency), std::nullopt);
  allocator.set_capacity(allocator.capacity() + 1);
  EXPECT_TRUE(allocator.take(AllocationUse::kEmergency));
}

TEST(Allocator, HasRoomForEveryPageThatIsKnown) {
  // A file whose end was cut off has less room than pages; that is for others to report.
  const Allocator allocator(100, 50, {});
  EXPECT_EQ(allocator.capacity(), 100U);
  EXPECT_EQ(allocator.available(AllocationUse::kEmergency), 0U);
}

TEST(Allocator, StartsFromWhatACheckpointSaid) {
  const AllocationState state{.free = {{PageId{32}, 3}},
                              .dead = {{{PageId{40}, 2}, TxnId{1}, TxnId{5}}},
                              .earlier_blob = {{PageId{45}, 1}}};
  Allocator allocator(50, 50, state);
  EXPECT_EQ(allocator.free_count(), 3U);
  EXPECT_EQ(allocator.dead_count(), 2U);
  EXPECT_TRUE(allocator.dead_pages().contains(PageId{41}));
  EXPECT_FALSE(allocator.dead_pages().contains(PageId{42}));
  EXPECT_FALSE(allocator.is_free(PageId{45})) << "its meta is still there (ALLOC-6)";
  EXPECT_EQ(allocator.as_of(TxnId{7}, {}, {}, ids({45}), {}, kAllWritten), state);
}

TEST(Allocator, TellsOfEachPageThatItReclaims) {  // ALLOC-5
  Allocator allocator(50, 50, {});
  allocator.retire({PageId{40}, TxnId{1}, TxnId{5}});
  allocator.retire({PageId{41}, TxnId{5}, TxnId{6}});
  std::vector<PageId> freed;
  const std::vector<TxnId> pins = {TxnId{4}, TxnId{6}};
  allocator.reclaim(pins, kAlive, [&](const PageRun& run) { freed.push_back(run.first); });
  EXPECT_EQ(freed, std::vector<PageId>{PageId{41}});
  EXPECT_TRUE(allocator.is_free(PageId{41}));
  EXPECT_TRUE(allocator.dead_pages().contains(PageId{40}));
}

// --- What a checkpoint says ----------------------------------------------------------------------

struct Life {
  std::uint64_t birth = 0;
  std::uint64_t death = 0;  // 0: alive.
  bool open = false;        // Made by the transaction that is not sealed.
  bool written = false;     // Some checkpoint had it.
  bool reclaimed = false;

  bool includes(std::uint64_t txn) const {
    return !open && birth <= txn && (death == 0 || txn < death);
  }
};

// A store without bytes: what the pager does with its allocator, and the model beside it.
class Store {
 public:
  explicit Store(std::uint64_t seed) : random_(seed), allocator_(kFirst, 10'000, {}) {}

  void step() {
    switch (random_.below(7)) {
      case 0:
      case 1:
      case 2:
        transaction();
        break;
      case 3:
        if (random_.chance(1, 2)) {
          snapshots_.insert(newest_);
        } else if (!snapshots_.empty()) {
          snapshots_.erase(std::next(
              snapshots_.begin(), static_cast<std::ptrdiff_t>(random_.below(snapshots_.size()))));
        }
        break;
      case 4:
        reclaim();
        break;
      case 5:
        if (random_.chance(1, 3)) reopen();
        break;
      default:
        checkpoint(false);
    }
  }

 private:
  void transaction() {
    const std::uint64_t txn = newest_ + 1 + random_.below(2);
    std::vector<PageId> allocated;
    std::vector<DeadPage> freed;
    for (std::uint64_t count = random_.below(6); count > 0; --count) {
      if (random_.chance(2, 3)) {
        const std::uint64_t id = take(AllocationUse::kNormal);
        lives_[id].push_back({.birth = txn, .open = true});
        allocated.emplace_back(PageId{id});
      } else if (!alive_.empty()) {
        const std::uint64_t id =
            *std::next(alive_.begin(), static_cast<std::ptrdiff_t>(random_.below(alive_.size())));
        alive_.erase(id);
        Life& life = lives_[id].back();
        freed.push_back({PageId{id}, TxnId{life.birth}, TxnId{txn}});
      }
      if (!allocated.empty() && random_.chance(1, 6)) {
        // Made and superseded by the same transaction: free at once, and perhaps taken again.
        const PageId id = allocated.back();
        allocated.pop_back();
        allocator_.give_back(id);
        lives_[to_u64(id)].pop_back();
      }
    }
    if (random_.chance(1, 3)) checkpoint(true, allocated);
    if (::testing::Test::HasFatalFailure()) return;
    if (random_.chance(1, 5)) return roll_back(allocated, freed);
    for (const PageId id : allocated) {
      lives_[to_u64(id)].back().open = false;
      alive_.insert(to_u64(id));
    }
    for (const DeadPage& page : freed) {
      lives_[to_u64(page.id)].back().death = txn;
      allocator_.retire(page);
    }
    allocator_.add_young(TxnId{txn}, allocated);
    newest_ = txn;
  }

  void roll_back(const std::vector<PageId>& allocated, const std::vector<DeadPage>& freed) {
    for (const PageId id : allocated) {
      allocator_.give_back(id);
      lives_[to_u64(id)].pop_back();
    }
    for (const DeadPage& page : freed) alive_.insert(to_u64(page.id));
  }

  std::set<std::uint64_t> pins() const {
    std::set<std::uint64_t> pins = snapshots_;
    pins.insert({newest_, meta_txns_[0], meta_txns_[1]});
    return pins;
  }

  void reclaim() {
    const std::set<std::uint64_t> pins = this->pins();
    std::set<std::uint64_t> expected;
    for (auto& [id, lives] : lives_) {
      for (Life& life : lives) {
        if (life.death == 0 || life.reclaimed) continue;
        const bool pinned = std::ranges::any_of(
            pins, [&](std::uint64_t pin) { return life.birth <= pin && pin < life.death; });
        if (pinned) continue;
        life.reclaimed = true;
        expected.insert(id);
      }
    }
    std::vector<TxnId> sorted;
    for (const std::uint64_t pin : pins) sorted.emplace_back(TxnId{pin});
    std::set<std::uint64_t> freed;
    allocator_.reclaim(sorted, kAlive, [&](const PageRun& run) {
      for (std::uint64_t i = 0; i < run.count; ++i) {
        EXPECT_TRUE(freed.insert(to_u64(run.first) + i).second);
      }
    });
    ASSERT_EQ(freed, expected);
  }

  // The process ends, and the next one starts from the last checkpoint: snapshots, and all that
  // happened since, are forgotten. Both metas are still there, and so are their blobs.
  void reopen() {
    const std::uint64_t txn = meta_txns_[slot_];
    allocator_ = Allocator(saved_.page_count, 10'000, saved_.said);
    newest_ = txn;
    snapshots_.clear();
    alive_.clear();
    lives_.clear();
    for (const auto& [id, lives] : saved_.lives) {
      for (Life life : lives) {
        if (life.open || life.birth > txn) continue;
        if (life.death > txn) life.death = 0;
        // A page that no checkpoint had is free in this one; what was reclaimed was so before.
        if (life.death != 0 && (life.reclaimed || !life.written)) continue;
        if (life.death == 0) alive_.insert(id);
        lives_[id].push_back(life);
      }
    }
    const std::set<std::uint64_t>& current = blobs_[slot_];
    const AllocationState said =
        allocator_.as_of(TxnId{txn}, {}, {}, ids(current), ids(blobs_[1 - slot_]), kAllWritten);
    compare(txn, said, {}, current);
    ++reopenings;
  }

  // Of the newest transaction, or of an earlier one that a snapshot has kept.
  void checkpoint(bool within_transaction, const std::vector<PageId>& open_pages = {}) {
    std::uint64_t txn = newest_;
    const std::size_t current = slot_;
    for (const std::uint64_t snapshot : snapshots_) {
      if (snapshot >= meta_txns_[current] && random_.chance(1, 3)) txn = snapshot;
    }
    blob_in_making_.clear();
    for (std::uint64_t count = random_.below(4); count > 0; --count) {
      blob_in_making_.insert(take(AllocationUse::kEmergency));
    }
    const std::set<std::uint64_t> blob = std::exchange(blob_in_making_, {});
    const std::set<std::uint64_t>& earlier = blobs_[current];
    const AllocationState said = allocator_.as_of(
        TxnId{txn}, open_pages, ids(blob), ids(earlier), ids(blobs_[1 - current]), [&](PageId id) {
          const auto dead = std::ranges::find_if(lives_.at(to_u64(id)), [](const Life& life) {
            return life.death != 0 && !life.reclaimed;
          });
          return !dead->written;
        });
    compare(txn, said, blob, earlier);
    if (::testing::Test::HasFatalFailure()) return;
    const std::uint64_t page_count = allocator_.page_count();  // As the meta says.
    if (random_.chance(1, 4)) {  // No space: the checkpoint is abandoned.
      for (const std::uint64_t id : blob) allocator_.give_back(PageId{id});
      return;
    }
    for (auto& [id, lives] : lives_) {
      for (Life& life : lives) life.written = life.written || life.includes(txn);
    }
    for (const std::uint64_t id : blobs_[1 - current]) allocator_.give_back(PageId{id});
    blobs_[1 - current] = blob;
    meta_txns_[1 - current] = txn;
    slot_ = 1 - current;
    allocator_.forget_young(TxnId{txn});
    saved_ = {said, page_count, lives_};
    if (within_transaction) ++checkpoints_within_transactions;
    ++checkpoints;
  }

  void compare(std::uint64_t txn, const AllocationState& said, const std::set<std::uint64_t>& blob,
               const std::set<std::uint64_t>& earlier) {
    std::map<std::uint64_t, std::string> uses;
    const auto note = [&](const PageRun& run, const std::string& use) {
      for (std::uint64_t i = 0; i < run.count; ++i) {
        ASSERT_TRUE(uses.emplace(to_u64(run.first) + i, use).second) << "in two lists";
      }
    };
    for (const PageRun& run : said.free) note(run, "free");
    for (const DeadRun& dead : said.dead)
      note(dead.run, dead_use(to_u64(dead.birth), to_u64(dead.death)));
    for (const PageRun& run : said.earlier_blob) note(run, "earlier blob");
    for (const std::uint64_t id : blob) note({PageId{id}, 1}, "blob");
    for (std::uint64_t id = kFirst; id < allocator_.page_count(); ++id) {
      const std::string wanted = expected_use(id, txn, blob, earlier);
      const std::string use = uses.contains(id) ? uses[id] : "in the tree";
      ASSERT_EQ(use, wanted) << "page " << id << " as of txn " << txn;  // ALLOC-7
    }
    // What it says, a reader has to accept.
    const PageId first{kFirst};
    const auto decoded = decode_allocation(
        encode_allocation(said, first),
        {.first_page = first, .page_count = allocator_.page_count(), .txn = TxnId{txn}});
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    ASSERT_EQ(*decoded, said);
  }

  static std::string dead_use(std::uint64_t birth, std::uint64_t death) {
    return "dead " + std::to_string(birth) + "-" + std::to_string(death);
  }

  std::string expected_use(std::uint64_t id, std::uint64_t txn, const std::set<std::uint64_t>& blob,
                           const std::set<std::uint64_t>& earlier) const {
    if (blob.contains(id)) return "blob";
    if (earlier.contains(id)) return "earlier blob";
    const auto lives = lives_.find(id);
    if (lives == lives_.end()) return "free";
    for (const Life& life : lives->second) {
      if (life.includes(txn)) return "in the tree";
      const bool dead = life.death != 0 && life.death <= txn && !life.reclaimed;
      if (dead) return life.written ? dead_use(life.birth, life.death) : "free";
    }
    return "free";
  }

  std::uint64_t take(AllocationUse use) {
    std::uint64_t wanted = kFirst;
    while (used(wanted, blob_in_making_)) ++wanted;
    const auto id = allocator_.take(use);
    EXPECT_EQ(id, PageId{wanted});
    return wanted;
  }

  // By the model: a life that is not over or not reclaimed, or a blob.
  bool used(std::uint64_t id, const std::set<std::uint64_t>& blob) const {
    if (blob.contains(id) || blobs_[0].contains(id) || blobs_[1].contains(id)) return true;
    const auto lives = lives_.find(id);
    return lives != lives_.end() &&
           std::ranges::any_of(lives->second, [](const Life& life) { return !life.reclaimed; });
  }

  Random random_;
  Allocator allocator_;
  std::map<std::uint64_t, std::vector<Life>> lives_;
  std::set<std::uint64_t> alive_;
  std::set<std::uint64_t> snapshots_;
  std::set<std::uint64_t> blob_in_making_;
  std::uint64_t newest_ = 0;
  // What the last checkpoint said, and the lives as they were then.
  struct Saved {
    AllocationState said;
    std::uint64_t page_count = kFirst;
    std::map<std::uint64_t, std::vector<Life>> lives;
  };
  Saved saved_;
  std::uint64_t meta_txns_[2] = {0, 0};
  std::set<std::uint64_t> blobs_[2];
  std::size_t slot_ = 1;

 public:
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoints_within_transactions = 0;
  std::uint64_t reopenings = 0;
};

TEST(Allocator, SaysOfEveryPageWhatItsLivesMakeIt) {  // ALLOC-5 to ALLOC-7
  const Replay replay = Replay::from_environment({"seed"});
  const auto seeds = replay.seeds("seed", 1, 150);
  std::uint64_t checkpoints = 0;
  std::uint64_t within = 0;
  std::uint64_t reopenings = 0;
  for (const std::uint64_t seed : seeds) {
    SCOPED_TRACE(replay.command({seed}));
    Store store(seed);
    for (int step = 0; step < 150; ++step) {
      store.step();
      if (HasFatalFailure()) return;
    }
    checkpoints += store.checkpoints;
    within += store.checkpoints_within_transactions;
    reopenings += store.reopenings;
  }
  if (replay.everything()) {
    EXPECT_GT(checkpoints, 1000U);
    EXPECT_GT(within, 500U);
    EXPECT_GT(reopenings, 500U);
  }
  std::cout << "cases=" << checkpoints << " failures=0 seed=" << span_of(seeds) << "\n";
}

}  // namespace
}  // namespace caisson::pager
