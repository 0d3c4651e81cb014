#include "pager/testing/audit.h"

#include <map>
#include <set>
#include <utility>

#include "pager/accounts.h"
#include "pager/scrub.h"
#include "pager/testing/harness.h"

namespace caisson::pager::testing {
namespace {

PagerOptions reading_options() {
  PagerOptions options = small_options();
  options.read_only = true;
  return options;
}

// The pages of one checkpoint, by what it says of them.
struct Accounts {
  std::set<PageId> free;
  std::set<PageId> in_use;            // Reachable from the root, or the blob's.
  std::map<PageId, TxnId> reachable;  // From the root, with their births.
  std::map<PageId, DeadRun> dead;
  std::string problem;
};

std::string page_text(PageId id) { return "page " + std::to_string(to_u64(id)); }

std::string life_text(const DeadRun& dead) {
  return " from txn " + std::to_string(to_u64(dead.birth)) + " to " +
         std::to_string(to_u64(dead.death));
}

Accounts account(const Candidate& candidate, const std::vector<PageId>& reachable) {
  Accounts accounts;
  for (const PageRun& run : candidate.allocation.free) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      accounts.free.insert(PageId{to_u64(run.first) + i});
    }
  }
  for (const DeadRun& dead : candidate.allocation.dead) {
    for (std::uint64_t i = 0; i < dead.run.count; ++i) {
      accounts.dead.emplace(PageId{to_u64(dead.run.first) + i}, dead);
    }
  }
  accounts.in_use.insert(candidate.blob_pages.begin(), candidate.blob_pages.end());
  accounts.in_use.insert(reachable.begin(), reachable.end());
  PageSet walked;
  for (const PageId id : reachable) walked.insert(id);
  if (walked.count() != reachable.size()) accounts.problem = "a page is reached twice";
  for (const Error& error : check_accounts(candidate, walked, 1)) {
    accounts.problem = error.to_string();
  }
  return accounts;
}

// The births that a checkpoint tells of its dead pages are those in the pages' own headers. Where
// the bytes are another page's, they have to be of a later time: the page may have been reclaimed
// since, and reused by a checkpoint that came later or that a crash cut off.
std::string check_births(const io::File& file, const Meta& meta, const Accounts& accounts) {
  std::vector<std::byte> page(meta.page_size);
  const std::uint32_t seed = page_checksum_seed(meta.uuid);
  for (const auto& [id, dead] : accounts.dead) {
    if (dead.birth == TxnId{} || dead.birth >= dead.death || dead.death > meta.txn) {
      return "ALLOC-4: " + page_text(id) + life_text(dead);
    }
    if (auto read = file.read_exactly(to_u64(id) * meta.page_size, page); !read) {
      return read.error().to_string();
    }
    if (!check_page(seed, page, {.id = id, .checksum = 0, .txn_max = meta.txn})) continue;
    const PageHeader header = read_header(page.data());
    if (header.type != PageType::kAllocation && header.txn != dead.birth) {
      return page_text(id) + " was made by txn " + std::to_string(to_u64(header.txn)) +
             ", and the checkpoint says it lived" + life_text(dead);
    }
  }
  return "";
}

// What the older checkpoint reaches and the newer one doesn't is dead in the newer one, with its
// birth; and of all that is dead there, that is what lived at the older one's txn.
std::string compare_lives(const Accounts& older, TxnId older_txn, const Accounts& newer) {
  for (const auto& [id, birth] : older.reachable) {
    if (newer.reachable.contains(id)) continue;
    const auto dead = newer.dead.find(id);
    if (dead == newer.dead.end()) return page_text(id) + " of the older checkpoint is not dead";
    if (dead->second.birth != birth || dead->second.death <= older_txn) {
      return page_text(id) + " of the older checkpoint, made by txn " +
             std::to_string(to_u64(birth)) + ", lived" + life_text(dead->second);
    }
  }
  for (const auto& [id, dead] : newer.dead) {
    if (dead.birth <= older_txn && older_txn < dead.death && !older.reachable.contains(id)) {
      return page_text(id) + life_text(dead) + " is not in the older checkpoint";
    }
  }
  return "";
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
    for (const PageId id : *reachable) {
      const auto page = (*pager)->read({id, 0});
      if (!page) {
        result.problem = page.error().to_string();
        return result;
      }
      accounts[index].reachable.emplace(id, read_header(*page).txn);
    }
    const auto file = directory.open_file(kPageFileName, {io::OpenMode::kRead, false});
    if (!file) {
      result.problem = file.error().to_string();
      return result;
    }
    if (const std::string wrong = check_births(**file, *candidate.meta, accounts[index]);
        !wrong.empty()) {
      result.problem = wrong;
    }
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
    const std::string wrong = compare_lives(
        accounts[1 - newer], TxnId{result.checkpoints[1 - newer].txn}, accounts[newer]);
    if (!wrong.empty()) result.problem = wrong;
  }
  return result;
}

}  // namespace caisson::pager::testing
