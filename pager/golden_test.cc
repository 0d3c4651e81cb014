// Method: spec/golden/pages/ holds page files that make_pages.py wrote from the spec alone, each
// with what has to happen to it. Every file is put onto the simulated machine and opened, read
// through its references and scrubbed, and every line of what it expects is compared with what
// happened; nothing else may happen. The other way round, this code writes the files that it can
// write, and the bytes have to be those of the second implementation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/testing/golden.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/scrub.h"
#include "pager/testing/golden.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using caisson::testing::golden_names;
using caisson::testing::GoldenFile;
using caisson::testing::load_golden;
using ::testing::ElementsAreArray;
using testing::kPagesPath;
using testing::kStorePath;
using testing::small_options;
using ::testing::UnorderedElementsAreArray;
using testing::value_of;

namespace fs = std::filesystem;

constexpr PageType kBranch{130};
constexpr PageType kLeaf{131};

const fs::path& golden_folder() {
  static const fs::path folder = fs::path(CAISSON_SOURCE_DIR) / "spec/golden/pages";
  return folder;
}

GoldenFile load(const std::string& name) { return load_golden(golden_folder(), name); }

// "unsupported-version CODE": codes in one word, and "-" for no rule.
std::string outcome(const Error& error) {
  std::string code(to_string(error.code()));
  std::ranges::replace(code, ' ', '-');
  return code + " " + (error.rule().empty() ? "-" : error.rule());
}

std::string page_of(const Error& error) {
  return error.page() ? " page " + std::to_string(*error.page()) : "";
}

// The lists of a blob as the expectations write them.
std::string to_text(const PageRun& run) {
  return " " + std::to_string(to_u64(run.first)) + "+" + std::to_string(run.count);
}

std::string to_text(const DeadRun& dead) {
  return to_text(dead.run) + ":" + std::to_string(to_u64(dead.birth)) + "-" +
         std::to_string(to_u64(dead.death));
}

template <typename Run>
std::string to_text(std::string list, const std::vector<Run>& runs) {
  for (const Run& run : runs) list += to_text(run);
  return list;
}

// Everything that happens when a page file is opened, read and scrubbed, as expectations.
class Observer {
 public:
  explicit Observer(Bytes file) : machine_(1), directory_(testing::make_store_of(machine_, file)) {}

  std::vector<std::string> observe(PageAccess access, bool read_only) {
    said_.clear();
    PagerOptions options = small_options(access);
    options.read_only = read_only;
    observe_open(options);
    observe_untrusted();
    return said_;
  }

 private:
  void say(std::string text) { said_.push_back(std::move(text)); }

  void observe_open(const PagerOptions& options) {
    auto attempt = OpenAttempt::begin(*directory_, options);
    if (!attempt) return say("begin " + outcome(attempt.error()));
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const Candidate& candidate = attempt->candidate(slot);
      if (candidate.offered()) continue;
      say(std::string("not-offered ") + (slot == MetaSlot::kA ? "A " : "B ") +
          outcome(*candidate.reason) + page_of(*candidate.reason));
    }
    const auto newest = attempt->newest();
    if (!newest) return say("open " + outcome(newest.error()));
    say(*newest == MetaSlot::kA ? "newest A" : "newest B");
    const AllocationState lists = attempt->candidate(*newest).allocation;
    say(to_text("free", lists.free));
    say(to_text("dead", lists.dead));
    say(to_text("earlier", lists.earlier_blob));
    if (!lists.attachment.empty()) {
      const auto* const text = reinterpret_cast<const char*>(lists.attachment.data());
      say("attachment " + std::string(text, lists.attachment.size()));
    }
    const auto pager = value_of(open_pager(std::move(*attempt), *newest));
    say("txn " + std::to_string(to_u64(pager->checkpointed().txn)));
    observe_scrub(*pager);
    observe_tree(*pager);
  }

  // Before anything else is read: what a scrub finds must not depend on what is in memory.
  void observe_scrub(Pager& pager) {
    const ScrubReport report = value_of(scrub(pager, {}));
    for (const ScrubFinding& finding : report.findings) {
      const Error& error = finding.error;
      const bool damage = finding.severity == ScrubSeverity::kDamage;
      const std::string where =
          error.page() ? page_of(error) : " offset " + std::to_string(error.offset().value());
      say((damage ? "scrub " : "note ") + error.rule() + where);
      damaged_ = damaged_ || damage;
    }
  }

  void observe_tree(Pager& pager) {
    std::string leaves = "leaves";
    const std::function<Result<void>(const PageRef&)> visit =
        [&](const PageRef& ref) -> Result<void> {
      CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager.read(ref));
      const std::byte* body = page + kPageHeaderSize;
      if (read_header(page).type == kLeaf) {
        leaves += " " + std::to_string(load_u64(body));
        return {};
      }
      EXPECT_EQ(read_header(page).type, kBranch);
      for (std::uint32_t i = 0; i < load_u32(body); ++i) {
        const std::byte* entry = body + 4 + i * 12;
        CAISSON_RETURN_IF_ERROR(visit({PageId{load_u64(entry)}, load_u32(entry + 8)}));
      }
      return {};
    };
    const PageRef root = pager.checkpointed().root;
    const Result<void> visited = root.id == PageId{} ? Result<void>{} : visit(root);
    if (!visited) return say("read " + visited.error().rule() + page_of(visited.error()));
    say(leaves);
  }

  // OPEN-3: it answers exactly where an ordinary opening and a scrub find nothing.
  void observe_untrusted() {
    const bool opens = std::ranges::any_of(
        said_, [](const std::string& line) { return line.starts_with("newest"); });
    const auto pager = open_untrusted(*directory_, small_options());
    EXPECT_EQ(pager.has_value(), opens && !damaged_);
    damaged_ = false;
  }

  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::vector<std::string> said_;
  bool damaged_ = false;
};

