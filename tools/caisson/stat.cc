// caisson stat: what a store consists of, and what keeps space in it.

#include <caisson/store.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/inspection.h"
#include "tools/caisson/opening.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson stat notes.caisson
  caisson stat notes.caisson --json

Works beside whoever writes the store, and on one that was not closed. The newest commit is what
readers see; pages are counted as of the newest checkpoint. A page that nobody uses any more is dead
for as long as a state may be read that it belongs to, and the log stays from where somebody may
need it on: KEPT FOR says for whom. NEEDS is how much of the dead pages that is, ALONE what would be
free without it. A name goes with `caisson snapshots --release`, a position with `caisson follow
--remove`, a reader when it ends; the history is up to the program that writes the store, and
snapshots within that program are not seen.

--json prints {"store", "uuid", "format", "page_size", "limits": {"key_bytes", "value_bytes",
"tree_height"}, "txn", "checkpoint": {"txn", "time", "sequence", "meta"}, "older_checkpoint",
"older_checkpoint_error", "written", "writer", "closed", "trees": [{"name", "keys"}], "pages":
{"file_bytes", "live_bytes", "free_bytes", "dead_bytes", "waiting_bytes", "other_bytes"}, "log":
{"files", "bytes", "first_file", "last_file"}, "kept_for": [{"kind", "name", "process", "txns",
"unknown", "dead_bytes", "only_bytes", "log_file", "log_bytes"}], "unreadable_positions": [errors]}.
kind is checkpoint, history, snapshot, reader or position; "unknown" is a reader for whom everything
is kept. waiting_bytes is that part of dead_bytes that is free behind the next checkpoint. Time is
local, as ISO 8601. What isn't known is null, and what doesn't apply is missing.

Exits with 3 if a checkpoint or a position is damaged.)";

// --- As JSON -------------------------------------------------------------------------------------

