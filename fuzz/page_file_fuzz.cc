// Opens any bytes as a page file, reads it, changes it and opens it again. Invariants:
//
//   - Whatever the bytes, each step gives an answer or an error: nothing crashes, hangs, reads out
//     of bounds or takes memory that the file's size can't account for.
//   - Errors say that the file is damaged, of another version, or beyond a limit; on a disk that
//     works no other error can come.
//   - Where open_untrusted answers, an ordinary opening and a scrub find no damage either.
//   - A file whose tree and lists agree (each page of the tree is in no list, and read without an
//     error) can be changed: after each checkpoint it opens again, at that checkpoint, with the
//     contents that it had.
//
// Input: page_image.h. Bits of its size choose between mapped and private pages, between the
// newest checkpoint and the other one, and what the transactions do.

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"
#include "fuzz/check.h"
#include "fuzz/page_image.h"
#include "io/sim/machine.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/scrub.h"
#include "pager/testing/page_array.h"

namespace caisson {
namespace {

using pager::AllocationState;
using pager::kPageHeaderSize;
using pager::MetaSlot;
using pager::OpenAttempt;
using pager::Pager;
using pager::PageRef;
using pager::PageTxn;

constexpr const char* kFolder = "/store";
constexpr std::size_t kPagesReadMax = 2000;
constexpr std::size_t kCountOffset = kPageHeaderSize;
constexpr std::size_t kEntriesOffset = kCountOffset + 4;
constexpr std::size_t kEntrySize = 12;

// Damage, another version or a limit: all that a hostile file may cause.
bool allowed(const Error& error) {
  switch (error.code()) {
    case Code::kCorruption:
    case Code::kUnsupportedVersion:
    case Code::kWrongStore:
    case Code::kResourceExhausted:
      return true;
    default:
      std::fprintf(stderr, "%s\n", error.to_string().c_str());
      return false;
  }
}

// A tree as it was read: each page's type, level and a checksum of its leaves' bodies, in order.
struct Tree {
  bool whole = true;  // Read without an error, each page once.
  std::vector<std::uint64_t> contents;
  std::set<PageId> pages;
};

// The references in a page with level above 0, as many as fit it. A copy, since the page may be
// evicted while its children are read.
std::vector<PageRef> children_of(Bytes page) {
  std::vector<PageRef> children;
  const std::size_t count = std::min<std::size_t>(load_u32(page.data() + kCountOffset),
                                                  (page.size() - kEntriesOffset) / kEntrySize);
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* entry = page.data() + kEntriesOffset + i * kEntrySize;
    if (load_u64(entry) == 0) continue;
    children.push_back({PageId{load_u64(entry)}, load_u32(entry + 8)});
  }
  return children;
}

class TreeReader {
 public:
  explicit TreeReader(Pager& pager) : pager_(pager) {}

  Tree read(const PageRef& root) {
    if (root.id != PageId{}) visit(root, 256);
    return std::move(tree_);
  }

 private:
  void visit(const PageRef& ref, unsigned level_end) {
    if (++pages_read_ > kPagesReadMax) {
      tree_.whole = false;
      return;
    }
    const auto page = pager_.read(ref);
    if (!page) {
      FUZZ_CHECK(allowed(page.error()));
      tree_.whole = false;
      return;
    }
    const Bytes bytes(*page, pager_.page_size());
    const pager::PageHeader header = pager::read_header(bytes.data());
    FUZZ_CHECK(header.id == ref.id);
    // PAGE-7 is for the readers of trees: the pager doesn't know who refers to whom.
    if (!tree_.pages.insert(ref.id).second || header.level >= level_end || ref.checksum == 0) {
      tree_.whole = false;
      return;
    }
    tree_.contents.push_back(static_cast<std::uint64_t>(header.type) << 8U | header.level);
    if (header.level == 0) {
      tree_.contents.push_back(crc32c(bytes.subspan(kPageHeaderSize)));
      return;
    }
    for (const PageRef& child : children_of(bytes)) visit(child, header.level);
  }

