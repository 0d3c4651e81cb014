// What the subcommands of `caisson` share. Each lives in a file of its own, and is a line in the
// table of commands.cc: from that come --help, the man pages and the completions.
//
// How to add one, `caisson frob STORE`:
//   - commands.cc: declare add_frob(), and add its line to the table.
//   - frob.cc: add_frob() describes its arguments on the CLI::App that it is given, sets a footer
//     that begins with "Examples:" and says what --json prints, and a callback that does the work:
//     it writes to context.out, says on context.err what it did in passing (say()), and reports an
//     error (report()). --help, --json and --quiet are there already.
//   - What takes long looks at context.stopping() at points where it can stop.

#ifndef CAISSON_TOOLS_CAISSON_COMMAND_H_
#define CAISSON_TOOLS_CAISSON_COMMAND_H_

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace caisson::tools {

// Ordered, so that the output reads as it was written.
using Json = nlohmann::ordered_json;

// What a command's exit code says. One that a signal has stopped exits with 128 and its number, as
// shells have it: 130 for Ctrl-C, 143 for SIGTERM.
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

// What a command works with, and what it leaves behind. One thread uses it.
struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;

  std::string program = "caisson";  // Its name, for messages.

  // What the streams lead to: whether text may have colours, and a line be drawn again.
  bool out_colour = false;
  bool err_colour = false;
  bool err_terminal = false;

  // What `out` writes to; -1: nothing that could be flushed.
  int out_descriptor = -1;

  // The signal that asks to stop; 0: none does. And a descriptor that can be read then; -1: none.
  std::function<int()> signal = [] { return 0; };
  int signal_descriptor = -1;

  // As the command line asks.
  bool json = false;
  bool quiet = false;

  // What the program exits with: an ExitCode, or 128 and a signal.
  int code = kFine;

  // Whether to stop: somebody asked to, or nothing can be written to `out` any more.
  bool stopping() const;
};

// Says that a command failed, on `err` or as JSON on `out`, and sets the exit code. Fields of
// `details` are added to the JSON.
void report(Context& context, const Error& error, const Json& details = Json::object());

// The same for arguments that don't go together; the line behind it says where to find help.
void report_usage(Context& context, const CLI::App& command, const std::string& message);

// Says that a signal stopped a command, and where; sets the exit code.
void report_stopped(Context& context, const std::string& where,
                    const Json& details = Json::object());

// For people: what is damaged, one line each, and how many more there are; nothing where there is
// none.
void print_findings(Context& context, const std::vector<Error>& findings, std::uint64_t total);

// A remark in passing, for people: nothing with --quiet or --json.
void say(Context& context, const std::string& remark);

// An error as JSON: code, message, and file, offset, page, record, rule and advice where known.
Json to_json(const Error& error);

// Prints a JSON object, on several lines. What is no UTF-8, such as a path may have, is shown as
// U+FFFD.
void print(std::ostream& out, const Json& json);

// The same on one line, as JSON Lines has it; flushed.
void print_line(std::ostream& out, const Json& json);

// 1,234,567
std::string show_number(std::uint64_t number);

// "1 key", "2,000 keys".
std::string show_count(std::uint64_t number, const std::string& one, const std::string& many);

// 1.5 MB: three digits that count, in powers of 1,000.
std::string show_size(std::uint64_t bytes);

// 850 ms, 12.3 s, 5 min 7 s.
std::string show_duration(double seconds);

// 2026-03-31T09:05:59+02:00, as the clocks here show it; "" for 1970, which says that it isn't
// known.
std::string show_time(std::chrono::sys_time<std::chrono::nanoseconds> time);

// 5f0c16ab-9a3d-4c52-8a41-0d6a7b1f2e3c
std::string show_uuid(const Uuid& uuid);

// Bytes for people: printable ASCII as it is, others as \xHH, and "..." after `size_max` bytes.
std::string show_bytes(Bytes bytes, std::size_t size_max);

// Bold, where the output has colours.
std::string heading(const Context& context, const std::string& text);

// A table for people: columns are as wide as they have to be, numbers to the right.
class Table {
 public:
  struct Column {
    std::string heading;
    bool number = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // Prints its heading and its rows; only the rows with --quiet.
  void print(Context& context) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_COMMAND_H_
