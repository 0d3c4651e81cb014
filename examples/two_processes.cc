// One process writes, another one reads: what the writer is told is committed, the reader finds.
// The writer tells the reader of each commit through a pipe, and the reader looks it up.
//
// Usage: two_processes [STORE]      (default: mail.caisson, in the current directory)

#include <caisson/store.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <expected>
#include <iostream>
#include <string>

namespace {

constexpr int kMessages = 100;

// The child. It opens the store for itself: a store that the parent has open can't be used here.
int read_messages(const std::string& path, int pipe) {
  const caisson::Store store = caisson::Store::open(path, {.read_only = true}).value();
  int found = 0;
  std::uint64_t txn = 0;
  while (read(pipe, &txn, sizeof txn) == sizeof txn) {
    const caisson::Snapshot snapshot = store.snapshot().value();
    const caisson::Tree mail = snapshot.tree("mail").value();
    if (to_u64(snapshot.txn()) < txn || !mail.get(std::to_string(txn)).value()) {
      std::cerr << "commit " << txn << " is not there\n";
      return 1;
    }
    ++found;
  }
  std::cout << "the reader has found " << found << " messages\n";
  return found == kMessages ? 0 : 1;
}

bool write_messages(const caisson::Store& store, int pipe) {
  for (int i = 0; i < kMessages; ++i) {
    caisson::WriteTxn txn = store.begin_write().value();
    const std::string key = std::to_string(to_u64(txn.txn()));
    txn.open_or_create_tree("mail").value().put(key, "Hello!").value();
    const std::uint64_t committed = to_u64(txn.commit().value().txn);
    if (write(pipe, &committed, sizeof committed) != sizeof committed) return false;
  }
  return true;
}

int run(const std::string& path) {
  // Made before the other process looks for it.
  caisson::Store::open(path, {.create_if_missing = true}).value().close().value();
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return 1;
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    close(pipe_ends[1]);
    const int result = read_messages(path, pipe_ends[0]);
    std::cout.flush();
    _exit(result);
  }
  close(pipe_ends[0]);
  caisson::Store store = caisson::Store::open(path).value();
  const bool written = write_messages(store, pipe_ends[1]);
  close(pipe_ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  store.close().value();
  return written && status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "mail.caisson");
  } catch (const std::bad_expected_access<caisson::Error>& failed) {
    std::cerr << failed.error().to_string() << '\n';
    return 1;
  }
}
