// The pager on the real file system, each figure beside what the machine does at best.
//
// Method. Reads: a page file of 4,096 leaves of 16 KiB (64 MiB), visited in one fixed random
// order. Limits read the same file, or touch the same memory, in the same order, with system
// calls of their own and no pager. "hot": the file is in the page cache. "cold": it was flushed
// and dropped from the page cache before each batch, and the counters say what the disk really
// gave. Files lie in bench::directory(); README.md says how to choose it.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/random.h"
#include "bench/raw_file.h"
#include "bench/support.h"
#include "io/memory.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/testing/harness.h"
#include "pager/testing/wide_array.h"

namespace caisson::bench {
namespace {

using io::Call;
using pager::PageAccess;
using pager::Pager;
using pager::PageRef;
using pager::PageTxn;
using pager::testing::PageArray;
using pager::testing::value_of;
using pager::testing::WideArray;

constexpr std::size_t kPageSize = pager::kPageSizeDefault;
constexpr std::size_t kLeafCount = 4096;
constexpr std::size_t kColdBatch = 128;

// --- Files ---------------------------------------------------------------------------------------

pager::PagerOptions options_for(PageAccess access = PageAccess::kMapped) {
  pager::PagerOptions options;
  options.access = access;
  options.layout = &pager::testing::array_layout();
  // Nothing here keeps what it read across a transaction.
  options.readers = [](std::vector<pager::RegisteredReader>&) {};
  return options;
}

// A directory with a new, empty page file in it.
std::unique_ptr<io::Directory> create_store(const std::string& name) {
  io::Vfs& vfs = io::posix_vfs();
  const std::string path = directory() + "/" + name;
  std::filesystem::remove_all(path);
  value_of(vfs.create_directory(path));
  auto made = value_of(vfs.open_directory(path));
  value_of(pager::create_page_file(vfs, *made, {}));
  return made;
}

// The file that all benchmarks of reading share.
struct ReadFile {
  std::unique_ptr<io::Directory> directory;
  std::string path;
  std::vector<PageRef> refs;  // The leaves in the order of visits.

  static const ReadFile& get() {
    static const ReadFile file;
    return file;
  }

  std::unique_ptr<Pager> open() const { return value_of(open_pager(*directory, options_for())); }

  std::uint64_t size_bytes() const { return std::filesystem::file_size(path); }

 private:
  ReadFile() : directory(create_store("read")) {
    path = bench::directory() + "/read/" + pager::kPageFileName;
    const auto made = open();
    WideArray array(*made, {});
    constexpr std::size_t kPerTxn = 512;
    for (std::uint32_t done = 0; done < kLeafCount; done += kPerTxn) {
      const TxnId id{done / kPerTxn + 1};
      PageTxn txn = value_of(PageTxn::begin(*made, id));
      for (std::uint32_t i = done; i < done + kPerTxn; ++i) value_of(array.set(txn, i, i + 1));
      txn.seal();
      const auto written =
          value_of(made->checkpoint({.txn = id, .root = array.root().id, .log = {}}));
      array = WideArray(*made, written.meta.root);
      made->reclaim(std::vector{id});
    }
    refs = value_of(array.leaves());
    Random random(1);
    for (std::size_t i = refs.size(); i > 1; --i) {
      std::swap(refs[i - 1], refs[random.below(i)]);
    }
  }
};

// The whole file over as much address space as the pager takes.
class RawMapping {
 public:
  explicit RawMapping(const RawFile& file)
      : base_(static_cast<std::byte*>(mmap(nullptr, pager::kAddressSpaceDefault, PROT_READ,
                                           MAP_SHARED | MAP_NORESERVE, file.fd(), 0))) {
    if (base_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "map");
  }
  ~RawMapping() { munmap(base_, pager::kAddressSpaceDefault); }
  RawMapping(const RawMapping&) = delete;
  RawMapping& operator=(const RawMapping&) = delete;

  std::byte* at(std::uint64_t offset) const { return base_ + offset; }

