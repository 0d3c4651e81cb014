// caisson load: reads rows from a file into a store.

#include <caisson/store.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "base/hex.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/loader.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"
#include "tools/caisson/row_arguments.h"
#include "tools/cli/descriptor.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson load notes.caisson users users.tsv --create
  caisson dump old.caisson | caisson load new.caisson - --create
  caisson load notes.caisson users big.tsv --resume    behind Ctrl-C, a crash or an error
  caisson load notes.caisson users big.tsv --progress json | tail -1

Formats, by the end of the file's name or --format:
  tsv     (.tsv) A line is a key, a tab and a value, with the escapes of `caisson scan`. TREE is
          needed. The default where TREE is given.
  jsonl   (.jsonl, .ndjson) A line is {"key":..., "value":...}, with "tree" where TREE isn't given.
          Bytes that are no UTF-8 are key_base64, value_base64; a value that is no string is stored
          as its JSON. {"tree":...} alone makes a tree. The default where TREE isn't given.
  binary  (.dump) What `caisson dump --format binary` writes.

A batch is one transaction. After an error (a row that is none, a key that is too long) nothing of
its batch is there, and all batches before are. How far it is stands in the store, in a tree of its
own that is gone when all is loaded: --resume goes on there, after it has checked that the source
still begins with the same bytes (and begins at the beginning where there is nothing to resume);
--restart begins again. Standard input (-) is resumed by giving the same input again.

--progress json prints a line for each batch that was acknowledged: {"txn", "rows", "bytes"}, where
rows and bytes count from the beginning of the source. --json prints a last line {"txn", "rows",
"bytes", "batches", "seconds"}; an error's "acknowledged" says what is there: {"txn", "rows",
"bytes", "place"}.

Exits with 1 if a part of the source was loaded before and neither --resume nor --restart is given.)";

constexpr std::size_t kSourceNameMax = 128;

struct Arguments {
  std::string store;
  std::optional<std::string> tree;
  std::string file;
  std::string format;
  std::uint64_t batch = 1000;
  std::string progress = "auto";
  bool resume = false;
  bool restart = false;
  bool create = false;
  std::string on_duplicate = "replace";
  WriteArguments write;
};

// Its name in the store: the same from wherever the command is run (spec/dump.md, section 4).
std::string source_name(const Arguments& arguments) {
  std::string name = arguments.file;
  if (name == "-") {
    if (arguments.tree) name += " " + *arguments.tree;
  } else {
    std::error_code error;
    const auto path = std::filesystem::canonical(name, error);
    if (!error) name = path.string();
  }
  return name.size() <= kSourceNameMax ? name : to_hex(xxh3_128(std::as_bytes(std::span(name))));
}

OnDuplicate on_duplicate_named(const std::string& name) {
  if (name == "error") return OnDuplicate::kError;
  return name == "skip" ? OnDuplicate::kSkip : OnDuplicate::kReplace;
}

class LoadCommand {
 public:
  LoadCommand(const Arguments& arguments, RowFormat format, Context& context)
      : arguments_(arguments), context_(context) {
    options_.source = source_name(arguments);
    options_.format = format;
    options_.tree = arguments.tree;
    options_.batch = arguments.batch;
    options_.on_duplicate = on_duplicate_named(arguments.on_duplicate);
    options_.stopping = [&context] { return context.stopping(); };
  }

  void run() {
    const auto done = load();
    if (done && context_.signal() == 0) return;
    if (context_.signal() != 0) {
      return report_stopped(context_, "stopped. " + where(), details());
    }
    const Error& error = done.error();
    std::string advice = error.advice();
    if (begun_) advice += (advice.empty() ? "" : " ") + where();
    report(context_,
           Error(error.code(), error.message())
               .in_file(error.file().empty() ? arguments_.file : error.file())
               .with_rule(error.rule())
               .with_advice(std::move(advice)),
           details());
  }

 private:
  Result<void> load() {
    std::unique_ptr<InputFile> file;
    if (arguments_.file != "-") {
      CAISSON_ASSIGN_OR_RETURN(file, InputFile::open(arguments_.file, context_.signal_descriptor));
    }
    const auto size = file ? file->size() : std::nullopt;
    InputBuffer input(file ? file->stream() : context_.in, !size);
    const auto reader = make_row_reader(options_.format, input);
    Options open;
    open.create_if_missing = arguments_.create;
    CAISSON_ASSIGN_OR_RETURN(Store store,
                             open_to_write(context_, arguments_.store, arguments_.write, open));
    ProgressBar bar(context_, wants_bar(context_, arguments_.progress), size);
    options_.reading = [&bar](std::uint64_t rows, std::uint64_t bytes) {
      bar.show(rows, bytes, bytes);
    };
    Loader loader(options_, store, *reader);
    auto done = load_with(loader, store, bar);
    loaded_ = loader.loaded();
    bar.end();
    // A read that failed looks like the end, or like a row that is cut off.
    if (file) CAISSON_RETURN_IF_ERROR(file->status());
    CAISSON_RETURN_IF_ERROR(done);
    CAISSON_RETURN_IF_ERROR(store.close());
    if (loader.finished()) print_result(bar);
    return {};
  }

