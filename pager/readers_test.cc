// Method: many threads read what a writer publishes while the file grows, checkpoints run and
// pages are reused. Each reader registers as the pager's header asks: it notes the epoch, takes
// the published root, and checks what it sees against the value that every leaf of that root must
// have. What it was handed out first it looks at again before it leaves: the bytes must still be
// there, at the same address. Run under TSan this also proves the ordering; on the real system the
// mapping is real.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/random.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/scrub.h"
#include "pager/testing/access.h"
#include "pager/testing/harness.h"
#include "pager/testing/reader_registry.h"

namespace caisson::pager {
namespace {

using testing::array_entry;
using testing::PageArray;
using testing::ReaderRegistry;
using testing::value_of;

constexpr std::uint32_t kLength = 300;

// A state that readers may look at: `marks` of its first leaves hold `txn`, the others nothing.
struct Published {
  TxnId txn{};
  PageRef root;
  std::uint32_t length = 0;
};

// A page that a reader was handed out, and a copy of its bytes.
struct Held {
  const std::byte* page = nullptr;
  std::vector<std::byte> copy;

  bool unchanged() const {
    return copy.empty() || std::memcmp(page, copy.data(), copy.size()) == 0;
  }
};

class Readers : public ::testing::TestWithParam<PageAccess> {
 protected:
  Readers() {
    std::string name = (std::filesystem::temp_directory_path() / "caisson-readers-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
    directory_ = value_of(io::posix_vfs().open_directory(path_.string()));
    CreateOptions options;
    options.page_size = 4096;
    value_of(create_page_file(io::posix_vfs(), *directory_, options));
  }

  ~Readers() override { std::filesystem::remove_all(path_); }

  void open(std::size_t readers) {
    registry_ = std::make_unique<ReaderRegistry>(readers);
    PagerOptions options = testing::small_options(GetParam(), std::uint64_t{32} << 20U);
    options.address_space_bytes = std::uint64_t{1} << 32U;
    options.readers = [this](std::vector<RegisteredReader>& all) { registry_->append_to(all); };
    pager_ = value_of(open_pager(*directory_, options));
  }

  // Keeps every published state alive, so that a reader may hold a pointer to one.
  void publish(const Published& state) {
    published_.push_back(std::make_unique<Published>(state));
    newest_.store(published_.back().get());
  }

  // Reads a whole state and checks it. Returns how many leaves were right, or -1.
  int read_state(const Published& state) {
    const PageArray array(*pager_, state.root);
    for (std::uint32_t i = 0; i < kLength; ++i) {
      const auto value = array.get(i);
      if (!value) return -1;
      if (*value != (i < state.length ? to_u64(state.txn) : 0)) return -1;
    }
    return static_cast<int>(kLength);
  }

  // One page of a state: a leaf, each reader another, or the root where there is no such leaf.
  Result<Held> hold(const Published& state, std::size_t slot) {
    if (state.root.id == PageId{}) return Held{};
    CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager_->read(state.root));
    const PageRef leaf = array_entry(page, static_cast<std::uint32_t>(slot % kLength));
    if (leaf.id != PageId{}) {
      CAISSON_ASSIGN_OR_RETURN(page, pager_->read(leaf));
    }
    return Held{page, {page, page + pager_->page_size()}};
  }

