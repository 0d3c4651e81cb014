// The program itself, started as a process of its own.

#ifndef CAISSON_TOOLS_TESTING_PROGRAM_H_
#define CAISSON_TOOLS_TESTING_PROGRAM_H_

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

namespace caisson::tools {

// Ended, with SIGKILL, when this is destroyed.
class Program {
 public:
  // Its streams are these files; /dev/null by default. Throws where it can't be started.
  explicit Program(std::vector<std::string> arguments, const std::string& out = "/dev/null",
                   const std::string& err = "/dev/null", const std::string& in = "/dev/null") {
    arguments.insert(arguments.begin(), CAISSON_COMMAND);
    std::vector<char*> argv;
    for (std::string& word : arguments) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int kWrite = O_CREAT | O_WRONLY | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), kWrite, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), kWrite, 0600);
    const int error = posix_spawn(&id_, CAISSON_COMMAND, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("can't start " CAISSON_COMMAND);
  }
  ~Program() {
    kill(SIGKILL);
    wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void kill(int signal) const {
    if (id_ > 0) ::kill(id_, signal);
  }

  // Waits for its end. Returns what a shell would call its exit code.
  int wait() {
    int status = 0;
    while (id_ > 0) {
      if (waitpid(id_, &status, 0) < 0 && errno == EINTR) continue;
      id_ = -1;
      code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return code_;
  }

 private:
  pid_t id_ = -1;
  int code_ = -1;
};

// Runs a line of a shell (bash), in which $caisson is the program and $1, $2 ... the arguments.
// Returns its exit code.
inline int run_in_shell(const std::string& line, const std::vector<std::string>& arguments = {}) {
  std::string command = "caisson='" CAISSON_COMMAND "'; set --";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  std::string shell = "bash";
  std::string option = "-c";
  command += "; " + line;
  char* argv[] = {shell.data(), option.data(), command.data(), nullptr};
  pid_t id = -1;
  if (posix_spawnp(&id, "bash", nullptr, nullptr, argv, environ) != 0) return 127;
  int status = 0;
  while (waitpid(id, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_TESTING_PROGRAM_H_
