// A tree in a page file on a simulated machine, with a model beside it: what tests of trees start
// from. Everything that fails throws, which a test reports with the message.

#ifndef CAISSON_BTREE_TESTING_HARNESS_H_
#define CAISSON_BTREE_TESTING_HARNESS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "btree/cursor.h"
#include "btree/tree.h"
#include "btree/validator.h"
#include "btree/writer.h"
#include "pager/open.h"
#include "pager/testing/harness.h"
#include "pager/testing/reader_registry.h"

namespace caisson::btree::testing {

using pager::testing::value_of;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Keys and values, in the order of unsigned bytes (as std::string compares).
using TreeModel = std::map<std::string, std::string>;

struct StoreOptions {
  std::uint32_t page_size = 4096;
  pager::PageAccess access = pager::PageAccess::kMapped;
  std::uint64_t memory_budget_bytes = std::uint64_t{64} << 20U;
  std::optional<pager::Limits> limits = {};
  const pager::testing::ReaderRegistry* readers = nullptr;  // Those of other threads.
  TreeKind kind = TreeKind::kPlain;
};

// A page file with one tree, or with a catalog and the trees that it names. Transactions are
// numbered; the root is kept by the store.
class TreeStore {
 public:
  explicit TreeStore(const StoreOptions& options = {});

  // Another store, on a copy of this one's machine: opened at the last checkpoint, with nothing of
  // it read yet.
  std::unique_ptr<TreeStore> copy() const;

  pager::Pager& pager() { return *pager_; }
  io::sim::Machine& machine() { return *machine_; }
  io::Directory& directory() { return *directory_; }
  Tree tree() { return {*pager_, root_, options_.kind}; }
  const TreeRoot& root() const { return root_; }
  TxnId txn() const { return txn_; }

  // The writer of the open transaction, which begins when first asked for; and the transaction, for
  // writers of trees that a catalog names.
  TreeWriter& writer();
  pager::PageTxn& page_txn() { return writer(), *page_txn_; }
  void commit();
  void roll_back();

  // Goes on with another root of the open transaction: that of a savepoint.
  void go_back_to(const TreeRoot& root);

  // Commits and writes a checkpoint; checkpoint() also frees what only pins could keep.
  void checkpoint_only();
  void checkpoint();
  void reclaim(std::vector<TxnId> pins = {});

  // Registers this thread's reading anew: it keeps no bytes of pages.
  void renew();

  // Reads the last checkpoint as another process would, walks its tree and compares the walk with
  // the allocation blob. What is wrong, in one text.
  std::string audit();

  // Ends the process without warning and opens the store again, at the last checkpoint.
  void kill_and_reopen();

 private:
  TreeStore(const StoreOptions& options, std::unique_ptr<io::sim::Machine> machine,
            const TreeRoot& checkpointed);

  void open();

  StoreOptions options_;
  std::unique_ptr<io::sim::Machine> machine_;
  std::unique_ptr<io::Directory> directory_;
  std::atomic<std::uint64_t> reader_epoch_ = 0;  // This thread reads whenever it doesn't write.
  std::unique_ptr<pager::Pager> pager_;
  TreeRoot root_;
  TreeRoot checkpointed_;
  TxnId txn_{};
  std::optional<pager::PageTxn> page_txn_;
  std::unique_ptr<TreeWriter> writer_;
};

// What a tree holds, read by a cursor from front to back.
TreeModel read_all(const Tree& tree);

// What the store's tree holds, or that of its writer: a few entries at a time, each with a
// registration of its own, so that little memory is enough.
TreeModel read_in_steps(TreeStore& store, const TreeWriter* writer = nullptr);

// A value's bytes.
std::string read_value(const Value& value);

// What is wrong with the tree, in one text; empty if nothing is.
std::string problems_of(const Tree& tree);

}  // namespace caisson::btree::testing

#endif  // CAISSON_BTREE_TESTING_HARNESS_H_
