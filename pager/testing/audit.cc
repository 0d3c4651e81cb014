#include "pager/testing/audit.h"

#include <set>
#include <utility>

#include "pager/scrub.h"
#include "pager/testing/harness.h"

namespace caisson::pager::testing {
namespace {

PagerOptions reading_options() {
  PagerOptions options = small_options();
  options.read_only = true;
  return options;
}

void insert_run(const PageRun& run, std::set<PageId>& pages, std::uint64_t& total) {
  for (std::uint64_t i = 0; i < run.count; ++i) pages.insert(PageId{to_u64(run.first) + i});
  total += run.count;
}

// The pages of one checkpoint, by what it says of them.
struct Accounts {
  std::set<PageId> free;
  std::set<PageId> in_use;  // Reachable from the root, or the blob's.
  std::string problem;
};

Accounts account(const Candidate& candidate, const std::vector<PageId>& reachable) {
  Accounts accounts;
  std::set<PageId> all;
  std::uint64_t total = 0;
  for (const PageRun& run : candidate.allocation.free) {
    insert_run(run, all, total);
    std::uint64_t ignored = 0;
    insert_run(run, accounts.free, ignored);
  }
  for (const DeadRun& dead : candidate.allocation.dead) insert_run(dead.run, all, total);
  for (const PageRun& run : candidate.allocation.earlier_blob) insert_run(run, all, total);
  accounts.in_use.insert(candidate.blob_pages.begin(), candidate.blob_pages.end());
  accounts.in_use.insert(reachable.begin(), reachable.end());
  all.insert(accounts.in_use.begin(), accounts.in_use.end());
  total += candidate.blob_pages.size() + reachable.size();
  const Meta& meta = *candidate.meta;
  const std::uint64_t pages = meta.page_count - to_u64(first_page(meta.page_size));
  if (all.size() != total) {
    accounts.problem = "ALLOC-7: a page is two things at once";
  } else if (total != pages) {
    accounts.problem =
        "ALLOC-7: " + std::to_string(pages) + " pages, " + std::to_string(total) + " accounted for";
  }
  return accounts;
}

}  // namespace

Audit audit(io::Directory& directory) {
  Audit result;
  const PagerOptions options = reading_options();
  Accounts accounts[2];
  for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
    const auto index = static_cast<std::size_t>(slot);
    AuditedCheckpoint& checkpoint = result.checkpoints[index];
    auto attempt = OpenAttempt::begin(directory, options);
    if (!attempt) {
      result.problem = attempt.error().to_string();
      return result;
    }
    const Candidate candidate = attempt->candidate(slot);
    checkpoint.offered = candidate.offered();
    if (!checkpoint.offered) {
      checkpoint.reason = candidate.reason->to_string();
      continue;
    }
    checkpoint.sequence = candidate.meta->sequence;
    checkpoint.txn = to_u64(candidate.meta->txn);
    auto pager = open_pager(std::move(*attempt), slot);
    if (!pager) {
      result.problem = pager.error().to_string();
      return result;
    }
    const PageArray array(**pager, candidate.meta->root);
    auto contents = array.read_all();
    auto reachable = array.pages();
    if (!contents || !reachable) {
      result.problem = std::string(to_string(slot)) + ": " +
                       (contents ? reachable.error() : contents.error()).to_string();
      return result;
    }
    checkpoint.contents = std::move(*contents);
    accounts[index] = account(candidate, *reachable);
    if (!accounts[index].problem.empty()) result.problem = accounts[index].problem;
    auto report = scrub(**pager, {});
    if (!report) result.problem = report.error().to_string();
    if (report) {
      for (const ScrubFinding& finding : report->findings) {
        // A meta that isn't whole is no news: it is the reason why its checkpoint isn't offered.
        if (finding.severity == ScrubSeverity::kDamage &&
            !finding.error.rule().starts_with("META")) {
          result.problem = "scrub: " + finding.error.to_string();
        }
      }
    }
  }
  if (result.checkpoints[0].offered && result.checkpoints[1].offered) {
    const std::size_t newer =
        result.checkpoints[0].sequence > result.checkpoints[1].sequence ? 0 : 1;
    for (const PageId id : accounts[1 - newer].in_use) {
      if (accounts[newer].free.contains(id)) {
        result.problem = "CKPT-3: page " + std::to_string(to_u64(id)) +
                         " of the older checkpoint is free in the newer one";
      }
    }
  }
  return result;
}

}  // namespace caisson::pager::testing
