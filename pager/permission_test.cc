// Method: page files on the real system that somebody may not read, not write, or not create. Root
// may do everything, so where root runs the tests, the calling thread takes nobody's rights for
// the attempt. Each refusal names the file and says that it is about permission, and changes
// nothing.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "io/posix.h"
#include "io/testing/nobody.h"
#include "pager/open.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using io::testing::WithoutRootsRights;
using testing::small_options;
using testing::value_of;

class Permission : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "caisson-permission-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
    if (!WithoutRootsRights::possible()) GTEST_SKIP() << "root, and there is no nobody";
    directory_ = value_of(io::posix_vfs().open_directory(path_.string()));
    value_of(create_page_file(io::posix_vfs(), *directory_, {}));
  }

  void TearDown() override {
    mode("", 0700);
    std::filesystem::remove_all(path_);
  }

  void mode(const std::string& name, unsigned mode) const {
    std::filesystem::permissions(path_ / name, static_cast<std::filesystem::perms>(mode));
  }

  std::string bytes() const {
    std::ifstream file(path_ / kPageFileName, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Result<void> open(bool read_only) {
    const WithoutRootsRights without;
    PagerOptions options = small_options();
    options.read_only = read_only;
    CAISSON_ASSIGN_OR_RETURN(const auto pager, open_pager(*directory_, options));
    return {};
  }

  Result<void> create() {
    const WithoutRootsRights without;
    return create_page_file(io::posix_vfs(), *directory_, {});
  }

  static void expect_refused(const Result<void>& result, const std::string& file) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), Code::kPermissionDenied) << result.error().to_string();
    EXPECT_EQ(result.error().file(), file);
  }

  std::filesystem::path path_;
  std::unique_ptr<io::Directory> directory_;
};

TEST_F(Permission, RefusesAFileThatMayNotBeRead) {
  mode("", 0755);
  mode(kPageFileName, 0);
  expect_refused(open(false), kPageFileName);
  expect_refused(open(true), kPageFileName);
}

TEST_F(Permission, ReadsAFileThatMayNotBeWrittenAndRefusesToWriteIt) {
  mode("", 0755);
  mode(kPageFileName, 0444);
  const std::string before = bytes();
  expect_refused(open(false), kPageFileName);
  const auto reading = open(true);
  EXPECT_TRUE(reading.has_value()) << reading.error().to_string();
  EXPECT_EQ(bytes(), before);
}

TEST_F(Permission, RefusesAFileInADirectoryThatMayNotBeSearched) {
  mode(kPageFileName, 0666);
  mode("", 0600);
  expect_refused(open(false), kPageFileName);
}

TEST_F(Permission, CreatesNothingInADirectoryThatMayNotBeWritten) {
  std::filesystem::remove(path_ / kPageFileName);
  mode("", 0555);
  expect_refused(create(), kPageFileNewName);
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

}  // namespace
}  // namespace caisson::pager
