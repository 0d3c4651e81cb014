#include "pager/testing/harness.h"

#include <algorithm>

#include "base/random.h"

namespace caisson::pager::testing {

PagerOptions small_options(PageAccess access, std::uint64_t memory_budget_bytes) {
  PagerOptions options;
  options.access = access;
  options.address_space_bytes = std::uint64_t{1} << 28U;
  options.memory_budget_bytes = memory_budget_bytes;
  options.layout = &array_layout();
  // A reader whose bytes are used before anything else happens holds nothing.
  options.readers = [](std::vector<RegisteredReader>&) {};
  return options;
}

void create_store(io::sim::Machine& machine, std::uint32_t page_size, std::uint64_t seed) {
  io::Vfs& vfs = machine.vfs();
  value_of(vfs.create_directory(kStorePath));
  const auto directory = value_of(vfs.open_directory(kStorePath));
  CreateOptions options;
  options.page_size = page_size;
  Random random(seed);
  options.uuid.emplace();
  random.fill(options.uuid->bytes);
  value_of(create_page_file(vfs, *directory, options));
}

Harness::Harness(const HarnessOptions& options) : options_(options), machine_(options.seed) {
  create_store(machine_, options.page_size, options.seed);
  open();
}

void Harness::open() {
  directory_ = value_of(machine_.vfs().open_directory(kStorePath));
  pager_ = value_of(
      open_pager(*directory_, small_options(options_.access, options_.memory_budget_bytes)));
  const Meta meta = pager_->checkpointed();
  array_.emplace(*pager_, meta.root);
  txn_ = meta.txn;
  pins_.clear();
}

void Harness::reopen() {
  close();
  open();
}

void Harness::set(std::uint32_t index, std::uint64_t value) { set_all({{index, value}}); }

void Harness::set_all(const std::vector<std::pair<std::uint32_t, std::uint64_t>>& changes) {
  PageTxn txn = value_of(PageTxn::begin(*pager_, TxnId{to_u64(txn_) + 1}));
  PageArray array = *array_;
  for (const auto& [index, value] : changes) value_of(array.set(txn, index, value));
  txn.seal();
  array_ = array;
  txn_ = TxnId{to_u64(txn_) + 1};
}

CheckpointResult Harness::checkpoint() {
  CheckpointRequest request;
  request.txn = txn_;
  request.root = array_->root().id;
  CheckpointResult result = value_of(pager_->checkpoint(request));
  array_.emplace(*pager_, result.meta.root);
  reclaim();
  return result;
}

void Harness::reclaim() {
  std::vector<TxnId> pins(pins_.begin(), pins_.end());
  pins.push_back(txn_);
  std::ranges::sort(pins);
  pager_->reclaim(pins);
}

}  // namespace caisson::pager::testing