  Pager& pager_;
  Tree tree_;
  std::size_t pages_read_ = 0;
};

bool lists_any(const AllocationState& lists, const std::vector<PageId>& blob,
               const std::set<PageId>& pages) {
  const auto overlaps = [&](const pager::PageRun& run) {
    const auto next = pages.lower_bound(run.first);
    return next != pages.end() && to_u64(*next) < to_u64(run.first) + run.count;
  };
  return std::ranges::any_of(lists.free, overlaps) ||
         std::ranges::any_of(lists.dead, overlaps, &pager::DeadRun::run) ||
         std::ranges::any_of(lists.earlier_blob, overlaps) ||
         std::ranges::any_of(blob, [&](PageId id) { return pages.contains(id); });
}

class Run {
 public:
  explicit Run(Bytes input) : choices_(input.size()), machine_(1) {
    io::Vfs& vfs = machine_.vfs();
    FUZZ_CHECK(vfs.create_directory(kFolder));
    directory_ = std::move(*vfs.open_directory(kFolder));
    const auto pages =
        std::move(*directory_->open_file(pager::kPageFileName, {io::OpenMode::kCreate, false}));
    FUZZ_CHECK(fuzz::write_image(input, *pages));
    FUZZ_CHECK(pages->sync_all());
    options_.access =
        (choices_ & 1U) != 0 ? pager::PageAccess::kMapped : pager::PageAccess::kPrivate;
    options_.address_space_bytes = std::uint64_t{16} << 20U;
    options_.memory_budget_bytes = std::uint64_t{4} << 20U;
    options_.layout = &pager::testing::array_layout();
    options_.readers = [](std::vector<pager::RegisteredReader>&) {};
  }

  void run() {
    const bool trusted = open_untrusted();
    if (!open(trusted)) return;
    if (!change() || !tree_.whole) return;
    // Twice, so that both slots are written, and the first's dead pages are used again.
    reopen();
    if (change()) reopen();
  }

 private:
  bool open_untrusted() {
    const auto pager = pager::open_untrusted(*directory_, options_);
    if (!pager) {
      FUZZ_CHECK(allowed(pager.error()));
      return false;
    }
    (void)TreeReader(**pager).read((*pager)->checkpointed().root);
    return true;
  }

  bool open(bool trusted) {
    auto attempt = OpenAttempt::begin(*directory_, options_);
    if (!attempt) {
      FUZZ_CHECK(allowed(attempt.error()) && !trusted);
      return false;
    }
    auto slot = attempt->newest();
    if (!slot) {
      FUZZ_CHECK(allowed(slot.error()) && !trusted);
      return false;
    }
    if ((choices_ & 2U) != 0 && attempt->candidate(other(*slot)).offered()) slot = other(*slot);
    const AllocationState lists = attempt->candidate(*slot).allocation;
    const std::vector<PageId> blob = attempt->candidate(*slot).blob_pages;
    auto pager = pager::open_pager(std::move(*attempt), *slot);
    FUZZ_CHECK(pager);
    pager_ = std::move(*pager);
    const auto report = pager::scrub(*pager_, {});
    FUZZ_CHECK(report);
    if (trusted && (choices_ & 2U) == 0) {
      for (const pager::ScrubFinding& finding : report->findings) {
        FUZZ_CHECK(finding.severity == pager::ScrubSeverity::kNote);
      }
    }
    tree_ = TreeReader(*pager_).read(pager_->checkpointed().root);
    if (lists_any(lists, blob, tree_.pages)) tree_.whole = false;
    return true;
  }