  Result<void> load_with(Loader& loader, const Store& store, ProgressBar& bar) {
    CAISSON_RETURN_IF_ERROR(resume(loader, store, bar));
    begun_ = true;
    while (!loader.finished() && !context_.stopping()) {
      CAISSON_ASSIGN_OR_RETURN(const bool loaded, loader.load_batch());
      if (loaded) acknowledge(loader.loaded());
    }
    return {};
  }

  // Looks for what an earlier run has left.
  Result<void> resume(Loader& loader, const Store& store, ProgressBar& bar) {
    if (arguments_.restart) {
      loader.restart();
      return {};
    }
    CAISSON_ASSIGN_OR_RETURN(const auto mark, read_load_mark(store, options_.source));
    if (!mark) {
      if (arguments_.resume) say(context_, "nothing to resume: loading from the beginning");
      return {};
    }
    if (!arguments_.resume) {
      return fail(Error(Code::kAlreadyExists, "the first " + show_count(mark->rows, "row", "rows") +
                                                  " of it were loaded before, and then it stopped")
                      .with_advice("--resume goes on behind them; --restart begins again."));
    }
    if (mark->format != to_string(options_.format) || mark->tree != options_.tree) {
      return fail(Error(Code::kInvalidArgument,
                        "its first part was loaded as " + mark->format +
                            (mark->tree ? " into the tree " + quoted(*mark->tree) : ""))
                      .with_advice("Go on in the same way; or --restart begins again."));
    }
    CAISSON_RETURN_IF_ERROR(loader.skip(*mark));
    bar.begin_at(mark->rows, mark->bytes);
    say(context_, "going on behind " + show_count(mark->rows, "row", "rows"));
    return {};
  }

  void acknowledge(const Loaded& loaded) {
    if (arguments_.progress != "json") return;
    Json json;
    json["txn"] = loaded.txn;
    json["rows"] = loaded.rows;
    json["bytes"] = loaded.bytes;
    print_line(context_.out, json);
  }

  void print_result(const ProgressBar& bar) {
    if (context_.json) {
      Json json;
      json["txn"] = loaded_.txn;
      json["rows"] = loaded_.rows;
      json["bytes"] = loaded_.bytes;
      json["batches"] = loaded_.batches;
      json["seconds"] = bar.seconds();
      print_line(context_.out, json);
    } else if (!context_.quiet && arguments_.progress != "json") {
      context_.out << "loaded " << show_count(loaded_.rows, "row", "rows") << " ("
                   << show_size(loaded_.bytes) << ") in "
                   << show_count(loaded_.batches, "batch", "batches") << ", "
                   << show_duration(bar.seconds()) << ": txn " << loaded_.txn << "\n";
    }
  }

  // What is there, for people.
  std::string where() const {
    if (loaded_.rows == 0) return "Nothing of it was loaded.";
    std::string text = "The first " + show_count(loaded_.rows, "row", "rows") + ", up to " +
                       loaded_.place + ", are loaded";
    if (loaded_.txn > 0) text += " (txn " + std::to_string(loaded_.txn) + ")";
    return text + "; --resume goes on behind them.";
  }

  Json details() const {
    Json json;
    if (!begun_) return Json::object();
    json["acknowledged"]["txn"] = loaded_.txn;
    json["acknowledged"]["rows"] = loaded_.rows;
    json["acknowledged"]["bytes"] = loaded_.bytes;
    json["acknowledged"]["place"] = loaded_.place;
    return json;
  }

  const Arguments& arguments_;
  Context& context_;
  LoadOptions options_;
  Loaded loaded_;
  bool begun_ = false;  // All that could be wrong before the first row was looked at.
};

void run_load(const Arguments& arguments, const CLI::App& command, Context& context) {
  if (arguments.file.empty()) return report_usage(context, command, "FILE is required");
  if (arguments.tree) {
    if (const auto good = check_tree_name(*arguments.tree); !good) {
      return report(context, good.error());
    }
  }
  const RowFormat format = choose_format(arguments.format, arguments.file, bool{arguments.tree});
  if (format == RowFormat::kTsv && !arguments.tree) {
    return report_usage(context, command, "TREE is required: rows of a TSV file don't say it");
  }
  LoadCommand(arguments, format, context).run();
}

}  // namespace

void add_load(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  arguments->write.history = 0;  // It would keep all that is written meanwhile.
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  PlaceArguments places;
  places.add_to(command, "The tree; without it, each row says its own",
                "The file, or - for standard input");
  add_format(command, arguments->format);
  command.add_option("--batch", arguments->batch, "Rows in a transaction")
      ->option_text("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U))
      ->capture_default_str();
  command
      .add_option("--on-duplicate", arguments->on_duplicate,
                  "Where a key is there already: replace, error or skip")
      ->option_text("WHAT")
      ->check(CLI::IsMember({"replace", "error", "skip"}))
      ->capture_default_str();
  CLI::Option* resume =
      command.add_flag("--resume", arguments->resume, "Go on where an earlier load has stopped");
  command.add_flag("--restart", arguments->restart, "Load all of it, whatever was loaded before")
      ->excludes(resume);
  command.add_flag("--create", arguments->create, "Make the store if it isn't there");
  arguments->write.add_to(command);
  add_progress(command, arguments->progress);
  command.footer(kFooter);
  command.callback([arguments, places, &command, &context] {
    std::tie(arguments->tree, arguments->file) = places.tree_and_file();
    run_load(*arguments, command, context);
  });
}

}  // namespace caisson::tools