class GoldenPages : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenPages, AreReadOrRefusedAsTheySay) {
  const GoldenFile file = load(GetParam());
  ASSERT_FALSE(file.expected.empty());
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    for (const bool read_only : {false, true}) {
      Observer observer(file.bytes);
      EXPECT_THAT(observer.observe(access, read_only), UnorderedElementsAreArray(file.expected))
          << (access == PageAccess::kMapped ? "mapped" : "private")
          << (read_only ? ", read-only" : "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenPages, ::testing::ValuesIn(golden_names(golden_folder())),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GoldenFiles, BreakEveryRuleThatAReaderCanSeeBroken) {
  // What the files were named for; so a file that goes missing, or is renamed to something that
  // nobody looks for, is noticed.
  const std::set<std::string> rules = {
      "META-1", "META-2", "META-3", "META-4", "META-5", "META-6",  "FILE-2",  "FILE-3",  "PAGE-1",
      "PAGE-2", "PAGE-3", "PAGE-4", "PAGE-5", "PAGE-6", "ALLOC-1", "ALLOC-2", "ALLOC-3", "ALLOC-4"};
  std::set<std::string> named;
  for (const std::string& name : golden_names(golden_folder())) {
    if (!name.starts_with("reject-")) continue;
    const std::string rule = caisson::testing::rule_named_by(name);
    named.insert(rule);
    const auto expected = load(name).expected;
    EXPECT_TRUE(std::ranges::any_of(
        expected, [&](const auto& line) { return line.find(rule) != std::string::npos; }))
        << name << " has to be refused for " << rule;
  }
  EXPECT_EQ(named, rules);
}

// --- Writing -------------------------------------------------------------------------------------

// The trees of the golden files, for PageWriter.
class BranchLayout final : public PageLayout {
 public:
  void child_slots(Bytes page, std::vector<ChildSlot>& slots) const override {
    const std::uint32_t count = load_u32(page.data() + kPageHeaderSize);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t entry = kPageHeaderSize + 4 + i * 12;
      slots.push_back({PageId{load_u64(page.data() + entry)}, entry + 8});
    }
  }
};

Uuid golden_uuid() {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  }
  return uuid;
}

// A store that this code writes, with the UUID of the golden ones.
class Writer {
 public:
  explicit Writer(std::uint32_t page_size) : machine_(1) {
    io::Vfs& vfs = machine_.vfs();
    value_of(vfs.create_directory(kStorePath));
    directory_ = value_of(vfs.open_directory(kStorePath));
    CreateOptions create;
    create.page_size = page_size;
    create.uuid = golden_uuid();
    value_of(create_page_file(vfs, *directory_, create));
    PagerOptions options = small_options();
    options.layout = &layout_;
    pager_ = value_of(open_pager(*directory_, options));
  }

  PageTxn begin(std::uint64_t txn) { return value_of(PageTxn::begin(*pager_, TxnId{txn})); }

  static PageId leaf(PageTxn& txn, std::uint64_t value) {
    const NewPage made = value_of(txn.allocate(kLeaf, 0));
    store_u64(made.bytes.data() + kPageHeaderSize, value);
    return made.id;
  }

  static PageId branch(PageTxn& txn, const std::vector<PageId>& children, std::uint8_t level = 1) {
    const NewPage made = value_of(txn.allocate(kBranch, level));
    Encoder out(made.bytes.subspan(kPageHeaderSize));
    out.u32(static_cast<std::uint32_t>(children.size()));
    for (const PageId child : children) {
      out.u64(to_u64(child));
      out.u32(0);
    }
    return made.id;
  }

  void checkpoint(std::uint64_t txn, PageId root, bool log = true) {
    CheckpointRequest request;
    request.txn = TxnId{txn};
    request.root = root;
    if (log) {
      request.apply_version = static_cast<std::uint32_t>(0x07070700 + txn);
      request.log = {.file = 0x0101010101010100 + txn,
                     .offset = 0x0202020202020200 + txn,
                     .epoch = 0x0606060606060600 + txn,
                     .record_checksum = static_cast<std::uint32_t>(0x05050500 + txn),
                     .hash = {.low = 0x0303030303030300 + txn, .high = 0x0404040404040400 + txn}};
    }
    value_of(pager_->checkpoint(request));
    pager_->reclaim(std::vector<TxnId>{TxnId{txn}});
  }