 private:
  std::byte* base_;
};

std::uint64_t offset_of(const PageRef& ref) { return to_u64(ref.id) * kPageSize; }

// --- Opening -------------------------------------------------------------------------------------

void open_close_empty(benchmark::State& state) {
  const auto store = create_store("empty");
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    benchmark::DoNotOptimize(value_of(open_pager(*store, options_for())).get());
    latencies.record(now_ns() - begin);
  }
  report_latencies(state, latencies);
}

// The system calls of section 6 of spec/pages.md, and nothing else.
void open_close_calls(benchmark::State& state) {
  (void)create_store("empty");
  const std::string folder = directory() + "/empty";
  const std::string path = folder + "/" + pager::kPageFileName;
  io::AlignedBuffer block(pager::kMetaSize);
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    {
      const RawFile file(path, O_RDWR);
      file.lock();
      file.flush();
      RawFile(folder, O_RDONLY | O_DIRECTORY).flush();
      const RawFile direct(path, O_RDONLY | O_DIRECT);
      direct.read(0, block.bytes());
      direct.read(pager::meta_offset(pager::MetaSlot::kB), block.bytes());
      const RawMapping mapping(file);
      benchmark::DoNotOptimize(mapping.at(0));
    }
    latencies.record(now_ns() - begin);
  }
  report_latencies(state, latencies);
}

// --- Reading what was verified -------------------------------------------------------------------

// Another cache line at each visit: the first bytes of all pages would share a few sets of the
// cache, and the benchmark would measure how they push each other out.
std::size_t touched_byte(std::size_t visit) { return visit * 64 % kPageSize; }

void read_verified(benchmark::State& state) {
  const ReadFile& file = ReadFile::get();
  const auto pager = file.open();
  for (const PageRef& ref : file.refs) value_of(pager->read(ref));
  unsigned sum = 0;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto page = pager->read(file.refs[next]);
    sum += std::to_integer<unsigned>((*page)[touched_byte(next)]);
    next = (next + 1) % kLeafCount;
  }
  benchmark::DoNotOptimize(sum);
}

void table_lookup(benchmark::State& state) {
  const ReadFile& file = ReadFile::get();
  const auto pager = file.open();
  std::vector<const std::byte*> table(pager->stats().page_count);
  for (const PageRef& ref : file.refs) table[to_u64(ref.id)] = value_of(pager->read(ref));
  unsigned sum = 0;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    sum += std::to_integer<unsigned>(table[to_u64(file.refs[next].id)][touched_byte(next)]);
    next = (next + 1) % kLeafCount;
  }
  benchmark::DoNotOptimize(sum);
}

// --- Reading for the first time ------------------------------------------------------------------

// Times batches of `batch` visits. `prepare` makes, untimed, what reads one page when called.
template <typename Prepare>
void time_batches(benchmark::State& state, std::size_t batch, Histogram& latencies,
                  Prepare prepare) {
  const std::vector<PageRef>& refs = ReadFile::get().refs;
  std::size_t begin = 0;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) {
    auto read = prepare();
    const std::uint64_t batch_start = now_ns();
    std::uint64_t start = batch_start;
    for (std::size_t i = 0; i < batch; ++i) {
      read(refs[(begin + i) % refs.size()]);
      const std::uint64_t end = now_ns();
      latencies.record(end - start);
      start = end;
    }
    state.SetIterationTime(static_cast<double>(start - batch_start) / 1e9);
    begin = (begin + batch) % refs.size();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPageSize));
  report_latencies(state, latencies);
}

auto read_by_pager() {
  return [pager = ReadFile::get().open()](const PageRef& ref) { value_of(pager->read(ref)); };
}

auto read_by_pread() {
  return [file = std::make_unique<RawFile>(ReadFile::get().path, O_RDONLY),
          buffer = std::make_unique<io::AlignedBuffer>(kPageSize)](const PageRef& ref) {
    file->read(offset_of(ref), buffer->bytes());
    benchmark::DoNotOptimize(buffer->data());
  };
}

