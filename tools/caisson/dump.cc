// caisson dump: writes a tree, or all of a store, as rows.

#include <caisson/store.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

#include "base/crc32c.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/dumper.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"
#include "tools/caisson/row_arguments.h"
#include "tools/cli/output_file.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson dump notes.caisson users                    as lines: key, tab, value
  caisson dump notes.caisson users users.jsonl
  caisson dump notes.caisson notes.dump               all trees, in the binary format
  caisson dump notes.caisson | caisson load other.caisson - --create
  caisson dump notes.caisson notes.dump --resume      behind Ctrl-C

The formats are those of `caisson load`, which makes of a dump what was dumped. TSV is of one tree;
JSON Lines have each value in memory once; the binary format is the one for long values. Where TREE
or FILE is left out, the word that is there is the tree's, unless the store has no tree of this name
and the word ends with .tsv, .jsonl, .ndjson or .dump. Without FILE, or with -, rows go to standard
output.

All rows are of one state of the store, whatever is written meanwhile. A file is written as
FILE.part, flushed, and renamed when it is whole. Ctrl-C leaves FILE.part and FILE.part.json, from
which --resume goes on with the same state: as long as no commit came since, or the state is one
that is kept (--snapshot NAME).

With a FILE, --json prints {"txn", "rows", "bytes", "seconds"} when it is done; --progress json does
the same.

Exits with 1 if there is no such tree or store, or the state to go on with isn't kept any more.)";

struct Arguments {
  std::string store;
  std::optional<std::string> tree;
  std::string file;  // "": standard output.
  std::string format;
  std::string progress = "auto";
  bool resume = false;
  StateArguments state;
};

// The part's first bytes, as they were when it was left.
Result<void> check_part(const std::string& path, const DumpMark& mark) {
  const std::string part = OutputFile::part_of(path);
  CAISSON_ASSIGN_OR_RETURN(const auto file, InputFile::open(part));
  std::string buffer(std::size_t{256} << 10U, '\0');
  std::uint32_t checksum = 0;
  for (std::uint64_t left = mark.bytes; left > 0;) {
    file->stream().read(buffer.data(),
                        static_cast<std::streamsize>(std::min<std::uint64_t>(left, buffer.size())));
    const auto got = static_cast<std::size_t>(file->stream().gcount());
    if (got == 0) break;
    checksum = crc32c_extend(checksum, std::as_bytes(std::span(buffer).first(got)));
    left -= got;
  }
  CAISSON_RETURN_IF_ERROR(file->status());
  if (checksum == mark.checksum) return {};
  return fail(Error(Code::kCorruption, "it isn't what the dump has left")
                  .in_file(part)
                  .with_advice("Begin again without --resume."));
}

class DumpCommand {
 public:
  DumpCommand(const Arguments& arguments, const CLI::App& command, Context& context)
      : arguments_(arguments), command_(command), context_(context) {}

  void run() {
    const auto done = dump();
    if (!done) return report(context_, done.error());
  }

