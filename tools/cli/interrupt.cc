#include "tools/cli/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace caisson::tools {
namespace {

// Written by the handler, once; read by anybody. Lock-free, as a handler needs it.
std::atomic<int> noted = 0;
std::array<int, 2> ends = {-1, -1};

void note(int signal) {
  const int before = errno;
  noted = signal;
  const char byte = 0;
  static_cast<void>(!write(ends[1], &byte, 1));
  errno = before;
}

}  // namespace

void catch_signals() {
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) ends = {-1, -1};
  struct sigaction action{};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before{};
    sigaction(signal, nullptr, &before);
    // Whoever runs it in the background may want it to ignore Ctrl-C.
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
}

int noted_signal() { return noted; }

int signal_descriptor() { return ends[0]; }

void die_of_closed_pipe() {
  signal(SIGPIPE, SIG_DFL);
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  sigprocmask(SIG_UNBLOCK, &pipe_only, nullptr);
  raise(SIGPIPE);
  std::_Exit(128 + SIGPIPE);
}

}  // namespace caisson::tools
