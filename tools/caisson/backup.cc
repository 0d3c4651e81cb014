// caisson backup: copies a store, whole or what has come since, to a directory or a stream.

#include <caisson/store.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <ostream>
#include <stop_token>
#include <string>
#include <utility>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/copying.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"

namespace caisson::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter = R"(Examples:
  caisson backup notes.caisson /mnt/backup/notes                   all of it, once
  caisson backup notes.caisson /mnt/backup/notes --name nightly    all of it the first time, and
                                                                   what has come since each later
  caisson backup notes.caisson - | zstd > notes.backup.zst         as a stream
  caisson backup notes.caisson - --name tape > monday.backup       and its increments, each a file
  caisson backup notes.caisson /mnt/backup/notes --drill           restore it for a trial, too

Others may read and write the store meanwhile. A directory is a store itself, compact; what was
written is opened, read and compared before it gets its name. A stream is decoded as it is written;
`caisson restore` compares what it leads to. Under a name, the store keeps its log from the backup on
for the next one, which is an increment: of the same directory, or behind the streams before it. --full
makes all of it again, and the next increment follows that. `caisson restore` makes a store of it
again, as of any commit since the first backup under its name.

What keeps the log are positions, backup:NAME for a directory and backup-stream:NAME for streams;
`caisson follow STORE --remove backup:NAME` ends that.

--json prints {"backup", "increment", "from", "txn", "trees", "entries", "bytes", "stream_bytes",
"state_hash"}: from is the commit that an increment begins behind, else 0; of an increment, entries
and bytes are its operations'. With - as the destination it is printed on standard error.)";

struct Arguments {
  std::string store;
  std::string destination;
  std::string name;
  bool full = false;
  bool drill = false;
  std::string scratch;
  std::string progress = "auto";
};

// Where a trial is made: beside a directory, or in a folder of its own where the system has room
// for such things.
class Drill {
 public:
  static Result<Drill> choose(const Arguments& arguments) {
    Drill drill;
    if (!arguments.drill) return drill;
    drill.path_ = arguments.scratch;
    if (!drill.path_.empty()) return drill;
    if (arguments.destination != "-") {
      drill.path_ = without_slashes(arguments.destination) + ".drill";
      return drill;
    }
    std::error_code error;
    std::string folder = fs::temp_directory_path(error) / "caisson-drill-XXXXXX";
    if (error || mkdtemp(folder.data()) == nullptr) {
      return fail(Error(Code::kIoError, "there is no room for a trial")
                      .in_file(folder)
                      .with_advice("Say where there is, with --scratch DIR."));
    }
    drill.folder_ = folder;
    drill.path_ = folder + "/store";
    return drill;
  }

  ~Drill() {
    if (!folder_.empty()) rmdir(folder_.c_str());
  }
  Drill(Drill&& other) noexcept
      : path_(std::move(other.path_)), folder_(std::exchange(other.folder_, "")) {}
  Drill& operator=(Drill&&) = delete;

  const std::string& path() const { return path_; }  // Empty: there is no trial.

 private:
  Drill() = default;

  static std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
  }

  std::string path_;
  std::string folder_;  // Made for it.
};

Error cannot_write() { return {Code::kIoError, "the stream can't be written"}; }

// What the next increment begins behind is not to be lost.
Result<void> make_durable(Context& context) {
  context.out.flush();
  if (!context.out.good()) return fail(cannot_write());
  if (context.out_descriptor < 0 || fsync(context.out_descriptor) == 0) return {};
  const bool is_file = errno != EINVAL && errno != ENOTSUP && errno != EROFS;
  return is_file ? fail(cannot_write()) : Result<void>();
}

Result<BackupReport> backup(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_ASSIGN_OR_RETURN(const Drill drill, Drill::choose(arguments));
  Copying copying(context, arguments.progress);
  const BackupOptions options{.name = arguments.name,
                              .full = arguments.full,
                              .drill_path = drill.path(),
                              .progress = copying.progress(),
                              .stop = copying.token()};
  if (arguments.destination != "-") {
    CAISSON_RETURN_IF_ERROR(check_outside(arguments.store, arguments.destination));
    return store.backup(arguments.destination, options);
  }
  const BackupSink sink = [&context](Bytes bytes) -> Result<void> {
    if (bytes.empty()) return make_durable(context);
    context.out << as_text(bytes);
    return context.out.good() ? Result<void>() : fail(cannot_write());
  };
  return store.backup(sink, options);
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
         show_count(report.entries, "change", "changes") + ", " + size + ", behind txn " +
         std::to_string(to_u64(report.from)) + " up to txn " + std::to_string(to_u64(report.txn));
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
  if (arguments.drill) {
    out << "proved:    restored for a trial, ";
  } else if (to_stream) {
    out << "checked:   as it was written, ";
  } else {
    out << "proved:    read again, ";
  }
  out << "state hash " << report->state_hash << "\n";
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
  command.add_flag("--full", arguments->full, "All of it, though an increment could be made");
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
