// A store on a simulated machine, with a model beside it: what most tests of the engine start from.
// Everything that fails throws, which a test reports with the message, unless it returns a Result.

#ifndef CAISSON_MVCC_TESTING_HARNESS_H_
#define CAISSON_MVCC_TESTING_HARNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/testing/value_of.h"
#include "io/sim/machine.h"
#include "mvcc/engine.h"
#include "mvcc/follower.h"
#include "mvcc/snapshot.h"
#include "mvcc/write_txn.h"

namespace caisson::mvcc::testing {

using caisson::testing::code_of;
using caisson::testing::value_of;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline constexpr const char* kStorePath = "/store";

// What a store holds: trees by name, and their keys.
using TreeModel = std::map<std::string, std::string>;
using Model = std::map<std::string, TreeModel>;

struct StoreOptions {
  std::uint32_t page_size = 4096;
  pager::PageAccess access = pager::PageAccess::kMapped;
  std::uint64_t frames = 256;
  log::WriterOptions log = {
      .file_size_min = log::kFileSizeMin, .file_size_max = 2 * log::kFileSizeMin, .direct = true};
  RetentionPolicy retention = {};

  EngineOptions engine_options() const;

  // The same with memory for all that a log of these sizes may hold.
  EngineOptions reader_options() const;
};

// A store, used by one process after the other.
class EngineStore {
 public:
  // Makes an empty one, and opens it.
  explicit EngineStore(const StoreOptions& options = {}, std::uint64_t seed = 1);

  // On a machine that has one, or not yet; closed.
  EngineStore(std::unique_ptr<io::sim::Machine> machine, const StoreOptions& options);

  io::sim::Machine& machine() { return *machine_; }
  Engine& engine() { return *engine_; }
  const StoreOptions& options() const { return options_; }
  bool is_open() const { return engine_ != nullptr; }

  Result<void> create();
  Result<void> open();

  // Closes the store; and leaves it as it is.
  Result<void> close();
  void abandon() { engine_.reset(); }

  // The process ends without warning.
  void kill();

  // The same disk, seen by another machine: closed.
  EngineStore copy(std::uint64_t seed) const { return {machine_->clone(seed), options_}; }

 private:
  StoreOptions options_;
  std::unique_ptr<io::sim::Machine> machine_;
  std::unique_ptr<Engine> engine_;
};

// All that a snapshot shows, and all that the open transaction does.
Result<Model> read_all(const Snapshot& snapshot);
Result<Model> read_all(WriteTxn& txn);

// A value's bytes.
std::string read_value(Value value);

// Another process that reads the store.
Result<std::unique_ptr<Follower>> follow(EngineStore& store);

// One transaction that sets one key; the tree is made if need be.
Result<Committed> put(Engine& engine, std::string_view tree, std::string_view key,
                      std::string_view value, Durability durability = Durability::kSync);

// The number of a tree in a transaction, made if need be.
TreeId tree_in(WriteTxn& txn, std::string_view name);

// Whether a machine's root directory has such an entry.
bool is_there(io::sim::Machine& machine, const std::string& name);

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_HARNESS_H_
