// Engine::create, Engine::open and recovery: spec/store.md, sections 1 and 9.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "log/commit_reader.h"
#include "log/recovery.h"
#include "mvcc/catalog.h"
#include "mvcc/engine.h"
#include "mvcc/fresh_site.h"
#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {
namespace {

// What lies in the directory can only be what an earlier attempt left.
Result<void> check_vacant(io::Directory& directory, const std::string& path) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory.list());
  if (std::ranges::find(names, pager::kPageFileName) != names.end()) {
    return fail(Error(Code::kAlreadyExists, "there is a store at " + path));
  }
  for (const std::string& name : names) {
    const bool ours = name == kLockFileName || name == log::kLogDirectoryName ||
                      name == pager::kPageFileNewName || name == kUnfinishedFileName;
    if (ours) continue;
    return fail(Error(Code::kAlreadyExists, "the folder is not empty: it holds " + name)
                    .in_file(path)
                    .with_advice("Choose an empty folder, or a path where nothing is."));
  }
  return {};
}

Error log_without_store(const std::string& name) {
  return Error(Code::kAlreadyExists,
               "there is a commit log, but the store that it belongs to is gone")
      .in_file(std::string(log::kLogDirectoryName) + "/" + name)
      .with_rule("STORE-2")
      .with_advice(
          "Bring the file \"pages\" back from a backup; or, if the log is needed no more, "
          "remove it.");
}

// Whether there is nothing behind the header of a log file.
Result<bool> is_unused(const io::File& file) {
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  for (std::uint64_t at = log::kFileHeaderSize;; at += buffer.size()) {
    CAISSON_ASSIGN_OR_RETURN(const std::size_t size, file.read(at, buffer));
    const Bytes bytes = Bytes(buffer).first(size);
    if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{}; })) return false;
    if (size < buffer.size()) return true;
  }
}

// STORE-2. What has another name than a log file's is somebody else's.
Result<void> remove_unused_logs(io::Directory& directory) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory.list());
  for (const std::string& name : names) {
    bool unused = log::is_log_file_name(name);
    if (unused) {
      CAISSON_ASSIGN_OR_RETURN(const auto file, directory.open_file(name, {}));
      CAISSON_ASSIGN_OR_RETURN(unused, is_unused(*file));
    }
    if (!unused) return fail(log_without_store(name));
  }
  for (const std::string& name : names) CAISSON_RETURN_IF_ERROR(directory.unlink(name));
  return directory.sync();
}

Result<void> create_log(io::Directory& directory, const Uuid& uuid, std::uint64_t file_size) {
  auto made = directory.make_directory(log::kLogDirectoryName);
  if (!made && made.error().code() != Code::kAlreadyExists) return made;
  CAISSON_ASSIGN_OR_RETURN(const auto folder, directory.open_directory(log::kLogDirectoryName));
  CAISSON_RETURN_IF_ERROR(remove_unused_logs(*folder));
  CAISSON_ASSIGN_OR_RETURN(const auto logs, log::LogDirectory::open(directory, uuid));
  CAISSON_RETURN_IF_ERROR(logs->make_file(1, file_size));
  return directory.sync();
}

}  // namespace

Result<void> Engine::create(io::Vfs& vfs, const std::string& path,
                            const pager::CreateOptions& options, const log::WriterOptions& log) {
  CAISSON_RETURN_IF_ERROR(pager::validate(options));
  CAISSON_RETURN_IF_ERROR(log::validate(log));
  auto made = vfs.create_directory(path);
  if (!made && made.error().code() != Code::kAlreadyExists) return made;
  CAISSON_ASSIGN_OR_RETURN(const auto directory, vfs.open_directory(path));
  CAISSON_RETURN_IF_ERROR(check_vacant(*directory, path));
  CAISSON_ASSIGN_OR_RETURN(const auto lock, WriterLock::take(*directory));
  CAISSON_RETURN_IF_ERROR(check_vacant(*directory, path));  // Another may have been faster.
  pager::CreateOptions with_uuid = options;
  if (!with_uuid.uuid) CAISSON_RETURN_IF_ERROR(vfs.random(with_uuid.uuid.emplace().bytes));
  CAISSON_RETURN_IF_ERROR(create_log(*directory, *with_uuid.uuid, log.file_size_min));
  return pager::create_page_file(vfs, *directory, with_uuid);
}

