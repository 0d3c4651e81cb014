#include "tools/demo_acts.h"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/random.h"
#include "io/posix.h"
#include "io/sim/machine.h"
#include "pager/page_txn.h"
#include "pager/testing/crash_workload.h"
#include "pager/testing/wide_array.h"

namespace caisson::demo {
namespace {

using pager::MetaSlot;
using pager::OpenAttempt;
using pager::Pager;
using pager::PageRef;
using pager::PageTxn;
using pager::testing::WideArray;

constexpr std::uint32_t kLeaves = 4000;
constexpr std::uint32_t kLeavesPerTxn = 500;
constexpr std::uint32_t kRewritten = 400;
constexpr int kHotPasses = 50;

pager::PagerOptions options() {
  pager::PagerOptions options;
  options.layout = &pager::testing::array_layout();
  // Nothing here keeps what it read across a transaction.
  options.readers = [](std::vector<pager::RegisteredReader>&) {};
  return options;
}

double seconds_of(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

void shuffle(std::vector<PageRef>& refs, Random& random) {
  for (std::size_t i = refs.size(); i > 1; --i) std::swap(refs[i - 1], refs[random.below(i)]);
}

Result<std::vector<PageRef>> leaves_of(Pager& pager) {
  return WideArray(pager, pager.checkpointed().root).leaves();
}

Result<bool> holds(Pager& pager, const pager::testing::ArrayModel& expected) {
  CAISSON_ASSIGN_OR_RETURN(const auto found,
                           WideArray(pager, pager.checkpointed().root).read_all());
  return found == expected;
}

// Writes everything: some transactions that each add pages, and one that replaces some. Each is
// followed by a checkpoint.
Result<std::uint64_t> write_all(Store& store, Random& random) {
  CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
  WideArray array(*pager, {});
  std::uint64_t txn_number = 0;
  const auto transact = [&](std::uint32_t begin, std::uint32_t end,
                            std::uint32_t step) -> Result<void> {
    store.older = store.newest;
    const TxnId id{++txn_number};
    CAISSON_ASSIGN_OR_RETURN(PageTxn txn, PageTxn::begin(*pager, id));
    for (std::uint32_t index = begin; index < end; index += step) {
      const std::uint64_t value = random.between(1, 1'000'000'000);
      CAISSON_RETURN_IF_ERROR(array.set(txn, index, value));
      store.newest[index] = value;
    }
    txn.seal();
    CAISSON_ASSIGN_OR_RETURN(const auto written,
                             pager->checkpoint({.txn = id, .root = array.root().id, .log = {}}));
    array = WideArray(*pager, written.meta.root);
    pager->reclaim(std::vector{id});
    return {};
  };
  for (std::uint32_t begin = 0; begin < kLeaves; begin += kLeavesPerTxn) {
    CAISSON_RETURN_IF_ERROR(transact(begin, begin + kLeavesPerTxn, 1));
  }
  CAISSON_RETURN_IF_ERROR(transact(0, kLeaves, kLeaves / kRewritten));
  return txn_number;
}

}  // namespace

Result<Store> Store::create(const std::string& path) {
  Store store;
  io::Vfs& vfs = io::posix_vfs();
  CAISSON_ASSIGN_OR_RETURN(store.directory_, vfs.open_directory(path));
  CAISSON_RETURN_IF_ERROR(pager::create_page_file(vfs, *store.directory_, {}));
  return store;
}

Result<std::unique_ptr<Pager>> Store::open() const { return open_pager(*directory_, options()); }

Result<void> Store::flip(std::uint64_t offset, unsigned bit) const {
  CAISSON_ASSIGN_OR_RETURN(
      const auto file,
      directory_->open_file(pager::kPageFileName, {io::OpenMode::kReadWrite, false}));
  std::array<std::byte, 1> byte{};
  CAISSON_RETURN_IF_ERROR(file->read_exactly(offset, byte));
  byte[0] ^= std::byte{1} << bit;
  CAISSON_RETURN_IF_ERROR(file->write(offset, byte));
  return file->sync_data();
}

Result<RoundTrip> round_trip(Store& store, std::uint64_t seed) {
  io::Clock& clock = io::posix_vfs().clock();
  const io::Counters& counters = io::posix_vfs().counters();
  Random random(seed);
  RoundTrip shown;
  const std::uint64_t syncs = counters.calls(io::Call::kSyncData);
  auto start = clock.monotonic();
  CAISSON_ASSIGN_OR_RETURN(shown.transactions, write_all(store, random));
  shown.write_seconds = seconds_of(clock.monotonic() - start);
  shown.syncs = counters.calls(io::Call::kSyncData) - syncs - 1;  // One belongs to opening.
  shown.checkpoints = shown.transactions;

  CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
  shown.page_size = pager->page_size();
  shown.file_bytes = pager->stats().file_pages * shown.page_size;
  CAISSON_ASSIGN_OR_RETURN(std::vector<PageRef> refs, leaves_of(*pager));
  shown.leaves = refs.size();
  shuffle(refs, random);
  start = clock.monotonic();
  for (const PageRef& ref : refs) CAISSON_RETURN_IF_ERROR(pager->read(ref));
  shown.verified_bytes_per_second =
      static_cast<double>(refs.size() * shown.page_size) / seconds_of(clock.monotonic() - start);
  start = clock.monotonic();
  unsigned sum = 0;
  for (int pass = 0; pass < kHotPasses; ++pass) {
    for (const PageRef& ref : refs) sum += std::to_integer<unsigned>(**pager->read(ref));
  }
  shown.hot_read_ns =
      seconds_of(clock.monotonic() - start) * 1e9 / (static_cast<double>(refs.size()) * kHotPasses);
  CAISSON_ASSIGN_OR_RETURN(shown.right, holds(*pager, store.newest));
  if (sum == 0) shown.right = false;  // Uses the sum; 4,000 checksums don't all begin with 0.
  return shown;
}

Result<BitFlip> flip_a_bit(const Store& store, std::uint64_t seed) {
  Random random(seed);
  BitFlip shown;
  std::vector<PageRef> refs;
  std::uint64_t page_size = 0;
  {
    CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
    CAISSON_ASSIGN_OR_RETURN(refs, leaves_of(*pager));
    page_size = pager->page_size();
  }
  const PageRef victim = refs[random.below(refs.size())];
  shown.page = to_u64(victim.id);
  shown.byte = random.below(page_size);
  shown.bit = static_cast<unsigned>(random.below(8));
  shown.others_total = refs.size() - 1;
  const std::uint64_t offset = shown.page * page_size + shown.byte;
  CAISSON_RETURN_IF_ERROR(store.flip(offset, shown.bit));
  {
    CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
    for (const PageRef& ref : refs) {
      const auto page = pager->read(ref);
      if (ref == victim) {
        if (!page) shown.error = page.error();
      } else if (page) {
        ++shown.others_right;
      }
    }
  }
  CAISSON_RETURN_IF_ERROR(store.flip(offset, shown.bit));
  CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
  CAISSON_ASSIGN_OR_RETURN(shown.right_when_mended, holds(*pager, store.newest));
  return shown;
}

Result<LostMeta> lose_the_newest_meta(const Store& store, std::uint64_t seed) {
  Random random(seed);
  LostMeta shown;
  {
    CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
    const pager::Meta meta = pager->checkpointed();
    shown.slot = meta.slot;
    shown.sequence = meta.sequence;
  }
  const std::uint64_t offset = pager::meta_offset(shown.slot) + random.below(pager::kMetaSize);
  const auto bit = static_cast<unsigned>(random.below(8));
  CAISSON_RETURN_IF_ERROR(store.flip(offset, bit));
  {
    CAISSON_ASSIGN_OR_RETURN(OpenAttempt attempt, OpenAttempt::begin(store.directory(), options()));
    shown.reason = attempt.candidate(shown.slot).reason;
    CAISSON_ASSIGN_OR_RETURN(const MetaSlot slot, attempt.newest());
    CAISSON_ASSIGN_OR_RETURN(const auto pager, open_pager(std::move(attempt), slot));
    shown.older_sequence = pager->checkpointed().sequence;
    shown.older_txn = to_u64(pager->checkpointed().txn);
    CAISSON_ASSIGN_OR_RETURN(shown.older_right, holds(*pager, store.older));
  }
  CAISSON_RETURN_IF_ERROR(store.flip(offset, bit));
  CAISSON_ASSIGN_OR_RETURN(const auto pager, store.open());
  CAISSON_ASSIGN_OR_RETURN(const bool right, holds(*pager, store.newest));
  shown.newest_when_mended = right && pager->checkpointed().sequence == shown.sequence;
  return shown;
}

PowerCuts cut_power_everywhere(std::uint64_t seed,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  using io::sim::CrashMode;
  using io::sim::FaultKind;
  using io::sim::Machine;
  using pager::testing::History;
  constexpr std::array<CrashMode, 5> kModes = {CrashMode::kNothing, CrashMode::kEverything,
                                               CrashMode::kHalf, CrashMode::kMost,
                                               CrashMode::kTorn};
  // Of what chance decides, several disks are looked at.
  const auto variants = [](CrashMode mode) {
    return mode == CrashMode::kNothing || mode == CrashMode::kEverything ? 1U : 4U;
  };
  pager::testing::LifeOptions life;
  life.seed = seed;
  life.rounds = 24;

  PowerCuts shown;
  {
    Machine machine(seed);
    History history;
    shown.violation = live(machine, history, life);
    shown.calls = machine.calls();
    if (shown.violation) return shown;
  }
  for (std::uint64_t call = 0; call < shown.calls; ++call) {
    progress(call, shown.calls);
    Machine machine(seed);
    machine.inject({call, FaultKind::kPowerCut, false});
    History history;
    shown.violation = live(machine, history, life);
    for (const CrashMode mode : kModes) {
      for (std::uint64_t variant = 0; variant < variants(mode) && !shown.violation; ++variant) {
        const auto crashed = machine.clone(seed + variant);
        crashed->cut_power(mode);
        History after = history;
        shown.violation = verify(*crashed, after);
        ++shown.states;
      }
    }
    if (shown.violation) {
      *shown.violation += " (" + machine.describe() + ")";
      break;
    }
  }
  progress(shown.calls, shown.calls);
  return shown;
}

}  // namespace caisson::demo
