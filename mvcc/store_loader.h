// A store made of a state that is shown to it: a copy, as compact as can be.

#ifndef CAISSON_MVCC_STORE_LOADER_H_
#define CAISSON_MVCC_STORE_LOADER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/lock_file.h"
#include "mvcc/options.h"
#include "mvcc/state_walk.h"
#include "mvcc/tree_set.h"
#include "pager/options.h"
#include "pager/page_txn.h"
#include "pager/pager.h"

namespace caisson::mvcc {

// What a store begins with that isn't empty.
struct LoadedStore {
  pager::CreateOptions create = {};
  EngineOptions engine = {};
  TxnId txn{};                          // The commit that the state is behind,
  Hash128 hash = {};                    // and the log's running hash behind it.
  std::vector<std::string> names = {};  // Of that state, if it is to have any.
};

// Makes an empty store and puts the state that it is shown into its page file, sorted as it comes:
// nodes become full, and no page is left over. The store's log begins behind that state (COPY-1).
// Until finish() what lies there is an empty store. Used by one thread. Errors: as Engine::create()
// and TreeSet; kInvalidArgument for what is beyond the limits, and for entries out of their order.
class StoreLoader final : public StateVisitor {
 public:
  // The system outlives it.
  static Result<std::unique_ptr<StoreLoader>> create(io::Vfs& vfs, const std::string& path,
                                                     const LoadedStore& loaded);

  Result<void> begin(TreeId next_tree) override;
  Result<void> begin_tree(const TreeEntry& tree) override;
  Result<void> entry(Bytes key, Bytes value) override;
  Result<void> begin_value(Bytes key, std::uint64_t size) override;
  Result<void> piece(Bytes piece) override;

  // Writes the checkpoint, as both metas. kCorruption where what was shown is not a whole state.
  Result<void> finish();

 private:
  StoreLoader() = default;

  Result<void> end_tree();

  TxnId txn_{};
  Hash128 hash_;
  std::vector<std::byte> attachment_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<WriterLock> lock_;
  std::unique_ptr<pager::Pager> pager_;
  std::optional<pager::PageTxn> pages_;
  std::optional<TreeSet> trees_;

  TreeId next_tree_{1};
  TreeId tree_{};                        // The one whose entries come,
  btree::TreeWriter* writer_ = nullptr;  // null before the first,
  std::uint64_t count_ = 0;              // and how many it will have.
  std::optional<btree::ValueStream> value_;
  std::uint64_t missing_ = 0;  // Bytes of that value.
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STORE_LOADER_H_
