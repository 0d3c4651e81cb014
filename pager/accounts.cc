#include "pager/accounts.h"

#include <string>
#include <string_view>
#include <utility>

namespace caisson::pager {
namespace {

class Accounts {
 public:
  Accounts(const Candidate& candidate, const PageSet& reachable, std::size_t findings_max)
      : candidate_(candidate), reachable_(reachable), findings_max_(findings_max) {}

  std::vector<Error> run() {
    for (const PageRun& run : candidate_.allocation.free) list(run, "free");
    for (const DeadRun& dead : candidate_.allocation.dead) list(dead.run, "dead");
    for (const PageRun& run : candidate_.allocation.earlier_blob) {
      list(run, "the earlier allocation blob's");
    }
    for (const PageId id : candidate_.blob_pages) list({id, 1}, "the allocation blob's");
    for (const PageRun& run : reachable_.runs()) all_.insert(run);
    find_lost();
    return std::move(findings_);
  }

 private:
  void add(PageId id, std::string what) {
    if (findings_.size() == findings_max_) return;
    findings_.push_back(Error(Code::kCorruption, std::move(what))
                            .in_file(kPageFileName)
                            .at_page(to_u64(id))
                            .with_rule("ALLOC-7"));
  }

  void list(const PageRun& run, std::string_view what) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      const PageId id{to_u64(run.first) + i};
      if (reachable_.contains(id)) add(id, "a page in use is listed as " + std::string(what));
      if (all_.contains(id))
        add(id, "a page is listed twice, the second time as " + std::string(what));
      all_.insert(id);
    }
  }

  // The gaps between what somebody has.
  void find_lost() {
    const Meta& meta = *candidate_.meta;
    std::uint64_t next = to_u64(first_page(meta.page_size));
    const auto lost_up_to = [&](std::uint64_t end) {
      if (next >= end) return;
      add(PageId{next}, std::to_string(end - next) + " pages from here on belong to nobody");
    };
    for (const PageRun& run : all_.runs()) {
      lost_up_to(to_u64(run.first));
      next = to_u64(run.first) + run.count;
    }
    lost_up_to(meta.page_count);
  }

  const Candidate& candidate_;
  const PageSet& reachable_;
  const std::size_t findings_max_;
  PageSet all_;
  std::vector<Error> findings_;
};

}  // namespace

std::vector<Error> check_accounts(const Candidate& candidate, const PageSet& reachable,
                                  std::size_t findings_max) {
  return Accounts(candidate, reachable, findings_max).run();
}

}  // namespace caisson::pager
