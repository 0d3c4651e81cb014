// Method: files in a temporary directory are written, given up, gone on with and written by two at
// once; what lies under their names and those of their parts is looked at.

#include "tools/cli/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

namespace fs = std::filesystem;
using caisson::testing::value_of;

class Output : public FolderTest {
 protected:
  std::string file() const { return path("out"); }
  std::string part() const { return OutputFile::part_of(file()); }
};

TEST_F(Output, IsThereWholeOrAsItWasBefore) {
  write_file("out", "before");
  {
    const auto given_up = value_of(OutputFile::create(file()));
    given_up->stream() << "half";
  }
  EXPECT_EQ(read_file(file()), "before");
  EXPECT_FALSE(fs::exists(part()));
  const auto written = value_of(OutputFile::create(file()));
  written->stream() << "whole";
  value_of(written->finish());
  EXPECT_EQ(read_file(file()), "whole");
  EXPECT_FALSE(fs::exists(part()));
}

TEST_F(Output, IsReadableToThoseWhoCouldReadWhatItReplaces) {
  write_file("out", "before");
  fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  const auto written = value_of(OutputFile::create(file()));
  value_of(written->finish());
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Output, IsNotWrittenByTwo) {
  const auto first = value_of(OutputFile::create(file()));
  first->stream() << "first";
  EXPECT_EQ(OutputFile::create(file()).error().code(), Code::kBusy);
  EXPECT_EQ(OutputFile::resume(file(), 1).error().code(), Code::kBusy);
  value_of(first->finish());
  EXPECT_EQ(read_file(file()), "first");
  // Nobody holds what a process has left that was killed.
  write_file("out.part", "left");
  const auto second = value_of(OutputFile::create(file()));
  second->stream() << "2nd";
  value_of(second->finish());
  EXPECT_EQ(read_file(file()), "2nd");
}

TEST_F(Output, ThatCanNotGoOnIsLeftAsItWas) {
  {
    const auto stopped = value_of(OutputFile::create(file()));
    stopped->stream() << "0123456789";
    value_of(stopped->keep());
  }
  {
    const auto failed = value_of(OutputFile::resume(file(), 5));
    failed->stream() << "abc" << std::flush;
    EXPECT_EQ(read_file(part()), "01234abc");
  }
  EXPECT_EQ(read_file(part()), "01234");
  EXPECT_EQ(OutputFile::resume(file(), 6).error().code(), Code::kCorruption);
  const auto last = value_of(OutputFile::resume(file(), 5));
  last->stream() << "xyz";
  value_of(last->finish());
  EXPECT_EQ(read_file(file()), "01234xyz");
}

}  // namespace
}  // namespace caisson::tools