// A fresh mapping; one byte of each 4 KiB, so that the processor can reach all of the page.
auto read_by_touch() {
  const RawFile file(ReadFile::get().path, O_RDONLY);
  return [mapping = std::make_unique<RawMapping>(file)](const PageRef& ref) {
    const std::byte* page = mapping->at(offset_of(ref));
    for (std::size_t i = 0; i < kPageSize; i += 4096) benchmark::DoNotOptimize(page[i]);
  };
}

// The same, with the system asked to map the page at once, and its checksum: the work that a
// first read can't do without.
auto read_by_populate() {
  const RawFile file(ReadFile::get().path, O_RDONLY);
  auto mapping = std::make_unique<RawMapping>(file);
  madvise(mapping->at(0), ReadFile::get().size_bytes(), MADV_RANDOM);
  return [mapping = std::move(mapping)](const PageRef& ref) {
    std::byte* page = mapping->at(offset_of(ref));
    constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, which older headers don't name.
    (void)madvise(page, kPageSize, kPopulateRead);
    benchmark::DoNotOptimize(crc32c({page, kPageSize}));
  };
}

template <typename Prepare>
void hot(benchmark::State& state, Prepare prepare) {
  const RawFile file(ReadFile::get().path, O_RDONLY);
  std::vector<std::byte> buffer(kPageSize);
  for (const PageRef& ref : ReadFile::get().refs) file.read(offset_of(ref), buffer);
  Histogram latencies;
  time_batches(state, kLeafCount, latencies, prepare);
}

template <typename Prepare>
void cold(benchmark::State& state, Prepare prepare) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  const RawFile file(ReadFile::get().path, O_RDWR);
  Histogram latencies;
  DiskReads total;
  DiskReads before;
  const auto add = [&] {
    const DiskReads now = DiskReads::now();
    total.bytes += now.bytes - before.bytes;
    total.requests += now.requests - before.requests;
    total.major_faults += now.major_faults - before.major_faults;
  };
  bool first = true;
  // Counts from after one batch's preparation to before the next one's.
  time_batches(state, kColdBatch, latencies, [&] {
    if (!std::exchange(first, false)) add();
    // A page that somebody has mapped stays in the cache; here nobody has.
    file.flush();
    posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    auto read = prepare();
    before = DiskReads::now();
    return read;
  });
  add();
  const auto pages = static_cast<double>(state.iterations());
  state.counters["disk_KiB_per_page"] = static_cast<double>(total.bytes) / 1024 / pages;
  state.counters["disk_reads_per_page"] = static_cast<double>(total.requests) / pages;
  state.counters["major_faults_per_page"] = static_cast<double>(total.major_faults) / pages;
}

// --- Checkpoints ---------------------------------------------------------------------------------

// A transaction of one leaf and its root, and a checkpoint of it.
void commit(benchmark::State& state) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  const auto store = create_store("commit");
  const auto pager = value_of(open_pager(*store, options_for()));
  const io::Counters& counters = io::posix_vfs().counters();
  PageArray array(*pager, {});
  std::uint64_t txn_number = 0;
  Histogram latencies;
  const auto commit_once = [&] {
    const TxnId id{++txn_number};
    const std::uint64_t begin = now_ns();
    PageTxn txn = value_of(PageTxn::begin(*pager, id));
    value_of(array.set(txn, static_cast<std::uint32_t>(txn_number % 256), txn_number));
    txn.seal();
    const auto written =
        value_of(pager->checkpoint({.txn = id, .root = array.root().id, .log = {}}));
    array = PageArray(*pager, written.meta.root);
    pager->reclaim(std::vector{id});
    return now_ns() - begin;
  };
  // Until the array is full and the pages that it frees are enough for the next ones.
  for (int i = 0; i < 300; ++i) commit_once();
  std::uint64_t syncs = 0;
  const std::uint64_t writes_before = counters.calls(Call::kWrite);
  const std::uint64_t bytes_before = counters.bytes(Call::kWrite);
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t syncs_before = counters.calls(Call::kSyncData);
    latencies.record(commit_once());
    const std::uint64_t made = counters.calls(Call::kSyncData) - syncs_before;
    syncs += made;
    if (made != 2) {
      return fail(state, "a checkpoint flushed " + std::to_string(made) + " times, not twice");
    }
  }
  const auto count = static_cast<double>(state.iterations());
  state.counters["syncs"] = static_cast<double>(syncs) / count;
  state.counters["writes"] =
      static_cast<double>(counters.calls(Call::kWrite) - writes_before) / count;
  state.counters["KiB_written"] =
      static_cast<double>(counters.bytes(Call::kWrite) - bytes_before) / 1024 / count;
  report_latencies(state, latencies);
}

