// Who reads what: a stand-in for the registry that a store will have, for tests with threads.

#ifndef CAISSON_PAGER_TESTING_READER_REGISTRY_H_
#define CAISSON_PAGER_TESTING_READER_REGISTRY_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "pager/pager.h"

namespace caisson::pager::testing {

inline constexpr std::uint64_t kNoReader = ~std::uint64_t{0};

// A slot a reader, with the epoch that it noted and the txn that it pins. The writer looks at all
// of them. Thread-safe; a slot belongs to one thread.
class ReaderRegistry {
 public:
  explicit ReaderRegistry(std::size_t readers) : epochs_(readers), pins_(readers) {
    for (auto& epoch : epochs_) epoch = kNoReader;
    for (auto& pin : pins_) pin = kNoReader;
  }

  // Registers, then takes the newest state; again if that moved meanwhile, or if frames left the
  // table: they may have been released for a pin of the round before. A State has a `txn`, and
  // lives until the last reader has left.
  template <typename State>
  const State& enter(std::size_t slot, const Pager& pager, std::atomic<const State*>& newest) {
    while (true) {
      epochs_[slot] = pager.epoch();
      const State* state = newest.load();
      pins_[slot] = to_u64(state->txn);
      if (newest.load() == state && epochs_[slot] == pager.epoch()) return *state;
    }
  }

  // Registers anew, for the same state: the reader keeps no bytes of pages.
  void renew(std::size_t slot, const Pager& pager) {
    do {
      epochs_[slot] = pager.epoch();
    } while (epochs_[slot] != pager.epoch());
  }

  void leave(std::size_t slot) {
    pins_[slot] = kNoReader;
    epochs_[slot] = kNoReader;
  }

  // For the readers option. Who hasn't chosen a state yet may see anything.
  void append_to(std::vector<RegisteredReader>& readers) const {
    for (std::size_t slot = 0; slot < epochs_.size(); ++slot) {
      const std::uint64_t epoch = epochs_[slot];
      if (epoch != kNoReader) readers.push_back({.epoch = epoch, .txn = TxnId{pins_[slot].load()}});
    }
  }

  // For reclaim(): sorted, with the newest state published.
  std::vector<TxnId> pins(TxnId published) const {
    std::vector<TxnId> pins = {published};
    for (const auto& pin : pins_) {
      if (const std::uint64_t txn = pin.load(); txn != kNoReader) pins.push_back(TxnId{txn});
    }
    std::ranges::sort(pins);
    return pins;
  }

 private:
  std::vector<std::atomic<std::uint64_t>> epochs_;
  std::vector<std::atomic<std::uint64_t>> pins_;
};

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_READER_REGISTRY_H_
