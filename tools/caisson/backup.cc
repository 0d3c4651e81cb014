// caisson backup: copies a store, whole or what has come since, to a directory or a stream.

#include <caisson/store.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <ostream>
#include <stop_token>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/copying.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson backup notes.caisson /mnt/backup/notes                   all of it, once
  caisson backup notes.caisson /mnt/backup/notes --name nightly    all of it the first time, and
                                                                   what has come since each later
  caisson backup notes.caisson - | zstd > notes.backup.zst         as a stream
  caisson backup notes.caisson - --name tape >> notes.backup       and its increments
  caisson backup notes.caisson /mnt/backup/notes --drill           restore it for a trial, too

Others may read and write the store meanwhile. A directory is a store itself, compact; what was
written is opened, read and compared before this says that it is a backup. Under a name, the store
keeps its log from the backup on, until the next one under that name; `caisson follow STORE
--remove NAME` ends that. `caisson restore` makes a store of it again, as of any commit since the
first backup under its name.

--json prints {"backup", "increment", "from", "txn", "trees", "entries", "bytes", "stream_bytes",
"state_hash"}: from is the commit that an increment begins behind, else 0; of an increment, entries
and bytes are its operations'. With - as the destination it is printed on standard error.)";

struct Arguments {
  std::string store;
  std::string destination;
  std::string name;
  bool drill = false;
  std::string scratch;
  std::string progress = "auto";
};

// Where a trial is made: beside a directory, or where the system has room for such things.
std::string drill_path(const Arguments& arguments) {
  namespace fs = std::filesystem;
  if (!arguments.drill) return "";
  if (!arguments.scratch.empty()) return arguments.scratch;
  const std::string name = ".drill-" + std::to_string(getpid());
  if (arguments.destination == "-")
    return (fs::temp_directory_path() / ("caisson" + name)).string();
  return arguments.destination + name;
}

Result<BackupReport> backup(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  Copying copying(context, arguments.progress);
  const BackupOptions options{.name = arguments.name,
                              .drill_path = drill_path(arguments),
                              .progress = copying.progress(),
                              .stop = copying.token()};
  if (arguments.destination != "-") return store.backup(arguments.destination, options);
  const BackupSink sink = [&context](Bytes bytes) -> Result<void> {
    context.out << as_text(bytes);
    if (context.out.good()) return {};
    return fail(Code::kIoError, "the stream can't be written");
  };
  CAISSON_ASSIGN_OR_RETURN(const BackupReport report, store.backup(sink, options));
  context.out.flush();
  if (context.out.good()) return report;
  return fail(Code::kIoError, "the stream can't be written");
}

void print_json(const Arguments& arguments, const BackupReport& report, std::ostream& out) {
  Json json;
  json["backup"] = arguments.destination;
  json["increment"] = report.increment;
  json["from"] = to_u64(report.from);
  json["txn"] = to_u64(report.txn);
  json["trees"] = report.trees;
  json["entries"] = report.entries;
  json["bytes"] = report.bytes;
  json["stream_bytes"] = report.stream_bytes;
  json["state_hash"] = report.state_hash;
  print(out, json);
}

std::string describe(const BackupReport& report) {
  const std::string size = show_size(report.bytes);
  if (!report.increment) {
    return show_count(report.entries, "key", "keys") + " in " +
           show_count(report.trees, "tree", "trees") + ", " + size + ", as of txn " +
           std::to_string(to_u64(report.txn));
  }
  if (report.from == report.txn) {
    return "nothing new behind txn " + std::to_string(to_u64(report.txn));
  }
  return show_count(to_u64(report.txn) - to_u64(report.from), "commit", "commits") + " of " +
         show_count(report.entries, "change", "changes") + ", " + size + ", up to txn " +
         std::to_string(to_u64(report.txn));
}

void run_backup(const Arguments& arguments, Context& context) {
  const bool to_stream = arguments.destination == "-";
  const auto report = backup(arguments, context);
  if (!report) {
    if (to_stream && !context.out.good()) return;  // Which the program tells, if anybody cares.
    if (context.signal() != 0) return report_stopped(context, "stopped; there is no backup");
    return tools::report(context, report.error());
  }
  std::ostream& out = to_stream ? context.err : context.out;
  if (context.json) return print_json(arguments, *report, out);
  if (context.quiet) return;
  out << "backed up: " << describe(*report) << "\n";
  out << "proved:    " << (arguments.drill ? "restored for a trial, " : "read again, ")
      << "state hash " << report->state_hash << "\n";
}

}  // namespace

void add_backup(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command
      .add_option("DESTINATION", arguments->destination,
                  "A directory to make, or to bring up to date; or - for standard output")
      ->required();
  command.add_option("--name", arguments->name, "Keep the log for the next backup of this name")
      ->option_text("NAME");
  command.add_flag("--drill", arguments->drill, "Restore it for a trial, and compare");
  command
      .add_option("--scratch", arguments->scratch,
                  "Where to do so: a path where nothing is, with room for it")
      ->option_text("DIR");
  add_progress(command, arguments->progress);
  command.footer(kFooter);
  command.callback([arguments, &context] { run_backup(*arguments, context); });
}

}  // namespace caisson::tools