// --- Opening -------------------------------------------------------------------------------------

Result<std::unique_ptr<Engine>> Engine::open(io::Vfs& vfs, const std::string& path,
                                             const EngineOptions& options) {
  CAISSON_RETURN_IF_ERROR(log::validate(options.log));
  CAISSON_ASSIGN_OR_RETURN(auto directory, open_store_directory(vfs, path));
  std::unique_ptr<Engine> engine(new Engine(vfs, std::move(directory), options));
  CAISSON_RETURN_IF_ERROR(engine->recover());
  return engine;
}

// STORE-3. A copy of a store may lack the file.
Result<void> Engine::lock() {
  CAISSON_RETURN_IF_ERROR(check_has_store(*directory_, options_.unfinished));
  CAISSON_ASSIGN_OR_RETURN(lock_, WriterLock::take(*directory_));
  return lock_->say_nothing();  // LOCK-2
}

Result<void> Engine::recover() {
  pager::PagerOptions options = pager_options(options_);
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    states_.list_readers(readers);
  };
  CAISSON_RETURN_IF_ERROR(lock());
  CAISSON_ASSIGN_OR_RETURN(const bool opened, open_closed(options));
  if (opened) return {};
  auto attempt = pager::OpenAttempt::begin(*directory_, options);
  if (!attempt) {
    const bool missing = attempt.error().code() == Code::kNotFound;
    return fail(missing ? no_store() : std::move(attempt).error());
  }
  CAISSON_ASSIGN_OR_RETURN(const pager::MetaSlot newest, attempt->newest());
  const bool other_offered = attempt->candidate(other(newest)).offered();
  const auto recovered = recover_from(std::move(*attempt), newest, Opening::kAny);
  if (recovered) return {};
  // OPENING-3: damage further down in the newest checkpoint shows only where the log leads there.
  if (!other_offered || recovered.error().code() != Code::kCorruption) {
    return fail(recovered.error());
  }
  pager_.reset();
  auto again = pager::OpenAttempt::begin(*directory_, options);
  if (!again || !again->candidate(other(newest)).offered()) return fail(recovered.error());
  const auto older = recover_from(std::move(*again), other(newest), Opening::kAny);
  if (older) return {};
  return fail(older.error().code() == Code::kBusy ? older.error() : recovered.error());
}

// OPENING-4: without flushing anything. False where the store was not closed, or that can't be
// told: then it is to be recovered.
Result<bool> Engine::open_closed(const pager::PagerOptions& options) {
  auto attempt = pager::OpenAttempt::begin(*directory_, options, [this] { return flush_opened(); });
  if (!attempt) return false;
  const auto newest = attempt->newest();
  if (!newest) return false;
  auto opened = recover_from(std::move(*attempt), *newest, Opening::kOfClosed);
  if (!opened && opened.error().code() == Code::kCorruption) {
    pager_.reset();
    return false;
  }
  return opened;
}

// All but the pages. A store that was copied, and never flushed, may lack any of it.
Result<void> Engine::flush_opened() {
  CAISSON_RETURN_IF_ERROR(directory_->sync());
  return log::flush_log(*log_directory_,
                        std::max<std::uint64_t>(pager_->checkpointed().log.file, 1));
}

