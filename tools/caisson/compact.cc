// caisson compact: gets rid of unused space.

#include <caisson/store.h>

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/copying.h"
#include "tools/caisson/opening.h"
#include "tools/caisson/progress.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson compact notes.caisson small.caisson     the newest state as a fresh store, compact
  caisson compact notes.caisson                   give back what is unused at the end of the file

With a path where nothing is, makes a store there that holds the newest state and nothing else, and
is as small as can be; it has its name when it has been opened, read and compared. Others may read
and write the store meanwhile; what they write later is not in it. States of the past, positions and
names stay behind.

Without one, the store is opened to write, and the end of its page file is given back to the file
system, as far as its pages are free. Space between pages that are in use stays. States of the past
that have no name are given up first; --history N keeps some.

--json prints {"store", "before_bytes", "after_bytes", "txn", "state_hash"}: sizes of the page files
of STORE before and of the store that was made after; without a path, of STORE, and no state_hash.)";

struct Arguments {
  std::string store;
  std::string destination;
  std::string progress = "auto";
  WriteArguments write;
};

struct Done {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  std::uint64_t txn = 0;
  std::string state_hash;
};

std::uint64_t page_file_size(const std::string& store) {
  std::error_code none;
  const auto size = std::filesystem::file_size(std::filesystem::path(store) / "pages", none);
  return none ? 0 : size;
}

Result<Done> copy(const Arguments& arguments, Context& context) {
  CAISSON_RETURN_IF_ERROR(check_outside(arguments.store, arguments.destination));
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  Copying copying(context, arguments.progress);
  BackupOptions options;
  options.progress = copying.progress();
  options.stop = copying.token();
  CAISSON_ASSIGN_OR_RETURN(const BackupReport report, store.backup(arguments.destination, options));
  return Done{.before = page_file_size(arguments.store),
              .after = page_file_size(arguments.destination),
              .txn = to_u64(report.txn),
              .state_hash = report.state_hash};
}

Result<Done> shrink(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(Store store, open_to_write(context, arguments.store, arguments.write));
  Done done{.before = page_file_size(arguments.store), .after = 0, .txn = 0, .state_hash = {}};
  CAISSON_RETURN_IF_ERROR(store.shrink());
  {
    CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.snapshot());
    done.txn = to_u64(snapshot.txn());
  }
  CAISSON_RETURN_IF_ERROR(store.close());
  done.after = page_file_size(arguments.store);
  return done;
}

void run_compact(const Arguments& arguments, Context& context) {
  const bool in_place = arguments.destination.empty();
  const auto done = in_place ? shrink(arguments, context) : copy(arguments, context);
  if (!done) {
    if (context.signal() != 0) return report_stopped(context, "stopped; nothing has changed");
    return report(context, done.error());
  }
  if (context.json) {
    Json json;
    json["store"] = in_place ? arguments.store : arguments.destination;
    json["before_bytes"] = done->before;
    json["after_bytes"] = done->after;
    json["txn"] = done->txn;
    if (!in_place) json["state_hash"] = done->state_hash;
    return print(context.out, json);
  }
  if (context.quiet) return;
  context.out << "pages: " << show_size(done->before) << " before, " << show_size(done->after)
              << " after, as of txn " << done->txn << "\n";
  if (!in_place) context.out << "proved: read again, state hash " << done->state_hash << "\n";
}

}  // namespace

void add_compact(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  arguments->write.history = 0;
  arguments->write.drops_history = true;
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command.add_option("DESTINATION", arguments->destination, "The store to make");
  add_progress(command, arguments->progress);
  arguments->write.add_wait_to(command);
  command.footer(kFooter);
  command.callback([arguments, &context] { run_compact(*arguments, context); });
}

}  // namespace caisson::tools
