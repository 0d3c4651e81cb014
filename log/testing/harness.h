// A log, mostly on a simulated machine, with a model beside it: what most tests of the log start
// from. Everything that fails throws, which a test reports with the message.

#ifndef CAISSON_LOG_TESTING_HARNESS_H_
#define CAISSON_LOG_TESTING_HARNESS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/value_of.h"
#include "io/sim/machine.h"
#include "log/commit_reader.h"
#include "log/log_file.h"
#include "log/reader.h"
#include "log/recovery.h"
#include "log/writer.h"

namespace caisson::log::testing {

using caisson::testing::value_of;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline constexpr const char* kStorePath = "/store";

// The path of a log file on the machine.
std::string path_of(std::uint64_t sequence);

// Small files, so that logs of some hundred records have many.
inline constexpr WriterOptions kSmallFiles{
    .file_size_min = kFileSizeMin, .file_size_max = 2 * kFileSizeMin, .direct = true};

Uuid test_uuid();

// What a log holds: the payloads of its commits, 1, 2, 3 ...
using Commits = std::vector<std::string>;

// A log that is written by one process after the other.
class LogStore {
 public:
  explicit LogStore(const WriterOptions& options = kSmallFiles, std::uint64_t seed = 1);

  // The same in a new directory of any system.
  LogStore(io::Vfs& vfs, std::string path, const WriterOptions& options);

  // A copy of the machine, with its log closed.
  LogStore(std::unique_ptr<io::sim::Machine> machine, const WriterOptions& options);

  io::sim::Machine& machine() { return *machine_; }
  LogDirectory& directory() { return *directory_; }
  LogWriter& writer() { return *writer_; }
  const WriterOptions& options() const { return options_; }

  // Finds the end of the log, all of it, and opens it to write there.
  Result<LogEnd> open();
  void close() { writer_.reset(); }

  // One commit of one record, made durable. Its number is the next.
  Result<void> commit(std::string_view payload);

  // The same without waiting for it.
  Result<LogWriter::Appended> append(std::string_view payload);

  TxnId txn() const { return txn_; }
  void set_txn(TxnId txn) { txn_ = txn; }

 private:
  void create();

  WriterOptions options_;
  std::unique_ptr<io::sim::Machine> machine_;
  io::Vfs* vfs_;
  std::string path_ = kStorePath;
  std::unique_ptr<io::Directory> store_;
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<LogWriter> writer_;
  TxnId txn_{};
};

// All commits from the log's first one on, up to `upto`, read anew.
Result<Commits> read_commits(const LogDirectory& directory, TxnId upto = TxnId{~std::uint64_t{0}});

// Commits from many threads at once, each as often; their payloads are "1", "2", "3" ... Returns
// how many each thread was told are durable; it ends where it is told something else.
std::vector<int> commit_in_threads(LogStore& store, std::size_t threads, int commits);

}  // namespace caisson::log::testing

#endif  // CAISSON_LOG_TESTING_HARNESS_H_
