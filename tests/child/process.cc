#include "tests/child/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace caisson::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The environment, but for what tests on the simulator ask of the allocator: to keep all memory
// that it ever had, which is not what a program's memory is measured with.
std::vector<char*> plain_environment() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("GLIBC_TUNABLES=")) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

// Starts it with its standard error and its reports where they belong.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& complaints, int reports) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), CAISSON_TEST_CHILD);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, complaints.c_str(),
                                   O_CREAT | O_WRONLY | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, reports, kReportDescriptor);
  std::vector<char*> variables = plain_environment();
  pid_t id = -1;
  const int error =
      posix_spawn(&id, CAISSON_TEST_CHILD, &actions, nullptr, pointers.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("can't start " CAISSON_TEST_CHILD);
  return id;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, std::string complaints)
    : complaints_(std::move(complaints)) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  // As its own descriptor 3 it would be closed in the child: dup2() onto itself changes nothing.
  const int reports = fcntl(ends[1], F_DUPFD_CLOEXEC, kReportDescriptor + 1);
  close(ends[1]);
  pipe_ = ends[0];
  id_ = spawn(arguments, complaints_, reports);
  close(reports);
}

ChildProcess::~ChildProcess() {
  kill();
  close(pipe_);
}

std::optional<Report> ChildProcess::next(steady_clock::time_point until) {
  while (!ended_) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    pollfd waiting{.fd = pipe_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready == 0) return std::nullopt;
    if (ready < 0) continue;
    Report report;
    const ssize_t size = read(pipe_, &report, sizeof(report));  // Whole: they are written so.
    if (size == sizeof(report)) return report;
    ended_ = size == 0;
  }
  return std::nullopt;
}

Report ChildProcess::next() {
  while (true) {
    if (auto report = next(steady_clock::now() + std::chrono::minutes(1))) return *report;
    if (ended_) throw std::runtime_error("the child has ended: " + complaints());
  }
}

int ChildProcess::kill() {
  if (id_ < 0) return status_;
  ::kill(id_, SIGKILL);
  while (waitpid(id_, &status_, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  return status_;
}

std::string ChildProcess::complaints() const {
  std::ifstream file(complaints_);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace caisson::testing
