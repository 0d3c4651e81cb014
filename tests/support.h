// What tests of the whole store share: a directory of their own on the real file system, and stores
// in it.

#ifndef CAISSON_TESTS_SUPPORT_H_
#define CAISSON_TESTS_SUPPORT_H_

#include <caisson/store.h>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/testing/value_of.h"

namespace caisson::testing {

// Each test has an empty directory, gone when it ends.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "caisson-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  // A path in it; a store is at the one without a name.
  std::string path(const std::string& name = "store") const { return (folder_ / name).string(); }

  // Opens the store, making it if need be.
  Store open(Options options = {}) const {
    options.create_if_missing = !options.read_only;
    return value_of(Store::open(path(), options));
  }

 private:
  std::filesystem::path folder_;
};

// Sets a key, in a transaction of its own.
inline Committed put(const Store& store, const std::string& tree, ByteView key, ByteView value,
                     const CommitOptions& options = {}) {
  WriteTxn txn = value_of(store.begin_write());
  value_of(value_of(txn.open_or_create_tree(tree)).put(key, value));
  return value_of(txn.commit(options));
}

// What a tree holds, read by a cursor of any kind.
template <typename AnyTree>
std::map<std::string, std::string> contents(const AnyTree& tree, const Range& range = {}) {
  std::map<std::string, std::string> found;
  auto cursor = value_of(tree.cursor(range));
  while (value_of(cursor.next())) {
    found.emplace(as_text(cursor.key()), value_of(value_of(cursor.value()).to_string()));
  }
  return found;
}

inline std::map<std::string, std::string> contents(const Store& store, const std::string& tree) {
  return contents(value_of(value_of(store.snapshot()).tree(tree)));
}

// Waits until something is so: ten seconds at the most.
inline bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// Does something in a child process, which ends without destroying anything. True if it got to its
// end, and returned true.
inline bool in_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no child process");
  if (child == 0) {
    bool good = false;
    try {
      good = work();
    } catch (const std::exception& error) {
      static_cast<void>(write(STDERR_FILENO, error.what(), std::string(error.what()).size()));
    }
    _exit(good ? 0 : 1);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace caisson::testing

#endif  // CAISSON_TESTS_SUPPORT_H_