// False: the store was not closed, and it had to have been.
Result<bool> Engine::recover_from(pager::OpenAttempt attempt, pager::MetaSlot slot,
                                  Opening opening) {
  const pager::Meta meta = *attempt.candidate(slot).meta;
  CAISSON_RETURN_IF_ERROR(check_apply_version(meta.apply_version));
  const TxnId known = newest_known(attempt);
  const auto& rest = attempt.candidate(other(slot)).meta;
  CAISSON_ASSIGN_OR_RETURN(log_directory_, open_log_of(*directory_, meta.uuid));
  constexpr auto kAccess = log::FileAccess::kReadDirect;

  recovery_ = {.older_checkpoint = rest && rest->sequence > meta.sequence, .checkpoint = meta.txn};
  log::LogEnd end;
  end.txn = meta.txn;
  end.position = meta.log;
  CAISSON_ASSIGN_OR_RETURN(const auto closed,
                           log::resume_if_closed(*log_directory_, kAccess, meta.txn, meta.log));
  recovery_.was_closed = closed && known == meta.txn;
  if (opening == Opening::kOfClosed && !recovery_.was_closed) return false;
  if (recovery_.was_closed) {
    end.resume = *closed;
    end.past_cache = true;
  } else {
    CAISSON_RETURN_IF_ERROR(
        log::flush_log(*log_directory_, std::max<std::uint64_t>(meta.log.file, 1)));
    CAISSON_ASSIGN_OR_RETURN(
        end, log::find_log_end(*log_directory_, kAccess, meta.txn, meta.log, known));
  }
  recovery_.recovered = end.txn;
  recovery_.log_bytes = end.bytes;
  const bool may_be_older = !rest || recovery_.older_checkpoint;
  CAISSON_ASSIGN_OR_RETURN(const ReaderNeeds needs, lock_->readers(meta.uuid));
  CAISSON_RETURN_IF_ERROR(check_no_reader_behind(needs, meta, may_be_older));
  CAISSON_RETURN_IF_ERROR(read_retention(attempt, slot));
  CAISSON_ASSIGN_OR_RETURN(pager_, pager::open_pager(std::move(attempt), slot));
  if (!mutated(Mutant::kReadersNotSeen)) pager_->keep_dead();  // OPENING-6
  State state;
  state.txn = meta.txn;
  state.log = meta.log;
  CAISSON_ASSIGN_OR_RETURN(state.catalog, load_catalog(*pager_, meta.root));
  if (end.txn > meta.txn) {
    CAISSON_ASSIGN_OR_RETURN(state, replay(state, end.txn));
  }
  state.log = end.position;
  CAISSON_RETURN_IF_ERROR(log_directory_->remove_unfinished());
  CAISSON_RETURN_IF_ERROR(log::make_durable(*log_directory_, meta.log, end));  // R5
  CAISSON_ASSIGN_OR_RETURN(
      log_, log::LogWriter::open(vfs_, *log_directory_, end.txn, end.resume, options_.log));
  recorder_ = std::make_unique<Recorder>(*log_);
  CAISSON_RETURN_IF_ERROR(start(state));
  return true;
}

// OPENING-5. `may_be_older`: there is, or may have been, a newer checkpoint.
Result<void> Engine::check_no_reader_behind(const ReaderNeeds& needs, const pager::Meta& meta,
                                            bool may_be_older) {
  const bool newer =
      std::ranges::any_of(needs.checkpoints, [&](TxnId txn) { return txn > meta.txn; });
  if (!newer && !(needs.anything && may_be_older)) return {};
  return fail(
      Error(Code::kBusy, "another process reads a damaged checkpoint, which has to be given up")
          .in_file(pager::kPageFileName)
          .with_rule("OPENING-5")
          .with_advice("Close the store there first."));
}

Result<void> Engine::read_retention(const pager::OpenAttempt& attempt, pager::MetaSlot slot) {
  const MutexLock checkpointing(checkpoint_mutex_);
  const pager::Candidate& chosen = attempt.candidate(slot);
  CAISSON_ASSIGN_OR_RETURN(retention_,
                           decode_retention(chosen.allocation.attachment, *chosen.meta));
  // What the older checkpoint says is retained is protected as long as that one is (RETAIN-2).
  retention_before_ = {};
  const pager::Candidate& rest = attempt.candidate(other(slot));
  const bool is_older = rest.meta && rest.meta->sequence < chosen.meta->sequence;
  // It may be readable tomorrow, and what it says is retained has to be whole then.
  older_unread_ = is_older && !rest.offered() && !rest.damaged();
  if (!rest.offered() || !is_older) return {};
  if (auto before = decode_retention(rest.allocation.attachment, *rest.meta)) {
    retention_before_ = *std::move(before);
  }
  return {};
}

// R4.
Result<State> Engine::replay(const State& checkpoint, TxnId upto) {
  log::CommitReader commits(*log_directory_, log::FileAccess::kRead, checkpoint.txn,
                            checkpoint.log);
  CAISSON_ASSIGN_OR_RETURN(const Applied applied,
                           apply_commits(*pager_, commits, checkpoint.catalog, upto));
  recovery_.operations = applied.operations;
  State state;
  state.txn = upto;
  state.catalog = applied.catalog;
  state.replay_ns = applied.replay_ns();
  return state;
}

}  // namespace caisson::mvcc