  // The file's bytes up to what a reader looks at; it is longer (FILE-3).
  std::vector<std::byte> bytes(std::size_t size) {
    const Bytes all = machine_.image(kPagesPath)->durable();
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(size, all.size()))};
  }

 private:
  BranchLayout layout_;
  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<Pager> pager_;
};

// Compares, and says where the first difference is rather than printing the files.
void expect_golden(Writer& writer, const std::string& name) {
  const GoldenFile golden = load(name);
  const std::vector<std::byte> bytes = writer.bytes(golden.bytes.size());
  const auto [ours, theirs] = std::ranges::mismatch(bytes, golden.bytes);
  EXPECT_TRUE(ours == bytes.end() && theirs == golden.bytes.end())
      << name << ": first difference at byte " << ours - bytes.begin();
}

TEST(GoldenFiles, AreWhatCreatingAStoreWrites) {
  // FILE-1, FILE-2.
  for (const std::uint32_t kib : {4U, 8U, 16U, 32U, 64U}) {
    Writer writer(kib * 1024);
    expect_golden(writer, "empty-" + std::to_string(kib) + "k");
  }
}

TEST(GoldenFiles, AreWhatCheckpointsWrite) {
  Writer writer(4096);
  PageId one{};
  PageId two{};
  PageId root{};
  {
    PageTxn txn = writer.begin(1);
    one = Writer::leaf(txn, 11);
    two = Writer::leaf(txn, 12);
    root = Writer::branch(txn, {one, two});
    txn.seal();
  }
  writer.checkpoint(1, root);
  expect_golden(writer, "checkpoints-1");
  const auto replace_two = [&](std::uint64_t number, std::uint64_t value) {
    PageTxn txn = writer.begin(number);
    txn.free(two, TxnId{number - 1});
    txn.free(root, TxnId{number - 1});
    two = Writer::leaf(txn, value);
    root = Writer::branch(txn, {one, two});
    txn.seal();
    writer.checkpoint(number, root);
    expect_golden(writer, "checkpoints-" + std::to_string(number));
  };
  replace_two(2, 22);
  replace_two(3, 23);
  PageTxn txn = writer.begin(4);
  txn.free(two, TxnId{3});
  txn.free(root, TxnId{3});
  root = Writer::branch(txn, {one});
  txn.seal();
  writer.checkpoint(4, root);
  expect_golden(writer, "checkpoints-4");
}

TEST(GoldenFiles, AreWhatACheckpointOfSeveralLevelsWrites) {
  // The checkpoint is later than its root: a transaction that changed no page follows.
  Writer writer(16384);
  PageTxn txn = writer.begin(7);
  std::vector<PageId> leaves;
  for (std::uint64_t i = 0; i < 4; ++i) leaves.push_back(Writer::leaf(txn, 100 + i));
  const PageId low = Writer::branch(txn, {leaves[0], leaves[1]});
  const PageId high = Writer::branch(txn, {leaves[2], leaves[3]});
  const PageId root = Writer::branch(txn, {low, high}, 2);
  txn.seal();
  writer.begin(9).seal();
  writer.checkpoint(9, root, false);
  expect_golden(writer, "levels-16k");
}

TEST(GoldenFiles, AreWhatEncodingTheirListsGives) {
  // The blob of blob-two-pages, taken from its two pages by hand: 4,008 bytes, then the rest.
  const GoldenFile golden = load("blob-two-pages");
  const Bytes file = golden.bytes;
  std::vector<std::byte> blob;
  for (const std::size_t page : {227U, 228U}) {
    const std::uint32_t size = load_u32(file.data() + page * 4096 + 84);
    const Bytes part = file.subspan(page * 4096 + 88, size);
    blob.insert(blob.end(), part.begin(), part.end());
  }
  AllocationState state;
  for (std::uint64_t i = 0; i < 195; ++i) {
    const std::uint64_t birth = (std::uint64_t{1} << 63U) + i;
    state.dead.push_back(
        {{PageId{32 + i}, 1}, TxnId{birth}, TxnId{birth + (std::uint64_t{1} << 62U)}});
  }
  EXPECT_EQ(encode_allocation(state, PageId{32}), blob);
}

TEST(GoldenFiles, AreWhatEncodingTheirMetasGives) {
  for (const std::string& name : golden_names(golden_folder())) {
    if (name.starts_with("reject-")) continue;
    const GoldenFile golden = load(name);
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const Bytes block = Bytes(golden.bytes).subspan(meta_offset(slot), kMetaSize);
      const auto meta = decode_meta(slot, block);
      ASSERT_TRUE(meta) << name;
      EXPECT_THAT(encode_meta(*meta), ElementsAreArray(block)) << name;
    }
  }
}

}  // namespace
}  // namespace caisson::pager
