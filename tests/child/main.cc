// caisson-test-child: uses a store, and says through a pipe what it has done, until it is killed.
// The tests of whole stores start it: a process that shares nothing with the test can be killed at
// any moment, and measured.
//
//   caisson-test-child live PATH SEED LIFE    transactions at random (workload.h), without end
//   caisson-test-child giant PATH BYTES BUDGET
//                                             one transaction of that size (giant.h), and then
//                                             waits
//   caisson-test-child open PATH BUDGET       opens the store, and then waits
//
// Reports go to descriptor 3; without anybody there it ends. What goes wrong is told on stderr.

#include <caisson/store.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "base/result.h"
#include "tests/child/giant.h"
#include "tests/child/workload.h"

namespace caisson::testing {
namespace {

void report(Report::Kind kind, std::uint64_t number) {
  const Report report{.kind = kind, .number = number};
  while (true) {
    const ssize_t size = write(kReportDescriptor, &report, sizeof(report));
    if (size == sizeof(report)) return;
    if (size < 0 && errno == EINTR) continue;
    _exit(1);  // Whoever started it is gone.
  }
}

// --- live ----------------------------------------------------------------------------------------

// One transaction, and the one that is given up before it.
Result<Committed> transact(const Store& store, const Plan& plan) {
  if (!plan.rolled_back.empty()) {
    CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store.begin_write());
    CAISSON_RETURN_IF_ERROR(carry_out(plan.rolled_back, txn));
  }
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store.begin_write());
  CAISSON_RETURN_IF_ERROR(carry_out(plan.steps, txn));
  return txn.commit({.durability = plan.durability, .wait = {}});
}

Result<void> live(const std::string& path, std::uint64_t seed, std::uint64_t life) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, Store::open(path, options_of(seed, life)));
  std::uint64_t number = to_u64(store.recovery().recovered);
  report(Report::Kind::kOpened, number);
  CAISSON_ASSIGN_OR_RETURN(Snapshot kept, store.snapshot());
  while (true) {
    ++number;
    const Plan plan = plan_of(seed, life, number);
    report(Report::Kind::kBegins, number);
    CAISSON_ASSIGN_OR_RETURN(const Committed committed, transact(store, plan));
    if (to_u64(committed.txn) != number) return fail(Code::kCorruption, "a wrong number");
    const bool durable = plan.durability != Durability::kAsync;
    report(durable ? Report::Kind::kDurable : Report::Kind::kAcknowledged, number);
    if (plan.waits && !durable) {
      CAISSON_RETURN_IF_ERROR(store.wait_durable(committed));
      report(Report::Kind::kDurable, number);
    }
    if (plan.checkpoints) CAISSON_RETURN_IF_ERROR(store.checkpoint());
    if (plan.renews) CAISSON_RETURN_IF_ERROR(kept.renew());
  }
}

// --- giant, open ---------------------------------------------------------------------------------

// The process's anonymous memory, in KiB: what no file stands behind.
std::uint64_t anonymous_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

// Looks every millisecond how much it is.
class Peak {
 public:
  Peak()
      : thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            look();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}

  // Since the beginning, above what the process had then.
  std::uint64_t kib() {
    look();
    return peak_ - std::min(first_, peak_.load());
  }

 private:
  void look() {
    const std::uint64_t now = anonymous_kib();
    std::uint64_t before = peak_;
    while (before < now && !peak_.compare_exchange_weak(before, now)) {
    }
  }

  const std::uint64_t first_ = anonymous_kib();
  std::atomic<std::uint64_t> peak_{0};
  std::jthread thread_;
};

Result<Store> open_within(const std::string& path, std::uint64_t budget) {
  return Store::open(path, {.create_if_missing = true, .memory_budget_bytes = budget});
}

Result<void> giant(const std::string& path, std::uint64_t bytes, std::uint64_t budget) {
  Peak peak;
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_within(path, budget));
  report(Report::Kind::kOpened, to_u64(store.recovery().recovered));
  const std::uint64_t count = giant_count(bytes);
  std::uint64_t dirty = 0;
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store.begin_write());
  CAISSON_ASSIGN_OR_RETURN(WriteTree tree, txn.create_tree(kGiantTree));
  const std::uint64_t part = std::max<std::uint64_t>(count / 16, 1);
  for (std::uint64_t n = 0; n < count; ++n) {
    if (n % part == 0) report(Report::Kind::kBegins, n);
    CAISSON_ASSIGN_OR_RETURN([[maybe_unused]] const bool added,
                             tree.put(giant_key(n), giant_value(n).bytes()));
    if (n % 1024 != 0) continue;
    CAISSON_ASSIGN_OR_RETURN(const StoreStats stats, store.stats());
    dirty = std::max(dirty, stats.dirty_frames);
    if (stats.frames * stats.page_size > budget) return fail(Code::kCorruption, "frames");
  }
  CAISSON_ASSIGN_OR_RETURN(const Committed committed, txn.commit());
  report(Report::Kind::kDurable, to_u64(committed.txn));
  report(Report::Kind::kFigure, peak.kib());
  report(Report::Kind::kFigure, dirty);
  pause();
  return {};
}

Result<void> only_open(const std::string& path, std::uint64_t budget) {
  Peak peak;
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_within(path, budget));
  report(Report::Kind::kOpened, to_u64(store.recovery().recovered));
  report(Report::Kind::kFigure, peak.kib());
  pause();
  return {};
}

std::optional<Result<void>> run(std::span<char*> arguments) {
  const auto number = [&](std::size_t at) { return std::strtoull(arguments[at], nullptr, 10); };
  const std::string task = arguments.size() > 1 ? arguments[1] : "";
  if (task == "live" && arguments.size() == 5) return live(arguments[2], number(3), number(4));
  if (task == "giant" && arguments.size() == 5) return giant(arguments[2], number(3), number(4));
  if (task == "open" && arguments.size() == 4) return only_open(arguments[2], number(3));
  return std::nullopt;
}

}  // namespace
}  // namespace caisson::testing

int main(int argc, char** argv) {
  const auto done = caisson::testing::run({argv, static_cast<std::size_t>(argc)});
  if (!done) {
    std::cerr << "caisson-test-child: see tests/child/main.cc for how it is called\n";
    return 2;
  }
  if (*done) return 0;
  std::cerr << done->error().to_string() << '\n';
  return done->error().code() == caisson::Code::kCorruption ? 3 : 1;
}
