#include "tests/child/lives.h"

#include <algorithm>
#include <filesystem>

namespace caisson::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

}  // namespace

void Lives::hear(const Report& report) {
  switch (report.kind) {
    case Report::Kind::kOpened:
      opened_ = ever_opened_ = true;
      opening_ = std::chrono::duration_cast<microseconds>(steady_clock::now() - started_);
      if (report.number < durable_ || report.number > begun_) {
        wrong_ = "it was opened with commit " + std::to_string(report.number) + ", not one from " +
                 std::to_string(durable_) + " to " + std::to_string(begun_);
        break;
      }
      // Now somebody has been told of it.
      begun_ = durable_ = report.number;
      makers_.resize(report.number + 1);
      break;
    case Report::Kind::kBegins:
      begun_ = report.number;
      makers_.resize(report.number + 1, life_);
      break;
    case Report::Kind::kDurable:
      durable_ = report.number;
      break;
    case Report::Kind::kAcknowledged:
    case Report::Kind::kFigure:
      break;
  }
}

// Counted in what the process does rather than in time, the moment falls into its work on every
// machine, however slow.
std::string Lives::listen(ChildProcess& child, std::uint64_t reports, microseconds then) {
  auto until = steady_clock::now() + std::chrono::minutes(2);
  for (; reports > 0; --reports) {
    const auto report = child.next(until);
    if (!report) return "the process says no more: " + child.complaints();
    hear(*report);
  }
  until = steady_clock::now() + then;
  while (const auto report = child.next(until)) hear(*report);
  return child.ended() ? "the process has ended: " + child.complaints() : "";
}

std::string Lives::live(const std::string& path, const std::function<void(ChildProcess&)>& cut) {
  ++life_;
  opened_ = false;
  std::uint64_t reports = 0;
  microseconds then{};
  if (random_.chance(1, 3)) {
    then = microseconds(random_.below(static_cast<std::uint64_t>(opening_.count())));
  } else {
    reports = random_.between(1, 70);
    if (random_.chance(2, 3)) then = microseconds(random_.below(3000));
  }
  started_ = steady_clock::now();
  ChildProcess child({"live", path, std::to_string(seed_), std::to_string(life_)},
                     folder_ + "/complaints");
  std::string wrong = listen(child, reports, then);
  cut(child);
  child.kill();
  while (const auto report = child.next(steady_clock::now())) hear(*report);
  ++told_.cut_off;
  told_.while_opening += opened_ ? 0 : 1;
  return wrong;
}

std::string Lives::judge(const std::string& path) {
  if (!wrong_.empty()) return wrong_;
  const std::string copy = folder_ + "/copy";
  std::filesystem::remove_all(copy);
  if (!std::filesystem::exists(path)) return ever_opened_ ? "the store is gone" : "";
  std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
  const Result<Store> store = Store::open(copy, options_of(seed_, life_ + 1));
  if (!store) return "it does not open: " + store.error().to_string();
  const std::uint64_t found = to_u64(store->recovery().recovered);
  if (found < durable_) {
    return "commit " + std::to_string(durable_) + " is lost; the last one is " +
           std::to_string(found);
  }
  if (found > begun_) return "commit " + std::to_string(found) + " was never made";
  for (std::uint64_t txn = recovered_ + 1; txn <= found; ++txn) {
    carry_out(plan_of(seed_, makers_[txn], txn).steps, contents_);
  }
  told_.commits += found - recovered_;
  told_.lost += begun_ - found;
  recovered_ = begun_ = durable_ = found;
  makers_.resize(found + 1);
  std::string wrong = difference(*store, contents_);
  return wrong.empty() ? "" : "at commit " + std::to_string(found) + ": " + wrong;
}

}  // namespace caisson::testing
