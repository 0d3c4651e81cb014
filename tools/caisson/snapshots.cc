// caisson snapshots: lists the states of the past that are kept, gives them names and takes them
// away.

#include <caisson/store.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson snapshots notes.caisson                      what is kept
  caisson snapshots notes.caisson --retain "v1 done"   keeps the newest state under a name
  caisson scan notes.caisson users --snapshot "v1 done"
  caisson snapshots notes.caisson --release "v1 done"  and no longer

Lists the checkpoints that are kept, the oldest first; the last one is the newest of all. Those with
HISTORY have the log behind them as well: so each commit from the first of them on can be looked at,
with --as-of TXN. How many are, is up to the program that writes the store; one with names alone
stays until the last name is taken away, with its pages, which are not used again. Listing works
beside whoever writes the store; --retain and --release write themselves.

--json prints {"snapshots": [{"txn", "time", "names", "history"}]}; time is local, as ISO 8601, and
null where it isn't known. With --retain: {"retained", "txn"}; with --release: {"released"}. What is
no UTF-8 is printed as retained_base64, released_base64 and, as one of names, {"base64"}.

Exits with 1 if the name to retain is taken, or the one to release isn't there.)";

struct Arguments {
  std::string store;
  std::string retain;
  std::string release;
  WriteArguments write;
};

Json names_json(const std::vector<std::string>& names) {
  Json json = Json::array();
  for (const std::string& name : names) {
    if (is_utf8(name)) {
      json.push_back(name);
    } else {
      json.push_back({{"base64", to_base64(name)}});
    }
  }
  return json;
}

Result<void> list(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_ASSIGN_OR_RETURN(const auto retained, store.retained());
  Json json;
  json["snapshots"] = Json::array();
  Table table({{"TXN", true}, {"TIME"}, {"HISTORY"}, {"NAMES"}});
  for (const RetainedSnapshot& snapshot : retained) {
    const std::string time = show_time(snapshot.time);
    Json entry;
    entry["txn"] = to_u64(snapshot.txn);
    entry["time"] = time.empty() ? Json() : Json(time);
    entry["names"] = names_json(snapshot.names);
    entry["history"] = snapshot.history;
    json["snapshots"].push_back(entry);
    std::string names;
    for (const std::string& name : snapshot.names) {
      names += (names.empty() ? "" : ", ") + quoted(name);
    }
    table.add({show_number(to_u64(snapshot.txn)), time.empty() ? "unknown" : time,
               snapshot.history ? "yes" : "no", names});
  }
  if (context.json) {
    print(context.out, json);
  } else {
    table.print(context);
  }
  return {};
}

Result<void> retain(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(Store store, open_to_write(context, arguments.store, arguments.write));
  CAISSON_ASSIGN_OR_RETURN(const TxnId txn, store.retain(arguments.retain));
  CAISSON_RETURN_IF_ERROR(store.close());
  if (context.json) {
    Json json;
    set_bytes(json, "retained", arguments.retain);
    json["txn"] = to_u64(txn);
    print(context.out, json);
  } else {
    say(context, "kept the state behind commit " + show_number(to_u64(txn)) + " as " +
                     quoted(arguments.retain));
  }
  return {};
}

Result<void> release(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(Store store, open_to_write(context, arguments.store, arguments.write));
  CAISSON_RETURN_IF_ERROR(store.release(arguments.release));
  CAISSON_RETURN_IF_ERROR(store.close());
  if (context.json) {
    Json json;
    set_bytes(json, "released", arguments.release);
    print(context.out, json);
  } else {
    say(context, "took the name " + quoted(arguments.release) + " away");
  }
  return {};
}

}  // namespace

void add_snapshots(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  CLI::Option* to_retain =
      command.add_option("--retain", arguments->retain, "Keep the newest state under this name")
          ->option_text("NAME");
  CLI::Option* to_release =
      command.add_option("--release", arguments->release, "Take this name away")
          ->option_text("NAME")
          ->excludes(to_retain);
  arguments->write.add_wait_to(command);
  command.footer(kFooter);
  command.callback([arguments, to_retain, to_release, &context] {
    const auto done = to_retain->count() > 0    ? retain(*arguments, context)
                      : to_release->count() > 0 ? release(*arguments, context)
                                                : list(*arguments, context);
    if (!done) report(context, done.error());
  });
}

}  // namespace caisson::tools