 private:
  Result<void> dump() {
    CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments_.store));
    const Uuid uuid = store.uuid();
    store_ = to_hex(as_text(uuid.bytes));
    std::optional<DumpMark> mark;
    StateArguments state = arguments_.state;
    if (arguments_.resume) {
      CAISSON_ASSIGN_OR_RETURN(mark, read_dump_mark(arguments_.file));
      CAISSON_RETURN_IF_ERROR(check_part(arguments_.file, *mark));
      if (state.snapshot.empty()) state.as_of = mark->txn;
    }
    const auto snapshot = snapshot_of(store, state);
    if (!snapshot) return fail(mark ? not_kept(snapshot.error(), *mark) : snapshot.error());
    CAISSON_RETURN_IF_ERROR(find_places(*snapshot));
    if (mark) CAISSON_RETURN_IF_ERROR(check_same(*mark, *snapshot));
    if (context_.code != kFine) return {};  // Called wrongly.
    if (to_file()) return dump_to_file(*snapshot, mark);
    Dumper dumper(options_, *snapshot, context_.out, mark);
    return dump_with(dumper, nullptr, *snapshot);
  }

  bool to_file() const { return !options_file_.empty() && options_file_ != "-"; }

  // Tells trees from files, and finds the format.
  Result<void> find_places(const Snapshot& snapshot) {
    options_file_ = arguments_.file;
    options_.tree = arguments_.tree;
    if (!options_.tree && options_file_ != "-" && !options_file_.empty()) {
      const bool is_file =
          row_format_of_file(options_file_).has_value() || !arguments_.format.empty();
      const auto tree = snapshot.tree(options_file_);
      if (tree || !is_file) {
        options_.tree = options_file_;
        options_file_.clear();
      }
    }
    if (options_.tree) CAISSON_RETURN_IF_ERROR(tree_of(snapshot, *options_.tree));
    options_.format = choose_format(arguments_.format, options_file_, bool{options_.tree});
    options_.stopping = [this] { return context_.stopping(); };
    if (options_.format == RowFormat::kTsv && !options_.tree) {
      report_usage(context_, command_, "TREE is required: TSV holds the rows of one tree");
    } else if (arguments_.resume && !to_file()) {
      report_usage(context_, command_, "--resume goes on with a file: which one?");
    }
    return {};
  }

  static Error not_kept(const Error& error, const DumpMark& mark) {
    if (error.code() != Code::kNotFound) return error;
    return Error(Code::kNotFound,
                 "the state behind commit " + std::to_string(mark.txn) + " isn't kept any more")
        .with_advice(
            "Begin again without --resume; a state that has a name is kept until that is "
            "taken away.");
  }

  Result<void> check_same(const DumpMark& mark, const Snapshot& snapshot) const {
    if (mark.store == store_ && mark.txn == to_u64(snapshot.txn()) && mark.only == options_.tree &&
        mark.format == to_string(options_.format)) {
      return {};
    }
    return fail(Error(Code::kInvalidArgument,
                      "it was begun as " + mark.format + " of " +
                          (mark.only ? "the tree " + quoted(*mark.only) : "all trees") +
                          ", of commit " + std::to_string(mark.txn) +
                          (mark.store == store_ ? "" : " of another store"))
                    .in_file(dump_mark_file(options_file_))
                    .with_advice("Go on in the same way, or begin again without --resume."));
  }

  Result<void> dump_to_file(const Snapshot& snapshot, const std::optional<DumpMark>& mark) {
    CAISSON_ASSIGN_OR_RETURN(const auto file, mark ? OutputFile::resume(options_file_, mark->bytes)
                                                   : OutputFile::create(options_file_));
    Dumper dumper(options_, snapshot, file->stream(), mark);
    return dump_with(dumper, file.get(), snapshot);
  }

  Result<void> dump_with(Dumper& dumper, OutputFile* file, const Snapshot& snapshot) {
    CAISSON_ASSIGN_OR_RETURN(const std::uint64_t total, dumper.total());
    ProgressBar bar(context_, wants_bar(context_, arguments_.progress), total);
    bar.begin_at(dumper.rows(), dumper.bytes());
    options_.writing = [&bar](std::uint64_t rows, std::uint64_t bytes) {
      bar.show(rows, bytes, rows);
    };
    const auto whole = dumper.run();
    bar.end();
    CAISSON_RETURN_IF_ERROR(whole);
    if (file != nullptr) CAISSON_RETURN_IF_ERROR(file->status());
    if (!*whole) return stop(dumper, file, snapshot);
    if (file == nullptr) return {};
    CAISSON_RETURN_IF_ERROR(file->finish());
    std::error_code none;
    std::filesystem::remove(dump_mark_file(options_file_), none);
    print_result(dumper, bar, snapshot);
    return {};
  }

  // Leaves what was written to be gone on with.
  Result<void> stop(const Dumper& dumper, OutputFile* file, const Snapshot& snapshot) {
    if (context_.signal() == 0) return {};  // The output takes no more: that is told elsewhere.
    std::string where = "stopped behind " + show_count(dumper.rows(), "row", "rows");
    if (file != nullptr && file->has_part()) {
      CAISSON_RETURN_IF_ERROR(file->keep());
      DumpMark mark = dumper.mark();
      mark.format = to_string(options_.format);
      mark.store = store_;
      mark.txn = to_u64(snapshot.txn());
      CAISSON_RETURN_IF_ERROR(write_dump_mark(options_file_, mark));
      where += "; --resume goes on behind them";
    }
    report_stopped(context_, where);
    return {};
  }

  void print_result(const Dumper& dumper, const ProgressBar& bar, const Snapshot& snapshot) {
    if (context_.json || arguments_.progress == "json") {
      Json json;
      json["txn"] = to_u64(snapshot.txn());
      json["rows"] = dumper.rows();
      json["bytes"] = dumper.bytes();
      json["seconds"] = bar.seconds();
      print_line(context_.out, json);
    } else if (!context_.quiet) {
      context_.out << "dumped " << show_count(dumper.rows(), "row", "rows") << " ("
                   << show_size(dumper.bytes()) << "), " << show_duration(bar.seconds()) << ": txn "
                   << to_u64(snapshot.txn()) << "\n";
    }
  }

  const Arguments& arguments_;
  const CLI::App& command_;
  Context& context_;
  DumpOptions options_;
  std::string options_file_;  // Where to, as find_places() has found.
  std::string store_;         // Its identity.
};

}  // namespace

void add_dump(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  PlaceArguments places;
  places.add_to(command, "The tree; without it, all trees", "The file, or - for standard output");
  add_format(command, arguments->format);
  arguments->state.add_to(command);
  command.add_flag("--resume", arguments->resume, "Go on with a dump that Ctrl-C has stopped");
  add_progress(command, arguments->progress);
  command.footer(kFooter);
  command.callback([arguments, places, &command, &context] {
    std::tie(arguments->tree, arguments->file) = places.tree_and_file();
    DumpCommand(*arguments, command, context).run();
  });
}

}  // namespace caisson::tools
