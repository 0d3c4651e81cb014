#include "bench/harness/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include "tools/cli/descriptor.h"
#include "tools/cli/interrupt.h"

namespace caisson::bench {
namespace {

// What the other process sends first: whether text or an error follows.
constexpr char kText = 't';
constexpr char kThrown = 'e';

void send(int pipe, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = write(pipe, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno != EINTR) return;  // Nobody reads it any more.
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
}

[[noreturn]] void work_and_end(int pipe, const std::function<std::string()>& work) {
  // A group of its own, so that whatever it starts can be ended with it; and nobody survives who
  // waits for it.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) std::signal(signal, SIG_DFL);
  try {
    send(pipe, kText + work());
  } catch (const std::exception& error) {
    send(pipe, std::string(1, kThrown) + error.what());
  }
  // Destructors of what the parent shares aren't this process's business.
  _exit(0);
}

// Reads to the end; kStopped if a signal came first.
Result<std::string> receive(int pipe) {
  std::string bytes;
  std::array<char, 65536> part{};
  std::array<pollfd, 2> waits{{{pipe, POLLIN, 0}, {tools::signal_descriptor(), POLLIN, 0}}};
  while (true) {
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
      return fail(tools::system_error(errno, "can't wait for a benchmark", ""));
    }
    if (tools::noted_signal() != 0) return fail(Code::kStopped, "stopped by a signal");
    if (waits[0].revents == 0) continue;
    const ssize_t count = read(pipe, part.data(), part.size());
    if (count == 0) return bytes;
    if (count > 0) bytes.append(part.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) {
      return fail(tools::system_error(errno, "can't hear from a benchmark", ""));
    }
  }
}

}  // namespace

Measurement run_once(const Benchmark& benchmark, const Settings& settings) {
  Run run(settings,
          [](const auto&) { throw std::logic_error("only micro benchmarks repeat an operation"); });
  benchmark.body(run);
  return run.take();
}

Result<std::string> in_a_process(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(tools::system_error(errno, "can't make a pipe", ""));
  }
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    work_and_end(ends[1], work);
  }
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    return fail(tools::system_error(errno, "can't start a process", ""));
  }
  setpgid(process, process);  // Whichever of the two comes first.
  Result<std::string> bytes = receive(ends[0]);
  close(ends[0]);
  kill(-process, SIGKILL);  // What it has left behind; all of it, where it has not ended.
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  CAISSON_RETURN_IF_ERROR(bytes);
  if (bytes->empty()) {
    const std::string signal = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no result";
    return fail(Code::kIoError, "the benchmark's process has died: " + signal);
  }
  if (bytes->front() == kThrown) return fail(Code::kIoError, bytes->substr(1));
  return bytes->substr(1);
}

}  // namespace caisson::bench
