// caisson verify: reads a whole store and says what is wrong with it.

#include <memory>
#include <ostream>
#include <string>

#include "base/hex.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/progress.h"
#include "tools/caisson/verification.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson verify notes.caisson              read everything, and say what is wrong
  caisson verify notes.caisson --quiet      the exit code says it, and what is wrong is printed
  caisson verify notes.caisson --no-replay  without comparing the checkpoints: half the time

Changes nothing, and works beside whoever writes the store. Checks both checkpoints, and of the
newest one every page: its checksum and place, the rules of the tree (order, bounds, balance,
values), and that each page is in use, free or dead and nothing else; the log from the oldest place
that a checkpoint or a position names to its end; and the positions. Then applies the log to the
last checkpoint of an earlier commit, in memory, and compares what it leads to with the newest one.
Rules such as PAGE-1 are those of the format.

--json prints {"store", "damaged", "checkpoint": {"meta", "sequence", "txn", "page_size",
"page_count", "root"}, "pages": {"checked", "free"}, "tree": {"trees", "keys", "height", "leaves",
"branches", "value_pages", "long_values", "key_bytes", "value_bytes", "leaf_bytes_used"}, "log":
{"from", "end", "records", "bytes", "closed", "written"} as `caisson logdump --verify` has it,
"positions", "replay": {"from", "to", "state_hash", "replayed_hash", "left_out"}, "findings_total",
"findings": [errors]}. tree counts the pages and bytes of the catalog in, and its height is the
catalog's. What could not be read is missing; left_out says why there was no replay. A state_hash is
the one that `caisson backup` tells of the same state.

Exits with 0 if nothing is damaged and 3 if anything is.)";

const char* name_of(pager::MetaSlot slot) { return slot == pager::MetaSlot::kA ? "A" : "B"; }

// --- As JSON -------------------------------------------------------------------------------------

Json replay_json(const ReplayReport& replay) {
  Json json;
  if (!replay.left_out.empty()) {
    json["left_out"] = replay.left_out;
    return json;
  }
  json["from"] = to_u64(replay.from);
  json["to"] = to_u64(replay.to);
  if (replay.state_hash) json["state_hash"] = to_hex(*replay.state_hash);
  if (replay.replayed) json["replayed_hash"] = to_hex(*replay.replayed);
  return json;
}

void print_json(const std::string& store, const Verification& found, std::ostream& out) {
  Json json;
  json["store"] = store;
  json["damaged"] = found.findings_total > 0;
  if (found.meta) {
    const pager::Meta& meta = *found.meta;
    Json& checkpoint = json["checkpoint"];
    checkpoint["meta"] = name_of(meta.slot);
    checkpoint["sequence"] = meta.sequence;
    checkpoint["txn"] = to_u64(meta.txn);
    checkpoint["page_size"] = meta.page_size;
    checkpoint["page_count"] = meta.page_count;
    checkpoint["root"] = to_u64(meta.root.id);
    json["pages"]["checked"] = found.scrub.pages_checked;
    json["pages"]["free"] = found.scrub.pages_free;
    Json& tree = json["tree"];
    tree["trees"] = found.trees;
    tree["keys"] = found.keys;
    tree["height"] = found.tree.height;
    tree["leaves"] = found.tree.leaves;
    tree["branches"] = found.tree.branches;
    tree["value_pages"] = found.tree.value_pages;
    tree["long_values"] = found.tree.long_values;
    tree["key_bytes"] = found.tree.key_bytes;
    tree["value_bytes"] = found.tree.value_bytes;
    tree["leaf_bytes_used"] = found.tree.node_bytes_used;
    if (found.log) json["log"] = chain_json(*found.log);
    json["positions"] = found.positions;
    json["replay"] = replay_json(found.replay);
  }
  json["findings_total"] = found.findings_total;
  json["findings"] = Json::array();
  for (const Error& finding : found.findings) json["findings"].push_back(to_json(finding));
  print(out, json);
}

// --- As text -------------------------------------------------------------------------------------

std::string describe(const ReplayReport& replay) {
  if (!replay.left_out.empty()) return "left out: " + replay.left_out;
  const std::string commits = "from commit " + show_number(to_u64(replay.from)) + " to " +
                              show_number(to_u64(replay.to)) + ", ";
  if (!replay.state_hash || !replay.replayed) return commits + "failed";
  if (replay.state_hash == replay.replayed) {
    return commits + "leads to the same state: " + to_hex(*replay.state_hash);
  }
  return commits + "leads to " + to_hex(*replay.replayed) + ", and the checkpoint holds " +
         to_hex(*replay.state_hash);
}

void print_checked(const Verification& found, std::ostream& out) {
  const auto line = [&out](const std::string& name, const std::string& value) {
    constexpr std::size_t kWidth = 14;
    out << "  " << name << std::string(kWidth - name.size(), ' ') << value << "\n";
  };
  const pager::Meta& meta = *found.meta;
  const btree::TreeReport& tree = found.tree;
  line("checkpoint", std::string("meta ") + name_of(meta.slot) + ", number " +
                         show_number(meta.sequence) + ", of commit " +
                         show_number(to_u64(meta.txn)));
  line("pages", show_number(found.scrub.pages_checked) + " checked, " +
                    show_number(found.scrub.pages_free) + " free, of " +
                    show_number(meta.page_size) + " bytes");
  line("trees", show_number(found.trees) + ", with " + show_count(found.keys, "key", "keys"));
  line("nodes", show_count(tree.leaves, "leaf", "leaves") + ", " +
                    show_count(tree.branches, "branch", "branches"));
  if (tree.leaves > 0) {
    line("leaves filled",
         std::to_string(100 * tree.node_bytes_used / (tree.leaves * meta.page_size)) + " %");
  }
  line("long values",
       show_number(tree.long_values) + " in " + show_count(tree.value_pages, "page", "pages"));
  if (found.log) line("log", describe(*found.log));
  line("positions", show_number(found.positions));
  line("replay", describe(found.replay));
}

void print_text(const std::string& store, const Verification& found, Context& context) {
  if (!context.quiet) {
    context.out << heading(context, store) << "\n";
    if (found.meta) print_checked(found, context.out);
  }
  print_findings(context, found.findings, found.findings_total);
  if (!context.quiet && found.findings_total == 0) context.out << "ok: nothing is damaged\n";
}

void run_verify(VerifyOptions options, Context& context) {
  ProgressBar bar(context, wants_bar(context, "auto"), {});
  options.reading = [&](std::uint64_t bytes) {
    bar.show(0, bytes, bytes);
    return !context.stopping();
  };
  const auto found = verify(options);
  bar.end();
  if (!found && context.signal() != 0) {
    return report_stopped(context, "stopped; the store was not read to its end");
  }
  if (!found) return report(context, found.error());
  if (context.json) {
    print_json(options.store, *found, context.out);
  } else {
    print_text(options.store, *found, context);
  }
  if (found->findings_total > 0) context.code = kDamaged;
}

}  // namespace

void add_verify(CLI::App& command, Context& context) {
  auto options = std::make_shared<VerifyOptions>();
  command.add_option("STORE", options->store, "The store's directory")->required();
  command.add_option("--findings", options->findings_max, "Show at most this many findings")
      ->option_text("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_flag("!--no-replay", options->replay, "Leave the comparison of checkpoints out");
  command
      .add_option("--memory", options->memory_bytes,
                  "For the comparison, which is left out where the log needs more")
      ->option_text("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("64MB");
  command.footer(kFooter);
  command.callback([options, &context] { run_verify(*options, context); });
}

}  // namespace caisson::tools
