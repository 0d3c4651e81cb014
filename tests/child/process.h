// The other end of caisson-test-child: starts it, hears what it says, and ends it.

#ifndef CAISSON_TESTS_CHILD_PROCESS_H_
#define CAISSON_TESTS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/child/workload.h"

namespace caisson::testing {

class ChildProcess {
 public:
  // Starts it. What it complains of goes to that file. Throws where it can't be started.
  ChildProcess(const std::vector<std::string>& arguments, std::string complaints);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Its next report; none where there is none until then, or where it has ended.
  std::optional<Report> next(std::chrono::steady_clock::time_point until);

  // The same, for as long as it takes. Throws, with what it complained of, where it has ended.
  Report next();

  // Whether it said its last word, and that has been heard.
  bool ended() const { return ended_; }

  // Ends it with SIGKILL, and waits until it is gone. Returns its status, as waitpid() does. What
  // it said until then can still be heard.
  int kill();

  // What it complained of.
  std::string complaints() const;

 private:
  const std::string complaints_;
  int pipe_ = -1;
  pid_t id_ = -1;  // -1: gone.
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace caisson::testing

#endif  // CAISSON_TESTS_CHILD_PROCESS_H_