  std::filesystem::path path_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<ReaderRegistry> registry_;
  std::unique_ptr<Pager> pager_;
  std::vector<std::unique_ptr<Published>> published_;
  std::atomic<const Published*> newest_{nullptr};
};

TEST_P(Readers, AThousandReadWhileTheFileGrowsAHundredfold) {
  constexpr std::size_t kReaders = 1000;
  open(kReaders);
  publish({TxnId{0}, {}, 0});
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> states_read{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> moved{0};
  std::atomic<std::uint64_t> held_while_it_grew{0};
  std::atomic<std::size_t> running{0};
  const std::uint64_t pages_before = pager_->stats().page_count - 32;

  // Owned here; they end when `done` is set, and are joined at the end of this scope.
  std::vector<std::jthread> threads;
  for (std::size_t slot = 0; slot < kReaders; ++slot) {
    threads.emplace_back([&, slot] {
      ++running;
      while (!done) {
        const Published state = registry_->enter(slot, *pager_, newest_);
        const Result<Held> held = hold(state, slot);
        if (read_state(state) < 0 || !held) ++wrong;
        ++states_read;
        if (slot % 100 == 0 && held && held->page != nullptr) {
          // A patient one, which stays while many transactions and checkpoints go by.
          const std::uint64_t pages = pager_->stats().page_count;
          while (!done && to_u64(newest_.load()->txn) < to_u64(state.txn) + 10) {
            std::this_thread::yield();
          }
          if (pager_->stats().page_count > pages) ++held_while_it_grew;
        }
        if (held && !held->unchanged()) ++moved;
        registry_->leave(slot);
        std::this_thread::yield();
      }
    });
  }
  while (running < kReaders) std::this_thread::yield();

  PageArray array(*pager_, {});
  std::uint32_t length = 1;
  for (std::uint64_t txn = 1; txn <= 60; ++txn) {
    length = std::min(kLength, length + 5);
    PageTxn writing = value_of(PageTxn::begin(*pager_, TxnId{txn}));
    for (std::uint32_t i = 0; i < length; ++i) value_of(array.set(writing, i, txn));
    writing.seal();
    publish({TxnId{txn}, array.root(), length});
    if (txn % 4 == 0) {
      const Meta meta =
          value_of(pager_->checkpoint(
                       {.txn = TxnId{txn}, .root = array.root().id, .apply_version = 0, .log = {}}))
              .meta;
      array = PageArray(*pager_, meta.root);
    }
    pager_->reclaim(registry_->pins(TxnId{txn}));
    if (pager_->should_spill()) value_of(pager_->spill());
  }
  done = true;
  threads.clear();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(moved, 0U) << "bytes changed under a registered reader";
  EXPECT_GT(held_while_it_grew, 0U);
  EXPECT_GE(states_read, kReaders);
  EXPECT_GE(pager_->stats().page_count - 32, 100 * std::max<std::uint64_t>(pages_before, 1));
}

TEST_P(Readers, CheckpointsScrubsAndReadersRunBesideTheWriter) {
  constexpr std::size_t kReaders = 4;
  open(kReaders);
  publish({TxnId{0}, {}, 0});
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::mutex checkpoint_lock;  // Keeps the published root pinned while a checkpoint takes it.
  std::vector<std::jthread> threads;
  for (std::size_t slot = 0; slot < kReaders; ++slot) {
    threads.emplace_back([&, slot] {
      while (!done) {
        const Published state = registry_->enter(slot, *pager_, newest_);
        if (read_state(state) < 0) ++wrong;
        registry_->leave(slot);
      }
    });
  }
  threads.emplace_back([&] {  // The checkpointer.
    while (!done) {
      const std::scoped_lock lock(checkpoint_lock);
      const Published state = *newest_.load();
      if (state.txn == TxnId{0}) continue;
      if (!pager_->checkpoint(
              {.txn = state.txn, .root = state.root.id, .apply_version = 0, .log = {}})) {
        ++wrong;
      }
    }
  });
  threads.emplace_back([&] {  // The scrubber.
    while (!done) {
      const auto report = scrub(*pager_, {});
      if (!report) ++wrong;
      for (const ScrubFinding& finding : report->findings) {
        if (finding.severity == ScrubSeverity::kDamage) ++wrong;
      }
    }
  });
  PageArray array(*pager_, {});
  Random random(5);
  for (std::uint64_t txn = 1; txn <= 150; ++txn) {
    const auto length = static_cast<std::uint32_t>(random.between(1, 40));
    PageTxn writing = value_of(PageTxn::begin(*pager_, TxnId{txn}));
    for (std::uint32_t i = 0; i < 40; ++i) value_of(array.set(writing, i, i < length ? txn : 0));
    writing.seal();
    publish({TxnId{txn}, array.root(), length});
    const std::scoped_lock lock(checkpoint_lock);
    pager_->reclaim(registry_->pins(TxnId{txn}));
  }
  done = true;
  threads.clear();
  EXPECT_EQ(wrong, 0U);
}

INSTANTIATE_TEST_SUITE_P(Access, Readers,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         testing::access_name);

}  // namespace
}  // namespace caisson::pager
