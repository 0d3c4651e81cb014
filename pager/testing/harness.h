// A page file on a simulated machine, with an array in it and a model beside it: what most tests
// of the pager start from. Everything that fails throws, which a test reports with the message.

#ifndef CAISSON_PAGER_TESTING_HARNESS_H_
#define CAISSON_PAGER_TESTING_HARNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/testing/value_of.h"
#include "io/sim/machine.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/pager.h"
#include "pager/testing/page_array.h"

namespace caisson::pager::testing {

inline constexpr const char* kStorePath = "/store";
inline constexpr const char* kPagesPath = "/store/pages";

// The page file, as the cache of the machine shows it.
inline std::vector<std::byte> page_file_bytes(io::sim::Machine& machine) {
  const Bytes cached = machine.image(kPagesPath)->cached();
  return {cached.begin(), cached.end()};
}

using caisson::testing::value_of;

struct HarnessOptions {
  std::uint32_t page_size = 4096;
  std::uint64_t seed = 1;
  PageAccess access = PageAccess::kMapped;
  std::uint64_t memory_budget_bytes = std::uint64_t{4} << 20U;
};

// Small enough that thousands of openings cost little.
PagerOptions small_options(PageAccess access = PageAccess::kMapped,
                           std::uint64_t memory_budget_bytes = std::uint64_t{4} << 20U);

// Makes the store's directory and an empty page file in it, with a UUID that follows from the
// seed.
void create_store(io::sim::Machine& machine, std::uint32_t page_size, std::uint64_t seed = 1);

class Harness {
 public:
  explicit Harness(const HarnessOptions& options);

  io::sim::Machine& machine() { return machine_; }
  Pager& pager() { return *pager_; }
  PageArray& array() { return *array_; }
  io::Directory& directory() { return *directory_; }
  const HarnessOptions& options() const { return options_; }
  TxnId txn() const { return txn_; }

  // One transaction that sets one value.
  void set(std::uint32_t index, std::uint64_t value);

  // One transaction that sets several.
  void set_all(const std::vector<std::pair<std::uint32_t, std::uint64_t>>& changes);

  // A checkpoint of the last transaction, and a reclaim with the pins in force.
  CheckpointResult checkpoint();

  // Closes and opens again, at the newest checkpoint.
  void reopen();
  void close() { pager_.reset(); }
  void open();

  // What a reader of the present root sees.
  ArrayModel contents() const { return value_of(array_->read_all()); }

  // The roots that stay readable, by txn. The present one always is.
  void pin(TxnId txn) { pins_.insert(txn); }
  void unpin(TxnId txn) { pins_.erase(txn); }
  void reclaim();

 private:
  HarnessOptions options_;
  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<Pager> pager_;
  std::optional<PageArray> array_;
  TxnId txn_{};
  std::set<TxnId> pins_;
};

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_HARNESS_H_
