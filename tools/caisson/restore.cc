// caisson restore: makes a store of a backup.

#include <caisson/backup.h>

#include <filesystem>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/copying.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"
#include "tools/cli/descriptor.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson restore notes.caisson /mnt/backup/notes
  caisson restore notes.caisson /mnt/backup/notes --as-of 1200
  caisson restore notes.caisson monday.backup tuesday.backup      a stream and its increments
  zstd -dc notes.backup.zst | caisson restore notes.caisson -

Makes a store at a path where nothing is. A backup is a directory, or files that hold a stream and
the increments that follow it, in their order; - is standard input. The store has its name when it
has been opened, read and compared; what was damaged or doesn't fit together is refused.

--json prints {"store", "txn", "state_hash"}.)";

struct Arguments {
  std::string store;
  std::optional<std::uint64_t> as_of;
  std::string progress = "auto";
};

// The bytes of files, one behind the other, or of standard input.
class Files {
 public:
  Files(std::vector<std::string> names, Context& context)
      : names_(std::move(names)), context_(context) {}

  Result<std::size_t> read(MutableBytes into) {
    while (true) {
      if (stream_ == nullptr && next_ == names_.size()) return 0;
      if (stream_ == nullptr) CAISSON_RETURN_IF_ERROR(open(names_[next_++]));
      stream_->read(reinterpret_cast<char*>(into.data()),
                    static_cast<std::streamsize>(into.size()));
      const auto size = static_cast<std::size_t>(stream_->gcount());
      if (file_ != nullptr) CAISSON_RETURN_IF_ERROR(file_->status());
      if (size > 0) return size;
      stream_ = nullptr;
    }
  }

 private:
  Result<void> open(const std::string& name) {
    file_.reset();
    if (name == "-") {
      stream_ = &context_.in;
      return {};
    }
    CAISSON_ASSIGN_OR_RETURN(file_, InputFile::open(name, context_.signal_descriptor));
    stream_ = &file_->stream();
    return {};
  }

  std::vector<std::string> names_;
  std::size_t next_ = 0;
  Context& context_;
  std::unique_ptr<InputFile> file_;  // None: standard input.
  std::istream* stream_ = nullptr;
};

Result<RestoreReport> restore_from(const Arguments& arguments,
                                   const std::vector<std::string>& backups, Context& context) {
  std::error_code none;
  Copying copying(context, arguments.progress);
  RestoreOptions options{.as_of = {}, .progress = copying.progress(), .stop = copying.token()};
  if (arguments.as_of) options.as_of = TxnId{*arguments.as_of};
  if (backups.size() == 1 && std::filesystem::is_directory(backups.front(), none)) {
    CAISSON_RETURN_IF_ERROR(check_outside(backups.front(), arguments.store));
    return restore(backups.front(), arguments.store, options);
  }
  Files files(backups, context);
  return restore([&files](MutableBytes into) { return files.read(into); }, arguments.store,
                 options);
}

void run_restore(const Arguments& arguments, const std::vector<std::string>& backups,
                 const CLI::App& command, Context& context) {
  if (backups.empty()) return report_usage(context, command, "which backup?");
  const auto report = restore_from(arguments, backups, context);
  if (!report) {
    if (context.signal() != 0) return report_stopped(context, "stopped; nothing was restored");
    return tools::report(context, report.error());
  }
  if (context.json) {
    Json json;
    json["store"] = arguments.store;
    json["txn"] = to_u64(report->txn);
    json["state_hash"] = report->state_hash;
    return print(context.out, json);
  }
  if (context.quiet) return;
  context.out << "restored: as of txn " << to_u64(report->txn) << "\n"
              << "proved:   read again, state hash " << report->state_hash << "\n";
}

}  // namespace

void add_restore(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store to make")->required();
  CLI::Option* backups =
      add_words(command, "BACKUP", "A directory; or files of a stream, - for standard input");
  command.add_option("--as-of", arguments->as_of, "The last commit to restore")
      ->option_text("TXN")
      ->check(CLI::NonNegativeNumber);
  add_progress(command, arguments->progress);
  command.footer(kFooter);
  command.callback([arguments, backups, &command, &context] {
    run_restore(*arguments, backups->results(), command, context);
  });
}

}  // namespace caisson::tools
