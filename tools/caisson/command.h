// What the subcommands of `caisson` share: each lives in a file of its own, adds itself to the
// command line and runs with nothing but what is given to it here.

#ifndef CAISSON_TOOLS_CAISSON_COMMAND_H_
#define CAISSON_TOOLS_CAISSON_COMMAND_H_

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "btree/format.h"
#include "pager/options.h"
#include "pager/pager.h"

namespace caisson::tools {

// Ordered, so that the output reads as it was written.
using Json = nlohmann::ordered_json;

// What a command's exit code says.
enum ExitCode : int {
  kFine = 0,
  kNegative = 1,   // The answer is no.
  kUsage = 2,      // Called wrongly.
  kDamaged = 3,    // Data is damaged.
  kBusy = 4,       // Somebody else holds the store.
  kIoFailure = 5,  // The system failed to read or write, or has no room.
};

// The exit code for an error that ended a command.
ExitCode exit_code(const Error& error);

// Where a command writes, and what it leaves behind.
struct Context {
  std::ostream& out;
  std::ostream& err;
  ExitCode code = kFine;
};

// Adds a subcommand; its callback runs it and sets the context's code.
void add_verify(CLI::App& app, Context& context);
void add_page(CLI::App& app, Context& context);

// Runs the program. argv[0] is its name.
int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

// An error as JSON: code, message, and file, offset, page, rule and advice where they are known.
Json to_json(const Error& error);

// Says that a command failed, on `err` or as JSON on `out`, and sets the exit code.
void report(Context& context, bool json, const Error& error);

// Bytes for people: printable ASCII as it is, others as \xHH, and "..." after `size_max` bytes.
std::string show_bytes(Bytes bytes, std::size_t size_max);

// Prints a JSON object. What is no UTF-8, such as a path may have, is shown as U+FFFD.
void print(std::ostream& out, const Json& json);

// The one reader of a store that is only looked at: it keeps the bytes of the pages that it has
// read since renew(). Outlives the pager.
class LoneReader {
 public:
  // To open a page file with, for reading.
  pager::PagerOptions options();

  void renew(const pager::Pager& pager) { epoch_ = pager.epoch(); }

 private:
  std::atomic<std::uint64_t> epoch_ = 0;
};

// Whether a root is a catalog's; plain if it can't be read, which whoever reads the tree will find.
btree::TreeKind kind_of_tree(pager::Pager& pager, const pager::PageRef& root);

// 1,234,567
std::string show_number(std::uint64_t number);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_COMMAND_H_
