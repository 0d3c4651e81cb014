// The pager on the real file system, each figure beside what the machine does at best.
//
// Method. Reads: a page file of 4,096 leaves of 16 KiB (64 MiB), visited in one fixed random
// order. Limits read the same file, or touch the same memory, in the same order, with system
// calls of their own and no pager. "hot": the file is in the page cache. "cold": it was flushed
// and dropped from the page cache before each batch, and the counters say what the disk really
// gave.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/disk_reads.h"
#include "bench/support/keep.h"
#include "bench/support/raw_file.h"
#include "io/memory.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/testing/harness.h"
#include "pager/testing/wide_array.h"

namespace caisson::bench {
namespace {

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
std::unique_ptr<io::Directory> create_store(const std::string& path) {
  io::Vfs& vfs = io::posix_vfs();
  value_of(vfs.create_directory(path));
  auto made = value_of(vfs.open_directory(path));
  value_of(pager::create_page_file(vfs, *made, {}));
  return made;
}

std::unique_ptr<io::Directory> open_directory(const std::string& path) {
  return value_of(io::posix_vfs().open_directory(path));
}

// Leaves 1 to kLeafCount.
void fill(const std::string& path) {
  const auto store = create_store(path);
  const auto pager = value_of(open_pager(*store, options_for()));
  WideArray array(*pager, {});
  constexpr std::size_t kPerTxn = 512;
  for (std::uint32_t done = 0; done < kLeafCount; done += kPerTxn) {
    const TxnId id{done / kPerTxn + 1};
    PageTxn txn = value_of(PageTxn::begin(*pager, id));
    for (std::uint32_t i = done; i < done + kPerTxn; ++i) value_of(array.set(txn, i, i + 1));
    txn.seal();
    const auto written =
        value_of(pager->checkpoint({.txn = id, .root = array.root().id, .log = {}}));
    array = WideArray(*pager, written.meta.root);
    pager->reclaim(std::vector{id});
  }
}

// The file that all benchmarks of reading share.
class ReadFile {
 public:
  explicit ReadFile(const Run& run)
      : path_(run.shared("pages_to_read", fill)), directory_(bench::open_directory(path_)) {
    auto attempt = value_of(pager::OpenAttempt::begin(*directory_, options_for()));
    const pager::MetaSlot newest = value_of(attempt.newest());
    const PageRef root = attempt.candidate(newest).meta->root;
    const auto made = value_of(open_pager(std::move(attempt), newest));
    refs_ = value_of(WideArray(*made, root).leaves());
    Random random(run.seed());
    for (std::size_t i = refs_.size(); i > 1; --i) {
      std::swap(refs_[i - 1], refs_[random.below(i)]);
    }
  }

  // The leaves in the order of visits.
  const std::vector<PageRef>& refs() const { return refs_; }

  std::string file() const { return path_ + "/" + pager::kPageFileName; }
  std::unique_ptr<Pager> open() const { return value_of(open_pager(*directory_, options_for())); }
  std::uint64_t size_bytes() const { return std::filesystem::file_size(file()); }