// The same bytes in a file that was written before: leaf, root and allocation blob, the meta,
// and the two flushes that a crash-safe checkpoint can't do without.
void raw_write(benchmark::State& state) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  constexpr std::size_t kPages = 3;
  constexpr std::size_t kPlaces = 264;
  const RawFile file(directory() + "/raw", O_RDWR | O_CREAT | O_TRUNC);
  io::AlignedBuffer page(kPageSize);
  Random random(1);
  random.fill(page.bytes());
  for (std::size_t i = 0; i < kPlaces; ++i) file.write(i * kPageSize, page.bytes());
  file.flush();
  Histogram latencies;
  std::uint64_t slot = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    for (std::size_t i = 0; i < kPages; ++i) {
      const std::uint64_t place = 8 + random.below(kPlaces - 8);
      file.write(place * kPageSize, page.bytes());
    }
    file.flush();
    file.write(slot * 65536, page.bytes().first(pager::kMetaSize));
    file.flush();
    slot = 1 - slot;
    latencies.record(now_ns() - begin);
  }
  state.counters["syncs"] = 2;
  state.counters["writes"] = kPages + 1;
  state.counters["KiB_written"] = (kPages * kPageSize + pager::kMetaSize) / 1024.0;
  report_latencies(state, latencies);
}

// --- Names ---------------------------------------------------------------------------------------

template <typename Run>
benchmark::internal::Benchmark* add(const char* name, Run run) {
  return benchmark::RegisterBenchmark(name, run);
}

template <typename Prepare>
void add_hot(const char* name, Prepare prepare) {
  add(name, [prepare](benchmark::State& state) { hot(state, prepare); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

template <typename Prepare>
void add_cold(const char* name, Prepare prepare) {
  add(name, [prepare](benchmark::State& state) { cold(state, prepare); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  add("pager/open_close_empty", open_close_empty)->UseRealTime()->Unit(benchmark::kMicrosecond);
  add("limit/open_close_calls", open_close_calls)->UseRealTime()->Unit(benchmark::kMicrosecond);
  hold_against("pager/open_close_empty", "limit/open_close_calls");

  add("pager/read_page_random_16k_hot/verified", read_verified);
  add("limit/table_lookup_random", table_lookup);
  hold_against("pager/read_page_random_16k_hot/verified", "limit/table_lookup_random");

  const std::string first_touch = "pager/read_page_random_16k_hot/first_touch";
  add_hot(first_touch.c_str(), read_by_pager);
  add_hot("limit/pread_16k_hot", read_by_pread);
  add_hot("limit/mmap_touch_16k", read_by_touch);
  add_hot("limit/mmap_populate_crc32c_16k", read_by_populate);
  hold_against(first_touch, "limit/pread_16k_hot");
  hold_against(first_touch, "limit/mmap_touch_16k");
  hold_against(first_touch, "limit/mmap_populate_crc32c_16k");

  add_cold("pager/read_page_random_16k_cold", read_by_pager);
  add_cold("limit/pread_16k_cold", read_by_pread);
  hold_against("pager/read_page_random_16k_cold", "limit/pread_16k_cold");

  add("pager/commit_meta_fsync", commit)->UseRealTime()->Unit(benchmark::kMicrosecond);
  add("limit/raw_write_fdatasync_x2", raw_write)->UseRealTime()->Unit(benchmark::kMicrosecond);
  hold_against("pager/commit_meta_fsync", "limit/raw_write_fdatasync_x2");
  return true;
}();

}  // namespace
}  // namespace caisson::bench
