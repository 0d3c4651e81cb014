// caisson verify: reads a whole store and says what is wrong with it.

#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "btree/validator.h"
#include "io/posix.h"
#include "pager/accounts.h"
#include "pager/open.h"
#include "pager/scrub.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/lone_reader.h"

namespace caisson::tools {
namespace {

using btree::TreeReport;
using pager::Candidate;
using pager::MetaSlot;
using pager::PageRef;

constexpr const char* kFooter = R"(Examples:
  caisson verify notes.caisson          read everything, and say what is wrong
  caisson verify notes.caisson --json   the same for programs

Changes nothing, and needs no lock: but while somebody writes the store, pages that are
overwritten meanwhile look damaged. Checks both checkpoints, and of the newest one every page:
its checksum and place, the rules of the tree (order, bounds, balance, values), and that each
page is in use, free or dead and nothing else. Rules such as PAGE-1 are those of the format.

Exits with 0 if nothing is damaged and 3 if anything is.)";

// Of pages that are lost or listed wrongly, as many runs are counted.
constexpr std::size_t kAccountsMax = 10'000;

struct Options {
  std::string store;
  std::size_t findings_max = 100;
};

struct Report {
  std::optional<MetaSlot> slot;  // The checkpoint that was walked.
  std::optional<Error> reasons[2];
  pager::Meta meta;
  pager::ScrubReport scrub;
  TreeReport tree;
  std::vector<Error> findings;
  std::uint64_t findings_total = 0;
};

class Verifier {
 public:
  explicit Verifier(const Options& options) : options_(options) {}

  Result<Report> run() {
    CAISSON_ASSIGN_OR_RETURN(const auto directory, io::posix_vfs().open_directory(options_.store));
    CAISSON_ASSIGN_OR_RETURN(auto attempt,
                             pager::OpenAttempt::begin(*directory, reader_.options()));
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const auto index = static_cast<std::size_t>(slot);
      report_.reasons[index] = attempt.candidate(slot).reason;
      if (report_.reasons[index]) add(*report_.reasons[index]);
    }
    const auto slot = attempt.newest();
    if (!slot) return std::move(report_);  // Both reasons are among the findings.
    const Candidate candidate = attempt.candidate(*slot);
    CAISSON_ASSIGN_OR_RETURN(const auto pager, pager::open_pager(std::move(attempt), *slot));
    report_.slot = *slot;
    report_.meta = *candidate.meta;
    CAISSON_RETURN_IF_ERROR(scrub(*pager));
    walk(*pager, candidate);
    return std::move(report_);
  }

 private:
  void add(const Error& error) {
    ++report_.findings_total;
    if (report_.findings.size() < options_.findings_max) report_.findings.push_back(error);
  }

  Result<void> scrub(pager::Pager& pager) {
    pager::ScrubOptions options;
    options.findings_max = options_.findings_max;
    CAISSON_ASSIGN_OR_RETURN(report_.scrub, pager::scrub(pager, options));
    std::uint64_t damage = 0;
    for (const pager::ScrubFinding& finding : report_.scrub.findings) {
      if (finding.severity != pager::ScrubSeverity::kDamage) continue;
      ++damage;
      if (!is_told(finding.error)) add(finding.error);
    }
    report_.findings_total += report_.scrub.damage_total - damage;
    return {};
  }

  // Whether it is about a meta that was found broken at the opening already.
  bool is_told(const Error& error) const {
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const std::uint64_t begin = pager::meta_offset(slot);
      if (error.rule().starts_with("META") && report_.reasons[static_cast<std::size_t>(slot)] &&
          error.offset() >= begin && error.offset() < begin + pager::kMetaSize) {
        return true;
      }
    }
    return false;
  }

  void walk(pager::Pager& pager, const Candidate& candidate) {
    pager::PageSet pages;
    const PageRef& root = candidate.meta->root;
    const btree::Tree tree(pager, {root, 0}, kind_of_tree(pager, root));
    report_.tree = btree::validate_tree(tree,
                                        {.findings_max = options_.findings_max,
                                         .values = true,
                                         .count = false,
                                         .renew = [&] { reader_.renew(pager); }},
                                        pages);
    for (const Error& finding : report_.tree.findings) add(finding);
    report_.findings_total += report_.tree.findings_total - report_.tree.findings.size();
    // What lies below a damaged page would look lost.
    if (report_.tree.findings_total > 0) return;
    const std::size_t most = std::max(options_.findings_max, kAccountsMax);
    for (const Error& finding : pager::check_accounts(candidate, pages, most)) add(finding);
  }

  const Options& options_;
  LoneReader reader_;
  Report report_;
};