Json known(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json checkpoint_json(const SeenCheckpoint& checkpoint) {
  Json json;
  json["txn"] = to_u64(checkpoint.meta.txn);
  json["time"] = known(show_time(checkpoint.time));
  json["sequence"] = checkpoint.meta.sequence;
  json["meta"] = checkpoint.meta.slot == pager::MetaSlot::kA ? "A" : "B";
  return json;
}

Json keeper_json(const Keeper& keeper) {
  Json json;
  json["kind"] = to_string(keeper.kind);
  if (keeper.kind == Keeper::Kind::kReader) {
    json["process"] = known(keeper.name);
    json["unknown"] = keeper.unknown;
  } else if (!keeper.name.empty()) {
    set_bytes(json, "name", keeper.name);
  }
  json["txns"] = Json::array();
  for (const TxnId txn : keeper.txns) json["txns"].push_back(to_u64(txn));
  if (keeper.pages) {
    json["dead_bytes"] = keeper.dead_bytes;
    json["only_bytes"] = keeper.only_bytes;
  }
  if (keeper.log_file) {
    json["log_file"] = *keeper.log_file;
    json["log_bytes"] = keeper.log_bytes;
  }
  return json;
}

Json errors_json(const std::vector<Error>& errors) {
  Json json = Json::array();
  for (const Error& error : errors) json.push_back(to_json(error));
  return json;
}

void print_json(const std::string& store, const Inspection& found, std::ostream& out) {
  const pager::Meta& meta = found.newest.meta;
  Json json;
  json["store"] = store;
  json["uuid"] = show_uuid(meta.uuid);
  json["format"] = pager::kFormatVersion;
  json["page_size"] = meta.page_size;
  json["limits"] = {{"key_bytes", meta.limits.key_size_max},
                    {"value_bytes", meta.limits.value_size_max},
                    {"tree_height", meta.limits.tree_height_max}};
  json["txn"] = to_u64(found.txn);
  json["checkpoint"] = checkpoint_json(found.newest);
  json["older_checkpoint"] = found.older ? checkpoint_json(*found.older) : Json();
  if (found.older_damage) json["older_checkpoint_error"] = to_json(*found.older_damage);
  json["written"] = found.written;
  json["writer"] = known(found.writer);
  json["closed"] = found.closed;
  json["trees"] = Json::array();
  for (const TreeSize& size : found.trees) {
    Json tree;
    set_bytes(tree, "name", size.name);
    tree["keys"] = size.keys;
    json["trees"].push_back(tree);
  }
  json["pages"] = {{"file_bytes", found.pages.file},       {"live_bytes", found.pages.live},
                   {"free_bytes", found.pages.free},       {"dead_bytes", found.pages.dead},
                   {"waiting_bytes", found.pages.waiting}, {"other_bytes", found.pages.other}};
  json["log"] = {{"files", found.log.count},
                 {"bytes", found.log.bytes},
                 {"first_file", found.log.first},
                 {"last_file", found.log.last}};
  json["kept_for"] = Json::array();
  for (const Keeper& keeper : found.keepers) json["kept_for"].push_back(keeper_json(keeper));
  json["unreadable_positions"] = errors_json(found.unreadable_positions);
  print(out, json);
}

// --- As text -------------------------------------------------------------------------------------

class Text {
 public:
  explicit Text(Context& context) : context_(context) {}

  void print(const std::string& store, const Inspection& found) {
    context_.out << heading(context_, store) << "\n";
    print_store(found);
    print_trees(found);
    print_pages(found.pages);
    print_log(found.log);
    print_keepers(found);
    if (found.older_damage) damage(*found.older_damage);
    for (const Error& error : found.unreadable_positions) damage(error);
    if (!found.unreadable_positions.empty()) {
      context_.out << "All of the log is kept while a position can't be read: `caisson follow "
                      "--remove` removes it.\n";
    }
  }

 private:
  void line(const std::string& name, const std::string& value) {
    constexpr std::size_t kWidth = 14;
    context_.out << "  " << name << std::string(kWidth - name.size(), ' ') << value << "\n";
  }

  void damage(const Error& error) { context_.out << "damage: " << error.to_string() << "\n"; }

  static std::string commit(TxnId txn) { return "commit " + show_number(to_u64(txn)); }

  static std::string checkpoint(const SeenCheckpoint& seen) {
    const std::string time = show_time(seen.time);
    return commit(seen.meta.txn) + (time.empty() ? "" : ", " + time) + ", number " +
           show_number(seen.meta.sequence) + " in " + std::string(to_string(seen.meta.slot));
  }

  static std::string writer(const Inspection& found) {
    if (found.written) return found.writer.empty() ? "a process that isn't seen" : found.writer;
    return found.closed ? "none; the last one closed the store"
                        : "none; the last one did not close the store";
  }

  void print_store(const Inspection& found) {
    const pager::Meta& meta = found.newest.meta;
    line("identity", show_uuid(meta.uuid));
    line("format", "version " + std::to_string(pager::kFormatVersion) + ", pages of " +
                       show_number(meta.page_size) + " bytes");
    line("limits", "keys " + show_number(meta.limits.key_size_max) + " bytes, values " +
                       show_number(meta.limits.value_size_max) + " bytes, trees " +
                       std::to_string(meta.limits.tree_height_max) + " levels");
    line("newest", commit(found.txn));
    line("checkpoint", checkpoint(found.newest));
    if (found.older) line("the older", checkpoint(*found.older));
    line("writer", writer(found));
    if (found.trees.empty()) line("trees", "none");
  }

  void print_trees(const Inspection& found) {
    if (found.trees.empty()) return;
    context_.out << "\n";
    Table table({{"TREE"}, {"KEYS", true}});
    for (const TreeSize& tree : found.trees) {
      table.add({escaped(tree.name), show_number(tree.keys)});
    }
    table.print(context_);
  }

  void print_pages(const PageSpace& pages) {
    context_.out << "\n" << heading(context_, "PAGES") << "\n";
    line("file", show_size(pages.file));
    line("live", show_size(pages.live));
    line("free", show_size(pages.free));
    line("dead",
         show_size(pages.dead) + (pages.waiting == 0 ? ""
                                                     : "; of these, " + show_size(pages.waiting) +
                                                           " are free behind the next checkpoint"));
    line("other", show_size(pages.other));
  }

  void print_log(const LogFiles& log) {
    context_.out << "\n" << heading(context_, "LOG") << "\n";
    line("files", show_number(log.count) + ", " + show_size(log.bytes) + ", numbers " +
                      std::to_string(log.first) + " to " + std::to_string(log.last));
    context_.out << "\n";
  }

  void print_keepers(const Inspection& found) {
    Table table({{"KEPT FOR"},
                 {"COMMIT", true},
                 {"NEEDS", true},
                 {"ALONE", true},
                 {"LOG FROM", true},
                 {"LOG", true}});
    for (const Keeper& keeper : found.keepers) {
      table.add({describe(keeper), commits(keeper),
                 keeper.pages ? show_size(keeper.dead_bytes) : "",
                 keeper.pages ? show_size(keeper.only_bytes) : "",
                 keeper.log_file ? "file " + std::to_string(*keeper.log_file) : "",
                 keeper.log_file ? show_size(keeper.log_bytes) : ""});
    }
    table.print(context_);
  }

  static std::string commits(const Keeper& keeper) {
    if (keeper.txns.empty()) return keeper.unknown ? "all" : "";
    std::string first = show_number(to_u64(keeper.txns.front()));
    if (keeper.txns.size() == 1) return first;
    return first + " to " + show_number(to_u64(keeper.txns.back()));
  }

  static std::string describe(const Keeper& keeper) {
    switch (keeper.kind) {
      case Keeper::Kind::kCheckpoint:
        return "checkpoint of " + keeper.name;
      case Keeper::Kind::kHistory:
        return "history, " + show_count(keeper.txns.size(), "checkpoint", "checkpoints");
      case Keeper::Kind::kSnapshot:
        return "snapshot " + quoted(keeper.name);
      case Keeper::Kind::kReader:
        return keeper.name.empty() ? "a reader" : "reader, " + escaped(keeper.name);
      case Keeper::Kind::kPosition:
        return "position " + quoted(keeper.name);
    }
    return "";
  }

  Context& context_;
};

}  // namespace

void add_stat(CLI::App& command, Context& context) {
  auto store = std::make_shared<std::string>();
  command.add_option("STORE", *store, "The store's directory")->required();
  command.footer(kFooter);
  command.callback([store, &context] {
    const auto found = inspect(*store);
    if (!found) return report(context, found.error());
    if (context.json) {
      print_json(*store, *found, context.out);
    } else {
      Text(context).print(*store, *found);
    }
    if (found->older_damage || !found->unreadable_positions.empty()) context.code = kDamaged;
  });
}

}  // namespace caisson::tools
