// What the tests of commands share: the program, run in this process.

#ifndef CAISSON_TOOLS_TESTING_COMMAND_H_
#define CAISSON_TOOLS_TESTING_COMMAND_H_

#include <caisson/store.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/testing/value_of.h"
#include "tools/caisson/program.h"

namespace caisson::tools {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

// Runs it. A signal, if there is one, has come before it begins.
inline Outcome caisson(const std::vector<std::string>& arguments, const std::string& input = "",
                       int signal = 0) {
  std::vector<const char*> argv = {"caisson"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Context context{.in = in, .out = out, .err = err};
  context.signal = [signal] { return signal; };
  const int code = run(static_cast<int>(argv.size()), argv.data(), context);
  return {code, out.str(), err.str()};
}

// Each test has an empty directory, gone when it ends.
class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "caisson-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  // A path in it; a store is at the one without a name.
  std::string path(const std::string& name = "store") const { return (folder_ / name).string(); }

  std::string write_file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  static std::string read_file(const std::string& at) {
    std::ifstream file(at, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  // What a store holds: trees, keys, values.
  using Contents = std::map<std::string, std::map<std::string, std::string>>;

  static Contents contents_of(const std::string& store_path) {
    using caisson::testing::value_of;
    Contents contents;
    const Store store = value_of(Store::open(store_path, {.read_only = true}));
    const Snapshot snapshot = value_of(store.snapshot());
    for (const std::string& name : value_of(snapshot.tree_names())) {
      auto& found = contents[name];
      Cursor cursor = value_of(value_of(snapshot.tree(name)).cursor());
      while (value_of(cursor.next())) {
        found.emplace(as_text(cursor.key()), value_of(value_of(cursor.value()).to_string()));
      }
    }
    return contents;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_TESTING_COMMAND_H_