const char* name_of(MetaSlot slot) { return slot == MetaSlot::kA ? "A" : "B"; }

void print_json(std::ostream& out, const Options& options, const Report& report) {
  Json json;
  json["store"] = options.store;
  json["damaged"] = report.findings_total > 0;
  if (report.slot) {
    Json& checkpoint = json["checkpoint"];
    checkpoint["meta"] = name_of(*report.slot);
    checkpoint["sequence"] = report.meta.sequence;
    checkpoint["txn"] = to_u64(report.meta.txn);
    checkpoint["page_size"] = report.meta.page_size;
    checkpoint["page_count"] = report.meta.page_count;
    checkpoint["root"] = to_u64(report.meta.root.id);
    Json& pages = json["pages"];
    pages["checked"] = report.scrub.pages_checked;
    pages["free"] = report.scrub.pages_free;
    Json& tree = json["tree"];
    tree["height"] = report.tree.height;
    tree["trees"] = report.tree.trees;
    tree["entries"] = report.tree.entries;
    tree["leaves"] = report.tree.leaves;
    tree["branches"] = report.tree.branches;
    tree["value_pages"] = report.tree.value_pages;
    tree["long_values"] = report.tree.long_values;
    tree["key_bytes"] = report.tree.key_bytes;
    tree["value_bytes"] = report.tree.value_bytes;
    tree["leaf_bytes_used"] = report.tree.node_bytes_used;
  }
  json["findings_total"] = report.findings_total;
  json["findings"] = Json::array();
  for (const Error& finding : report.findings) json["findings"].push_back(to_json(finding));
  print(out, json);
}

void print_text(std::ostream& out, const Options& options, const Report& report) {
  const auto line = [&out](const char* name, const std::string& value) {
    out << "  " << name
        << std::string(14 - std::min<std::size_t>(13, std::string(name).size()), ' ') << value
        << "\n";
  };
  out << options.store << "\n";
  if (report.slot) {
    line("checkpoint", std::string("meta ") + name_of(*report.slot) + ", number " +
                           show_number(report.meta.sequence) + ", of transaction " +
                           show_number(to_u64(report.meta.txn)));
    line("pages", show_number(report.scrub.pages_checked) + " checked, " +
                      show_number(report.scrub.pages_free) + " free, of " +
                      show_number(report.meta.page_size) + " bytes");
    const TreeReport& tree = report.tree;
    if (tree.height == 0 && tree.findings_total == 0) {
      line("tree", "empty");
    } else {
      line("tree",
           show_number(tree.entries) + " entries, " + std::to_string(tree.height) + " levels");
      if (tree.trees > 0) line("named trees", show_number(tree.trees));
      line("nodes",
           show_number(tree.leaves) + " leaves, " + show_number(tree.branches) + " branches");
      if (tree.leaves > 0) {
        line("leaves filled",
             std::to_string(100 * tree.node_bytes_used / (tree.leaves * report.meta.page_size)) +
                 " %");
      }
      line("long values",
           show_number(tree.long_values) + " in " + show_number(tree.value_pages) + " pages");
    }
  }
  for (const Error& finding : report.findings) out << "damage: " << finding.to_string() << "\n";
  if (report.findings_total > report.findings.size()) {
    out << "and " << show_number(report.findings_total - report.findings.size())
        << " more (--findings N shows more)\n";
  }
  out << (report.findings_total == 0 ? "ok: nothing is damaged\n"
                                     : "DAMAGED: copy the store away before anything else\n");
}

}  // namespace

void add_verify(CLI::App& command, Context& context) {
  auto options = std::make_shared<Options>();
  command.add_option("STORE", options->store, "The store's directory")->required();
  command.add_option("--findings", options->findings_max, "Show at most this many findings")
      ->option_text("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.footer(kFooter);
  command.callback([options, &context] {
    const auto report = Verifier(*options).run();
    if (!report) return tools::report(context, report.error());
    if (context.json) {
      print_json(context.out, *options, *report);
    } else {
      print_text(context.out, *options, *report);
    }
    if (report->findings_total > 0) context.code = kDamaged;
  });
}

}  // namespace caisson::tools
