// Method: the `caisson` command, run in this process on stores in a temporary directory: what it
// prints, and the exit codes that scripts trust.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "btree/layout.h"
#include "btree/testing/harness.h"
#include "io/posix.h"
#include "pager/open.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using btree::testing::bytes_of;
using btree::testing::value_of;
using ::testing::HasSubstr;

// A store with 2,000 entries, one of them long.
class CaissonCommand : public ::testing::Test {
 protected:
  CaissonCommand() {
    std::string pattern = ::testing::TempDir() + "caisson-command-XXXXXX";
    path_ = mkdtemp(pattern.data());
    const auto directory = value_of(io::posix_vfs().open_directory(path_));
    pager::CreateOptions create;
    create.page_size = 4096;
    value_of(pager::create_page_file(io::posix_vfs(), *directory, create));
    pager::PagerOptions options;
    options.layout = &btree::tree_layout();
    options.address_space_bytes = std::uint64_t{64} << 20U;
    const auto pager = value_of(pager::open_pager(*directory, options));
    pager::PageTxn txn = value_of(pager::PageTxn::begin(*pager, TxnId{1}));
    btree::TreeWriter writer(*pager, txn, {});
    for (int i = 0; i < 2000; ++i) {
      const std::string key = "key-" + std::to_string(10'000 + i);
      value_of(writer.put(bytes_of(key), bytes_of("value " + std::to_string(i))));
    }
    value_of(writer.put(bytes_of("long"), bytes_of(std::string(9000, 'v'))));
    const PageId root = writer.root().page.id;
    txn.seal();
    pager::CheckpointRequest request;
    request.txn = TxnId{1};
    request.root = root;
    root_ = to_u64(value_of(pager->checkpoint(request)).meta.root.id);
  }

  ~CaissonCommand() override { std::filesystem::remove_all(path_); }

  // Makes the tree one of two that a catalog names.
  void add_catalog() {
    const auto directory = value_of(io::posix_vfs().open_directory(path_));
    pager::PagerOptions options;
    options.layout = &btree::tree_layout();
    options.address_space_bytes = std::uint64_t{64} << 20U;
    const auto pager = value_of(pager::open_pager(*directory, options));
    pager::PageTxn txn = value_of(pager::PageTxn::begin(*pager, TxnId{2}));
    btree::TreeWriter writer(*pager, txn, {}, btree::TreeKind::kCatalog);
    std::vector<std::byte> value(btree::kTreeRootSize);
    value_of(writer.put(bytes_of("nothing"), value));
    btree::store_tree_root(value.data(), {pager->checkpointed().root, 2001});
    value.resize(btree::kTreeRootSize + 4, std::byte{'m'});
    value_of(writer.put(bytes_of("numbers"), value));
    const PageId root = writer.root().page.id;
    txn.seal();
    pager::CheckpointRequest request;
    request.txn = TxnId{2};
    request.root = root;
    catalog_ = to_u64(value_of(pager->checkpoint(request)).meta.root.id);
  }

  void overwrite(std::uint64_t offset) {
    std::fstream file(path_ + "/pages", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write("damage", 6);
  }

  std::string path_;
  std::uint64_t root_ = 0;
  std::uint64_t catalog_ = 0;
};

TEST_F(CaissonCommand, PageShowsTheTree) {
  const Outcome text = caisson({"page", path_});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, ::testing::StartsWith("branch " + std::to_string(root_)));
  EXPECT_THAT(text.out, HasSubstr("\n  leaf "));
  const Outcome shallow = caisson({"page", path_, "--depth", "0", "--json"});
  EXPECT_EQ(shallow.json()["nodes"].size(), 1U);
}

TEST_F(CaissonCommand, PageDecodesOnePage) {
  const std::string root = std::to_string(root_);
  const nlohmann::json json = caisson({"page", path_, root, "--json"}).json();
  EXPECT_EQ(json["type"], "branch");
  const std::uint64_t leaf = json["entries"][0]["child"];
  const Outcome text = caisson({"page", path_, std::to_string(leaf)});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, HasSubstr("\"key-10000\"  = \"value 0\""));
}

TEST_F(CaissonCommand, PageShowsWhatACatalogNames) {
  add_catalog();
  EXPECT_THAT(caisson({"page", path_}).out,
              ::testing::StartsWith("leaf " + std::to_string(catalog_)));
  const Outcome text = caisson({"page", path_, std::to_string(catalog_)});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, HasSubstr("\"nothing\"  = the empty tree\n"));
  EXPECT_THAT(text.out, HasSubstr("\"numbers\"  = a tree of 2001 entries, in page " +
                                  std::to_string(root_) + ", \"mmmm\"\n"));
  const nlohmann::json json = caisson({"page", path_, std::to_string(catalog_), "--json"}).json();
  EXPECT_EQ(json["entries"][1]["tree"]["page"], root_);
  EXPECT_EQ(json["entries"][1]["tree"]["entries"], 2001);
  EXPECT_FALSE(json["entries"][1].contains("value"));
}

TEST_F(CaissonCommand, PageShowsDamageAsFarAsItCanBeBelieved) {
  overwrite(root_ * 4096 + 2000);
  const Outcome text = caisson({"page", path_, std::to_string(root_)});
  EXPECT_EQ(text.code, kDamaged) << text.out << text.err;
  EXPECT_THAT(text.out, HasSubstr("PAGE-1"));
}

TEST_F(CaissonCommand, SaysWhatToDoWhenCalledWrongly) {
  EXPECT_EQ(caisson({}).code, kUsage);
  EXPECT_EQ(caisson({"verify"}).code, kUsage);
  EXPECT_EQ(caisson({"frobnicate"}).code, kUsage);
  EXPECT_EQ(caisson({"page", path_, "many"}).code, kUsage);
  EXPECT_EQ(caisson({"verify", path_ + "/missing"}).code, kNegative);
  EXPECT_EQ(caisson({"page", path_, "1"}).code, kNegative);
  EXPECT_THAT(caisson({"page", path_, "1"}).err, HasSubstr("pages go from"));
  const Outcome help = caisson({"verify", "--help"});
  EXPECT_EQ(help.code, kFine);
  EXPECT_THAT(help.out, HasSubstr("Examples:"));
}

}  // namespace
}  // namespace caisson::tools
