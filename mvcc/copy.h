// Copying a state of a store into a fresh one: spec/store.md, section 12.

#ifndef CAISSON_MVCC_COPY_H_
#define CAISSON_MVCC_COPY_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/fresh_site.h"
#include "mvcc/snapshot.h"
#include "mvcc/state_hash.h"
#include "mvcc/state_walk.h"
#include "mvcc/store_loader.h"

namespace caisson::mvcc {

// How much of a state has been shown.
struct StateSize {
  std::uint64_t trees = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // Of keys and values.
};

// What a state was when it was gone through.
struct StateSummary {
  TxnId txn{};
  StateSize size;
  Hash128 hash;
};

struct CopyOptions {
  // Called now and then, with what has been done so far.
  std::function<void(const StateSize& done)> progress = {};
  std::stop_token stop = {};

  // Called when the copy has been proved, and before it gets its name: it can be opened at that
  // path with EngineOptions::unfinished. An error of it ends the copying.
  std::function<Result<void>(const std::string& path, const StateSummary& copied)> before_named =
      {};

  // Whether the copy gets its name, or was made for a trial.
  FreshSite::End end = FreshSite::End::kNamed;
};

// kStopped, where it is asked to.
Result<void> check_not_stopped(const CopyOptions& options);

// Passes a state on, and sums it up. Used by one thread; ends before what it passes on to.
class StateSummarizer final : public StateVisitor {
 public:
  StateSummarizer(StateVisitor& next, const CopyOptions& options)
      : next_(next), options_(options) {}

  Result<void> begin(TreeId next_tree) override;
  Result<void> begin_tree(const TreeEntry& tree) override;
  Result<void> entry(Bytes key, Bytes value) override;
  Result<void> begin_value(Bytes key, std::uint64_t size) override;
  Result<void> piece(Bytes piece) override;

  StateSummary summary(TxnId txn) const {
    return {.txn = txn, .size = size_, .hash = hasher_.finish()};
  }

 private:
  Result<void> count(std::size_t bytes);

  StateVisitor& next_;
  const CopyOptions& options_;
  StateHasher hasher_;
  StateSize size_;
  std::uint64_t reported_ = 0;
};

// Makes a store at a path, as StoreLoader, of what `show` shows. Errors: as StoreLoader, and as
// `show` has.
Result<StateSummary> make_loaded_store(io::Vfs& vfs, const std::string& path,
                                       const LoadedStore& loaded,
                                       const std::function<Result<void>(StateVisitor&)>& show,
                                       const CopyOptions& options);

// Opens a store that nobody else has open, reads all of it, from the medium where that can be, and
// compares it with what it should hold; and closes it. kCorruption where it is not the same, or
// breaks any rule.
Result<void> prove_store(io::Vfs& vfs, const std::string& path, const EngineOptions& options,
                         const StateSummary& expected);

// The same of a store that is still being made.
Result<void> prove_unfinished(io::Vfs& vfs, const std::string& path, EngineOptions options,
                              const StateSummary& expected);

// Copies what a snapshot shows into a fresh store: compact, with the same commit number, under an
// identity of its own unless `fresh` gives one (COPY-1). It has its name when it has been opened,
// read and compared (COPY-2). The state gets these names in it. Others read and
// write the snapshot's store meanwhile. What `fresh` says of page size and limits has to suffice
// for it. Errors: as FreshSite, StoreLoader and walk_state(); kStopped.
Result<StateSummary> copy_store(io::Vfs& vfs, const Snapshot& snapshot, const FreshStore& fresh,
                                const std::vector<std::string>& names = {},
                                const CopyOptions& options = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_COPY_H_
