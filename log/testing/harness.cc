#include "log/testing/harness.h"

#include <thread>
#include <utility>

#include "base/mutex.h"

namespace caisson::log::testing {

std::string path_of(std::uint64_t sequence) {
  return std::string(kStorePath) + "/" + kLogDirectoryName + "/" + file_name(sequence);
}

Uuid test_uuid() {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) uuid.bytes[i] = static_cast<std::byte>(i + 1);
  return uuid;
}

LogStore::LogStore(const WriterOptions& options, std::uint64_t seed)
    : options_(options),
      machine_(std::make_unique<io::sim::Machine>(seed)),
      vfs_(&machine_->vfs()) {
  create();
}

LogStore::LogStore(io::Vfs& vfs, std::string path, const WriterOptions& options)
    : options_(options), vfs_(&vfs), path_(std::move(path)) {
  create();
}

void LogStore::create() {
  value_of(vfs_->create_directory(path_));
  store_ = value_of(vfs_->open_directory(path_));
  value_of(store_->make_directory(kLogDirectoryName));
  value_of(store_->sync());
  directory_ = value_of(LogDirectory::open(*store_, test_uuid()));
  value_of(directory_->make_file(1, options_.file_size_min));
}

LogStore::LogStore(std::unique_ptr<io::sim::Machine> machine, const WriterOptions& options)
    : options_(options), machine_(std::move(machine)), vfs_(&machine_->vfs()) {}

Result<LogEnd> LogStore::open() {
  writer_.reset();
  CAISSON_ASSIGN_OR_RETURN(store_, vfs_->open_directory(path_));
  CAISSON_ASSIGN_OR_RETURN(directory_, LogDirectory::open(*store_, test_uuid()));
  CAISSON_RETURN_IF_ERROR(directory_->remove_unfinished());
  CAISSON_RETURN_IF_ERROR(flush_log(*directory_, 1));
  CAISSON_ASSIGN_OR_RETURN(LogEnd end,
                           find_log_end(*directory_, FileAccess::kReadDirect, {}, {}, {}));
  CAISSON_RETURN_IF_ERROR(make_durable(*directory_, {}, end));
  txn_ = end.txn;
  CAISSON_ASSIGN_OR_RETURN(writer_,
                           LogWriter::open(*vfs_, *directory_, end.txn, end.resume, options_));
  return end;
}

Result<LogWriter::Appended> LogStore::append(std::string_view payload) {
  const TxnId next{to_u64(txn_) + 1};
  CAISSON_ASSIGN_OR_RETURN(const auto appended,
                           writer_->append(RecordType::kCommit, next, 0, bytes_of(payload)));
  txn_ = next;
  return appended;
}

Result<void> LogStore::commit(std::string_view payload) {
  CAISSON_ASSIGN_OR_RETURN(const auto appended, append(payload));
  return writer_->flush(appended.ticket);
}

Result<Commits> read_commits(const LogDirectory& directory, TxnId upto) {
  CommitReader reader(directory, FileAccess::kRead, {}, {});
  Commits commits;
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const auto commit, reader.next(upto));
    if (!commit) return commits;
    std::string& text = commits.emplace_back();
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const auto payload, reader.payload());
      if (!payload) break;
      text += text_of(*payload);
    }
  }
}

std::vector<int> commit_in_threads(LogStore& store, std::size_t threads, int commits) {
  Mutex turn;  // As the store's writer slot: one commit is queued after the other.
  std::vector<int> durable(threads, 0);
  std::vector<std::jthread> running;
  for (int& count : durable) {
    running.emplace_back([&store, &turn, &count, commits] {
      for (int i = 0; i < commits; ++i) {
        LogWriter::Appended appended;
        {
          const MutexLock lock(turn);
          auto queued = store.append(std::to_string(to_u64(store.txn()) + 1));
          if (!queued) return;
          appended = *queued;
        }
        if (!store.writer().flush(appended.ticket)) return;
        ++count;
      }
    });
  }
  running.clear();
  return durable;
}

}  // namespace caisson::log::testing
