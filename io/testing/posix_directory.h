// A directory of the real system, and a child process, for tests of io/posix.

#ifndef CAISSON_IO_TESTING_POSIX_DIRECTORY_H_
#define CAISSON_IO_TESTING_POSIX_DIRECTORY_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "io/posix.h"
#include "io/testing/basics.h"

namespace caisson::io::testing {

// What `body` returns in a child process; 255 if the child did not get that far.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 255;
  return WEXITSTATUS(status);
}

// From now on what this process writes behind so many bytes of any file fails with EFBIG. For a
// child: a lower limit can't always be raised again. False where the system refuses.
inline bool limit_file_size(std::uint64_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

// A directory of the test's own beneath the one for temporary files, gone with the test.
class Posix : public ::testing::Test {
 protected:
  Posix() {
    std::string pattern = (std::filesystem::temp_directory_path() / "caisson-io-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category());
    path_ = pattern;
    directory_ = posix_vfs().open_directory(path_.string()).value();
  }
  ~Posix() override {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  Directory& directory() { return *directory_; }
  std::filesystem::path at(const std::string& name) const { return path_ / name; }

  std::unique_ptr<File> create(const std::string& name) {
    return directory().open_file(name, kCreate).value();
  }

  // Expects that a name can't be opened in any way that doesn't create it, for this reason.
  void expect_refused(const std::string& name, Code code) {
    for (const OpenOptions options : {kRead, kReadWrite}) {
      const auto opened = directory().open_file(name, options);
      ASSERT_FALSE(opened) << name;
      EXPECT_EQ(opened.error().code(), code) << opened.error().to_string();
      EXPECT_EQ(opened.error().file(), name);
    }
  }

 private:
  std::filesystem::path path_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_TESTING_POSIX_DIRECTORY_H_