  // Adds a leaf under a new root, which either has the old root as its other child or replaces
  // it, and writes a checkpoint. False if a limit was met.
  bool change() {
    const pager::Meta before = pager_->checkpointed();
    const TxnId number{to_u64(before.txn) + 1};
    auto txn = PageTxn::begin(*pager_, number);
    if (!txn) {
      FUZZ_CHECK(number == TxnId{} || number == pager::kAlive);
      return false;
    }
    const auto root = make_root(*txn, before.root);
    if (!root) {
      FUZZ_CHECK(allowed(root.error()));
      return false;
    }
    txn->seal();
    pager::CheckpointRequest request;
    request.txn = number;
    request.root = *root;
    const auto written = pager_->checkpoint(request);
    FUZZ_CHECK(!pager_->poisoned());
    if (!written) {
      FUZZ_CHECK(allowed(written.error()));
      return false;
    }
    FUZZ_CHECK(written->meta.txn == number && written->meta.root.id == *root);
    written_ = written->meta;
    pager_->reclaim(std::vector<TxnId>{number});
    const bool was_whole = tree_.whole;
    tree_ = TreeReader(*pager_).read(written->meta.root);
    FUZZ_CHECK(tree_.whole || !was_whole);
    tree_.whole = was_whole;
    return true;
  }

  Result<PageId> make_root(PageTxn& txn, const PageRef& old_root) {
    unsigned level = 0;
    bool keeps = false;
    if (old_root.id != PageId{}) {
      CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager_->read(old_root));
      level = pager::read_header(page).level;
      keeps = level < 255 && (choices_ & 4U) == 0;
      if (!keeps) level = 0;
      if (!keeps && tree_.whole) free_below(txn, old_root);
    }
    CAISSON_ASSIGN_OR_RETURN(const pager::NewPage leaf,
                             txn.allocate(pager::testing::kArrayLeaf, 0));
    store_u64(leaf.bytes.data() + kPageHeaderSize, to_u64(txn.txn()));
    CAISSON_ASSIGN_OR_RETURN(
        const pager::NewPage root,
        txn.allocate(pager::testing::kArrayRoot, static_cast<std::uint8_t>(level + 1)));
    Encoder out(root.bytes.subspan(kPageHeaderSize));
    out.u32(keeps ? 2 : 1);
    out.u64(to_u64(leaf.id));
    out.u32(0);
    if (keeps) {
      out.u64(to_u64(old_root.id));
      out.u32(old_root.checksum);
    }
    return root.id;
  }

  void free_below(PageTxn& txn, const PageRef& ref) {
    const auto page = pager_->read(ref);
    FUZZ_CHECK(page);
    const pager::PageHeader header = pager::read_header(*page);
    std::vector<PageRef> children;
    if (header.level > 0) children = children_of({*page, pager_->page_size()});
    txn.free(ref.id, header.txn);
    for (const PageRef& child : children) free_below(txn, child);
  }

  void reopen() {
    pager_.reset();
    auto attempt = OpenAttempt::begin(*directory_, options_);
    FUZZ_CHECK(attempt);
    const auto slot = attempt->newest();
    FUZZ_CHECK(slot && *slot == written_.slot);
    FUZZ_CHECK(attempt->candidate(*slot).meta == written_);
    const AllocationState lists = attempt->candidate(*slot).allocation;
    const std::vector<PageId> blob = attempt->candidate(*slot).blob_pages;
    auto pager = pager::open_pager(std::move(*attempt), *slot);
    FUZZ_CHECK(pager);
    pager_ = std::move(*pager);
    const Tree again = TreeReader(*pager_).read(written_.root);
    FUZZ_CHECK(again.whole && again.contents == tree_.contents && again.pages == tree_.pages);
    FUZZ_CHECK(!lists_any(lists, blob, again.pages));
  }

  const std::size_t choices_;
  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  pager::PagerOptions options_;
  std::unique_ptr<Pager> pager_;
  Tree tree_;
  pager::Meta written_;
};

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace caisson;
  Run({reinterpret_cast<const std::byte*>(data), size}).run();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  return caisson::fuzz::mutate_image({reinterpret_cast<std::byte*>(data), size_max}, size, seed);
}