 private:
  std::string path_;
  std::unique_ptr<io::Directory> directory_;
  std::vector<PageRef> refs_;
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

void open_close_empty(Run& run) {
  const auto store = create_store(run.new_path("empty"));
  run.each([&] { keep(value_of(open_pager(*store, options_for()))); });
}

// The system calls of section 6 of spec/pages.md, and nothing else.
void open_close_calls(Run& run) {
  const std::string folder = run.new_path("empty");
  (void)create_store(folder);
  const std::string path = folder + "/" + pager::kPageFileName;
  io::AlignedBuffer block(pager::kMetaSize);
  run.each([&] {
    const RawFile file(path, O_RDWR);
    file.lock();
    file.flush();
    RawFile(folder, O_RDONLY | O_DIRECTORY).flush();
    const RawFile direct(path, O_RDONLY | O_DIRECT);
    direct.read(0, block.bytes());
    direct.read(pager::meta_offset(pager::MetaSlot::kB), block.bytes());
    const RawMapping mapping(file);
    keep(mapping.at(0));
  });
}

// --- Reading what was verified -------------------------------------------------------------------

// Another cache line at each visit: the first bytes of all pages would share a few sets of the
// cache, and the benchmark would measure how they push each other out.
std::size_t touched_byte(std::size_t visit) { return visit * 64 % kPageSize; }

constexpr std::size_t kBatch = 1000;

void read_verified(Run& run) {
  const ReadFile file(run);
  const auto pager = file.open();
  for (const PageRef& ref : file.refs()) value_of(pager->read(ref));
  std::size_t next = 0;
  run.batches(kBatch, [&] {
    const auto page = pager->read(file.refs()[next]);
    keep((*page)[touched_byte(next)]);
    next = (next + 1) % kLeafCount;
  });
}

void table_lookup(Run& run) {
  const ReadFile file(run);
  const auto pager = file.open();
  std::vector<const std::byte*> table(pager->stats().page_count);
  for (const PageRef& ref : file.refs()) table[to_u64(ref.id)] = value_of(pager->read(ref));
  std::size_t next = 0;
  run.batches(kBatch, [&] {
    keep(table[to_u64(file.refs()[next].id)][touched_byte(next)]);
    next = (next + 1) % kLeafCount;
  });
}

// --- Reading for the first time ------------------------------------------------------------------

// What reads one page when it is called: each begins with nothing read.
auto read_by_pager(const ReadFile& file) {
  return [pager = file.open()](const PageRef& ref) { value_of(pager->read(ref)); };
}

auto read_by_pread(const ReadFile& file) {
  return [raw = std::make_unique<RawFile>(file.file(), O_RDONLY),
          buffer = std::make_unique<io::AlignedBuffer>(kPageSize)](const PageRef& ref) {
    raw->read(offset_of(ref), buffer->bytes());
    keep(buffer->data());
  };
}

// A fresh mapping; one byte of each 4 KiB, so that the processor can reach all of the page.
auto read_by_touch(const ReadFile& file) {
  const RawFile raw(file.file(), O_RDONLY);
  return [mapping = std::make_unique<RawMapping>(raw)](const PageRef& ref) {
    const std::byte* page = mapping->at(offset_of(ref));
    for (std::size_t i = 0; i < kPageSize; i += 4096) keep(page[i]);
  };
}

// The same, with the system asked to map the page at once, and its checksum: the work that a
// first read can't do without.
auto read_by_populate(const ReadFile& file) {
  const RawFile raw(file.file(), O_RDONLY);
  auto mapping = std::make_unique<RawMapping>(raw);
  madvise(mapping->at(0), file.size_bytes(), MADV_RANDOM);
  return [mapping = std::move(mapping)](const PageRef& ref) {
    std::byte* page = mapping->at(offset_of(ref));
    constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, which older headers don't name.
    (void)madvise(page, kPageSize, kPopulateRead);
    keep(crc32c({page, kPageSize}));
  };
}

template <typename Begin>
void hot(Run& run, Begin begin) {
  const ReadFile file(run);
  const RawFile raw(file.file(), O_RDONLY);
  std::vector<std::byte> buffer(kPageSize);
  for (const PageRef& ref : file.refs()) raw.read(offset_of(ref), buffer);
  run.prepared(kLeafCount, [&] {
    return [&file, read = begin(file)](std::size_t i) { read(file.refs()[i]); };
  });
}

template <typename Begin>
void cold(Run& run, Begin begin) {
  run.need_disk();
  const ReadFile file(run);
  const RawFile raw(file.file(), O_RDWR);
  DiskReads total;
  std::optional<DiskReads> before;
  std::size_t first = 0;
  std::size_t pages = 0;
  // Counts from after one batch's preparation to before the next one's.
  const auto add = [&] {
    if (before) total += DiskReads::now(file.file()) - *before;
  };
  run.prepared(kColdBatch, [&] {
    add();
    // A page that somebody has mapped stays in the cache; here nobody has.
    raw.flush();
    posix_fadvise(raw.fd(), 0, 0, POSIX_FADV_DONTNEED);
    first = (first + kColdBatch) % kLeafCount;
    pages += kColdBatch;
    auto read = begin(file);
    before = DiskReads::now(file.file());
    return [&file, first, read = std::move(read)](std::size_t i) {
      read(file.refs()[(first + i) % kLeafCount]);
    };
  });
  add();
  run.set("disk_bytes_per_page", static_cast<double>(total.bytes) / static_cast<double>(pages));
  run.set("disk_reads_per_page", static_cast<double>(total.requests) / static_cast<double>(pages));
}

// --- Checkpoints ---------------------------------------------------------------------------------

// A transaction of one leaf and its root, and a checkpoint of it.
void commit(Run& run) {
  run.need_disk();
  const auto store = create_store(run.new_path("commit"));
  const auto pager = value_of(open_pager(*store, options_for()));
  PageArray array(*pager, {});
  std::uint64_t txn_number = 0;
  const auto commit_once = [&] {
    const TxnId id{++txn_number};
    PageTxn txn = value_of(PageTxn::begin(*pager, id));
    value_of(array.set(txn, static_cast<std::uint32_t>(txn_number % 256), txn_number));
    txn.seal();
    const auto written =
        value_of(pager->checkpoint({.txn = id, .root = array.root().id, .log = {}}));
    array = PageArray(*pager, written.meta.root);
    pager->reclaim(std::vector{id});
  };
  // Until the array is full and the pages that it frees are enough for the next ones.
  for (int i = 0; i < 300; ++i) commit_once();
  const std::uint64_t pages_before = pager->stats().pages_written;
  const std::uint64_t txns_before = txn_number;
  run.each(commit_once);
  run.set("pages_touched", static_cast<double>(pager->stats().pages_written - pages_before) /
                               static_cast<double>(txn_number - txns_before));
}

// The same bytes in a file that was written before: leaf, root and allocation blob, the meta,
// and the two flushes that a crash-safe checkpoint can't do without.
void raw_write(Run& run) {
  run.need_disk();
  constexpr std::size_t kPages = 3;
  constexpr std::size_t kPlaces = 264;
  const RawFile file(run.new_path("raw"), O_RDWR | O_CREAT | O_TRUNC);
  io::AlignedBuffer page(kPageSize);
  Random random(run.seed());
  random.fill(page.bytes());
  for (std::size_t i = 0; i < kPlaces; ++i) file.write(i * kPageSize, page.bytes());
  file.flush();
  std::uint64_t slot = 0;
  run.each([&] {
    for (std::size_t i = 0; i < kPages; ++i) {
      const std::uint64_t place = 8 + random.below(kPlaces - 8);
      file.write(place * kPageSize, page.bytes());
    }
    file.flush();
    file.write(slot * 65536, page.bytes().first(pager::kMetaSize));
    file.flush();
    slot = 1 - slot;
  });
}

// --- Names ---------------------------------------------------------------------------------------

void limit(const char* name, const char* about, const char* operation, Bound bound,
           std::function<void(Run&)> body) {
  add({.name = name, .about = about, .operation = operation, .bound = bound, .gate = Gate::kNone},
      std::move(body));
}

[[maybe_unused]] const bool kRegistered = [] {
  add({.name = "pager/open_close_empty",
       .about = "opening an empty file to write, with its two flushes (OPEN-1)",
       .operation = "opening",
       .bound = Bound::kDisk,
       .gate = Gate::kCritical,
       .against = {"limit/open_close_calls"},
       .quick = true,
       .iterations = 500},
      open_close_empty);
  limit("limit/open_close_calls", "the same system calls", "opening", Bound::kDisk,
        open_close_calls);

  add({.name = "pager/read_page_random_16k_hot/verified",
       .about = "a page read that this process has verified, and one byte of it",
       .operation = "page",
       .gate = Gate::kCritical,
       .against = {"limit/table_lookup_random"},
       .quick = true},
      read_verified);
  limit("limit/table_lookup_random", "the same with an array of pointers", "page",
        Bound::kProcessor, table_lookup);

  add({.name = "pager/read_page_random_16k_hot/first_touch",
       .about = "the first read of a page that is in the page cache: mapping and checksum",
       .operation = "page",
       .gate = Gate::kCritical,
       .against = {"limit/mmap_populate_crc32c_16k", "limit/pread_16k_hot", "limit/mmap_touch_16k"},
       .quick = true},
      [](Run& run) { hot(run, read_by_pager); });
  limit("limit/mmap_populate_crc32c_16k", "mapping a page, and its checksum", "page",
        Bound::kProcessor, [](Run& run) { hot(run, read_by_populate); });
  limit("limit/pread_16k_hot", "a page copied out of the page cache", "page", Bound::kProcessor,
        [](Run& run) { hot(run, read_by_pread); });
  limit("limit/mmap_touch_16k",
        "a page touched unchecked; the kernel maps up to 2 MiB at once, so most of it is the clock",
        "page", Bound::kProcessor, [](Run& run) { hot(run, read_by_touch); });

  add({.name = "pager/read_page_random_16k_cold",
       .about = "the first read of a page out of a file that was dropped from the page cache",
       .operation = "page",
       .bound = Bound::kDisk,
       .against = {"limit/pread_16k_cold"}},
      [](Run& run) { cold(run, read_by_pager); });
  limit("limit/pread_16k_cold", "a page read out of such a file", "page", Bound::kDisk,
        [](Run& run) { cold(run, read_by_pread); });

  add({.name = "pager/commit_meta_fsync",
       .about = "a transaction of one leaf and its root, and its checkpoint",
       .operation = "checkpoint",
       .bound = Bound::kDisk,
       .gate = Gate::kCritical,
       .against = {"limit/raw_write_fdatasync_x2"},
       .quick = true,
       .iterations = 1000},
      commit);
  limit("limit/raw_write_fdatasync_x2", "the same bytes written, and two flushes", "checkpoint",
        Bound::kDisk, raw_write);
  return true;
}();

}  // namespace
}  // namespace caisson::bench
