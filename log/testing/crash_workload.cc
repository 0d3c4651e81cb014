#include "log/testing/crash_workload.h"

#include <algorithm>

namespace caisson::log::testing {
namespace {

// Queues what one step does. False where the process can't go on.
bool step(LogStore& store, History& history, Random& random) {
  LogWriter& writer = store.writer();
  const std::uint64_t kind = random.below(20);
  if (kind == 0) {
    // A commit of parts that is given up.
    const TxnId next{to_u64(store.txn()) + 1};
    for (std::uint32_t part = 0; part < 3; ++part) {
      if (!writer.append(RecordType::kPart, next, part, bytes_of("void"))) return false;
    }
    return random.chance(1, 2) || writer.flush(writer.appended()).has_value();
  }
  if (kind == 1) return writer.mark_idle().has_value();
  if (kind == 2) return writer.prepare_ahead().has_value();
  const std::size_t size = random.chance(1, 10) ? random.below(30'000) : random.below(300);
  history.queued.push_back(std::to_string(random.next()) + std::string(size, 'p'));
  const auto appended = store.append(history.queued.back());
  if (!appended) return false;
  if (random.chance(1, 3)) return true;
  if (!writer.flush(appended->ticket)) return false;
  history.acknowledged = history.queued.size();
  return true;
}

}  // namespace

std::string live(LogStore& store, History& history, Random& random, int steps) {
  const auto end = store.open();
  if (!end) return "";
  if (to_u64(end->txn) < history.acknowledged) return "an acknowledged commit is lost";
  if (to_u64(end->txn) > history.queued.size()) return "a commit that nobody made";
  history.queued.resize(to_u64(end->txn));  // What was queued and lost will never come.
  history.acknowledged = history.queued.size();
  for (int i = 0; i < steps; ++i) {
    if (!step(store, history, random)) return "";
  }
  if (random.chance(1, 2) && store.writer().mark_closed()) {
    history.acknowledged = history.queued.size();
  }
  return "";
}

std::string judge(LogStore& store, History& history) {
  const auto end = store.open();
  if (!end) return "does not open: " + end.error().to_string();
  const auto found = read_commits(store.directory());
  if (!found) return "can't be read: " + found.error().to_string();
  if (found->size() < history.acknowledged) return "an acknowledged commit is lost";
  if (found->size() > history.queued.size()) return "a commit that nobody made";
  if (!std::equal(found->begin(), found->end(), history.queued.begin())) return "a wrong commit";
  if (to_u64(end->txn) != found->size()) return "the end differs from what can be read";
  history.acknowledged = found->size();
  return "";
}

}  // namespace caisson::log::testing
