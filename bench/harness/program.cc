#include "bench/harness/program.h"

#include <caisson/version.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "bench/harness/compare.h"
#include "bench/harness/figures.h"
#include "bench/harness/runner.h"
#include "bench/harness/tables.h"
#include "tools/caisson/parsing.h"
#include "tools/cli/help.h"
#include "tools/cli/output_file.h"

namespace caisson::bench {
namespace {

using tools::Context;

constexpr const char* kFooter = R"(Examples:
  caisson-bench --list
  caisson-bench --filter 'mvcc/snapshot' --repeats 3
  caisson-bench --suite micro --repeats 5 --out results/today
  caisson-bench compare results/yesterday results/today
  caisson-bench gate bench/baselines/ci.json results/today

Without a command, runs benchmarks: each repeat in a process of its own, and all of them once before
any comes again, so that a slow minute of the machine falls on a figure and on what it is held
against alike. The table shows the middle of the repeats; "varies" is their standard deviation over
their mean, and above 10% a figure is unstable. "ratio" is its time over that of another of the same
repeat.

Files of benchmarks lie in $CAISSON_BENCH_DIR, or in the first of $TMPDIR, /tmp and /var/tmp that is
on a disk, and are removed.

Exits with 0; 1 if a benchmark or the gate fails; 2 if called wrongly, or on files that are no
results; 5 if the system can't read or write; 130 or 143 when Ctrl-C or SIGTERM stopped it.)";

const std::map<std::string, Profile> kProfiles{{"ci", Profile::kCi},
                                               {"dev_nvme", Profile::kDevNvme}};
const std::map<std::string, Suite> kSuites{{"micro", Suite::kMicro},
                                           {"macro", Suite::kMacro},
                                           {"peers", Suite::kPeers},
                                           {"vector", Suite::kVector}};
const std::map<std::string, By> kWays{
    {"auto", By::kAuto}, {"time", By::kTime}, {"ratio", By::kRatio}};

template <typename Value>
std::vector<std::string> names_of(const std::map<std::string, Value>& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

// --- Running -------------------------------------------------------------------------------------

struct RunArguments {
  bool list = false;
  std::string filter;
  std::string suite;
  std::string profile = "dev_nvme";
  std::uint64_t repeats = 1;
  std::uint64_t warmup_operations = 0;
  std::uint64_t warmup_ns = 0;
  std::uint64_t seed = 1;
  std::string out;
  CLI::Option* warmup_operations_option = nullptr;
};

// What a command that runs benchmarks is told.
void add_run_options(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--filter", arguments.filter,
                  "Only benchmarks in whose name this regular expression is found")
      ->type_name("REGEX");
  command.add_option("--suite", arguments.suite, "Only this suite")
      ->check(CLI::IsMember(names_of(kSuites)));
  command
      .add_option("--profile", arguments.profile, "How much is done: ci is quick, for any machine")
      ->check(CLI::IsMember(names_of(kProfiles)))
      ->capture_default_str();
  command.add_option("--repeats", arguments.repeats, "How often each is run")
      ->check(CLI::Range(1, 999))
      ->capture_default_str();
  arguments.warmup_operations_option =
      command
          .add_option("--warmup-ops", arguments.warmup_operations,
                      "Operations that come first and don't count (default: each benchmark's own)")
          ->type_name("N");
  command
      .add_option("--warmup-ns", arguments.warmup_ns, "And for how long at least, in nanoseconds")
      ->type_name("N");
  command.add_option("--seed", arguments.seed, "Of all random keys and orders")
      ->capture_default_str();
}

Result<std::vector<const Benchmark*>> selected(const RunArguments& arguments,
                                               const std::vector<Benchmark>& list) {
  Selection selection{.filter = arguments.filter, .profile = kProfiles.at(arguments.profile)};
  if (!arguments.suite.empty()) selection.suite = kSuites.at(arguments.suite);
  auto benchmarks = select(list, selection);
  if (!benchmarks && arguments.suite == "peers") {
    return fail(Error(std::move(benchmarks).error())
                    .with_advice("Peers are in a program that was configured with "
                                 "-DCAISSON_BENCH_PEERS=ON: see docs/benchmarks.md."));
  }
  return benchmarks;
}

// Draws which benchmark runs; on a terminal.
class Line {
 public:
  explicit Line(Context& context)
      : context_(context), wanted_(context.err_terminal && !context.quiet) {}
  ~Line() {
    if (wanted_) context_.err << "\r\033[K";
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void show(const std::string& text) {
    if (wanted_) context_.err << "\r\033[K" << text.substr(0, 78);
  }

 private:
  Context& context_;
  const bool wanted_;
};

Result<Outcome> run_selected(const RunArguments& arguments, Context& context,
                             const std::vector<Benchmark>& list, const Driver& driver) {
  CAISSON_ASSIGN_OR_RETURN(auto benchmarks, selected(arguments, list));
  const Plan plan{.benchmarks = std::move(benchmarks),
                  .settings = {.profile = kProfiles.at(arguments.profile),
                               .seed = arguments.seed,
                               .warmup_operations = arguments.warmup_operations,
                               .warmup_ns = arguments.warmup_ns,
                               .directory = ""},
                  .warmup_operations_given = arguments.warmup_operations_option->count() > 0,
                  .repeats = arguments.repeats,
                  .out = arguments.out,
                  .driver = driver};
  Line line(context);
  return run_all(plan, [&line](const Benchmark& benchmark, std::uint64_t repeat, std::uint64_t done,
                               std::uint64_t total) {
    line.show("[" + std::to_string(done + 1) + "/" + std::to_string(total) + "] repeat " +
              std::to_string(repeat) + ", " + benchmark.about.name);
  });
}

void report_failures(Context& context, const std::vector<Failure>& failures) {
  for (const Failure& failure : failures) {
    context.code = tools::kNegative;
    if (context.json) continue;
    context.err << context.program << ": " << failure.benchmark << ", repeat " << failure.repeat
                << ": " << failure.error.message() << "\n";
  }
}

Json to_json(const std::vector<Failure>& failures) {
  Json list = Json::array();
  for (const Failure& failure : failures) {
    list.push_back({{"benchmark", failure.benchmark},
                    {"repeat", failure.repeat},
                    {"message", failure.error.message()}});
  }
  return list;
}

void report_any(Context& context, const Error& error) {
  if (context.signal() != 0) {
    return tools::report_stopped(context, "stopped; results that were ready are kept");
  }
  tools::report(context, error);
}

void run_benchmarks(const RunArguments& arguments, Context& context,
                    const std::vector<Benchmark>& list, const Driver& driver) {
  if (arguments.list) {
    const auto benchmarks = selected(arguments, list);
    if (!benchmarks) return tools::report(context, benchmarks.error());
    if (context.json) return tools::print(context.out, to_json(*benchmarks));
    return print_list(context, *benchmarks);
  }
  const auto outcome = run_selected(arguments, context, list, driver);
  if (!outcome) return report_any(context, outcome.error());
  report_failures(context, outcome->failures);
  Json json{{"figures", Json::array()}};
  if (!outcome->documents.empty()) {
    const auto figures = sum_up(outcome->documents, arguments.out);
    if (!figures) return tools::report(context, figures.error());
    json = to_json(*figures);
    if (!context.json) print_figures(context, *figures);
  }
  json["failures"] = to_json(outcome->failures);
  if (context.json) tools::print(context.out, json);
}

// --- Looking at results --------------------------------------------------------------------------

constexpr const char* kShowFooter = R"(Examples:
  caisson-bench show results/today

Prints the table that the run has printed. --json prints {"profile", "run", "machine", "build",
"figures"}; each figure has "name", "headline_ns", "metrics" and "time_over", the ratios to others.)";

void add_show(CLI::App& app, Context& context) {
  CLI::App* const command = app.add_subcommand("show", "Sum up the results of a run");
  command->footer(kShowFooter);
  const auto path = std::make_shared<std::string>();
  command->add_option("RESULTS", *path, "A directory of results, or one of them")->required();
  command->callback([path, &context] {
    const auto figures = read_figures(*path);
    if (!figures) return tools::report(context, figures.error());
    if (context.json) return tools::print(context.out, to_json(*figures));
    print_figures(context, *figures);
  });
}

struct CompareArguments {
  std::string base;
  std::string now;
  std::string by = "auto";
  std::string csv;
  bool all = false;
};

Result<CompareReport> compare_files(const CompareArguments& arguments) {
  CAISSON_ASSIGN_OR_RETURN(const Figures base, read_figures(arguments.base));
  CAISSON_ASSIGN_OR_RETURN(const Figures now, read_figures(arguments.now));
  CAISSON_ASSIGN_OR_RETURN(CompareReport report, compare(base, now, kWays.at(arguments.by)));
  if (!arguments.csv.empty()) {
    CAISSON_ASSIGN_OR_RETURN(const auto file, tools::OutputFile::create(arguments.csv));
    write_csv(file->stream(), report);
    CAISSON_RETURN_IF_ERROR(file->status());
    CAISSON_RETURN_IF_ERROR(file->finish());
  }
  return report;
}

void run_compare(const CompareArguments& arguments, Context& context, bool gate) {
  const auto report = compare_files(arguments);
  if (!report) return tools::report(context, report.error());
  if (gate && !report->passed()) context.code = tools::kNegative;
  if (context.json) return tools::print(context.out, to_json(*report));
  print_comparison(context, *report, arguments.all);
  if (gate) context.out << (report->passed() ? "The gate passes.\n" : "The gate fails.\n");
}

constexpr const char* kCompareFooter = R"(Examples:
  caisson-bench compare results/yesterday results/today
  caisson-bench compare bench/baselines/dev_nvme.json results/today --csv changes.csv

Both are directories of results, single results, or baselines; of one profile. Runs on the same
machine are compared by their times, others by the ratio of each time to that of a reference of the
same run: a limit, a peer or a calibration. What is counted is compared as it is.

Worse is: throughput by more than 5%, p99 by more than 10%, allocations, bytes written and pages
touched for each operation by more than 5%, flushes at all. A figure whose repeats vary by more than
10% is unstable, and not judged.

--json prints {"passed", "same_machine", "by", "better", "same", "unstable", "regressions",
"critical_regressions", "missing", "added", "lines"}.)";

constexpr const char* kGateFooter = R"(Examples:
  caisson-bench gate bench/baselines/ci.json results/today

Compares as `compare` does. Fails, and exits with 1, if a benchmark that is critical has become
worse, or one is missing that the base has. In profile ci times are shown and never fail: what such
machines do besides isn't known.)";

void add_compare(CLI::App& app, Context& context, bool gate) {
  CLI::App* const command =
      gate ? app.add_subcommand("gate", "Compare, and fail if something critical is worse")
           : app.add_subcommand("compare", "Show what has changed between two runs");
  command->footer(gate ? kGateFooter : kCompareFooter);
  const auto arguments = std::make_shared<CompareArguments>();
  command->add_option("BASE", arguments->base, "What was before: results, or a baseline")
      ->required();
  command->add_option("NEW", arguments->now, "What is now")->required();
  command->add_option("--by", arguments->by, "Compare times, or their ratios to references")
      ->check(CLI::IsMember(names_of(kWays)))
      ->capture_default_str();
  command->add_option("--csv", arguments->csv, "Write every line to a file as well")
      ->type_name("FILE");
  command->add_flag("--all", arguments->all, "Show what has not changed, too");
  command->callback([arguments, &context, gate] { run_compare(*arguments, context, gate); });
}

constexpr const char* kValidateFooter = R"(Examples:
  caisson-bench validate results/today

Says whether files are what results.schema.json or baseline.schema.json describe, and whether their
numbers agree with each other. --json prints {"figures"}: how many there are.)";

void add_validate(CLI::App& app, Context& context) {
  CLI::App* const command = app.add_subcommand("validate", "Check results, or a baseline");
  command->footer(kValidateFooter);
  const auto path = std::make_shared<std::string>();
  command->add_option("RESULTS", *path, "A directory of results, one of them, or a baseline")
      ->required();
  command->callback([path, &context] {
    const auto figures = read_figures(*path);
    if (!figures) return tools::report(context, figures.error());
    const std::size_t count = figures->by_name.size();
    if (context.json) return tools::print(context.out, Json{{"figures", count}});
    if (!context.quiet) {
      context.out << "All is well: " << tools::show_count(count, "benchmark", "benchmarks") << "\n";
    }
  });
}

// --- Baselines -----------------------------------------------------------------------------------

constexpr const char* kCaptureFooter = R"(Examples:
  caisson-bench capture-baseline --profile ci --repeats 5
  caisson-bench capture-baseline --profile dev_nvme --repeats 5 --to bench/baselines/dev_nvme.json
  caisson-bench capture-baseline --from results/today --to base.json

Runs the benchmarks of a profile, or takes the results of such a run, and writes what later runs are
held against: the middle of the repeats and how they vary, as times, and as ratios to references of
the same run, which travel between machines. If a benchmark fails, nothing is written.

--json prints {"baseline", "figures"}: the file, and how many figures it has.)";

struct CaptureArguments {
  RunArguments run;
  std::string from;
  std::string to;
};

Result<Figures> figures_to_capture(const CaptureArguments& arguments, Context& context,
                                   const std::vector<Benchmark>& list, const Driver& driver) {
  if (!arguments.from.empty()) return read_figures(arguments.from);
  CAISSON_ASSIGN_OR_RETURN(const Outcome outcome,
                           run_selected(arguments.run, context, list, driver));
  if (!outcome.failures.empty()) {
    const Failure& first = outcome.failures.front();
    return fail(Code::kIoError, first.benchmark + " has failed: " + first.error.message());
  }
  return sum_up(outcome.documents, arguments.run.out);
}

void capture(const CaptureArguments& arguments, Context& context,
             const std::vector<Benchmark>& list, const Driver& driver) {
  const auto figures = figures_to_capture(arguments, context, list, driver);
  if (!figures) return report_any(context, figures.error());
  const std::string to =
      arguments.to.empty() ? "bench/baselines/" + figures->profile + ".json" : arguments.to;
  const Json document = to_baseline(*figures);
  auto written = validate_baseline(document, to);
  if (written) written = write_json(to, document);
  if (!written) return tools::report(context, written.error());
  const std::size_t count = figures->by_name.size();
  if (context.json) return tools::print(context.out, Json{{"baseline", to}, {"figures", count}});
  if (!context.quiet) {
    context.out << to << ": " << tools::show_count(count, "figure", "figures") << "\n";
  }
}

void add_capture(CLI::App& app, Context& context, const std::vector<Benchmark>& list,
                 const Driver& driver) {
  CLI::App* const command =
      app.add_subcommand("capture-baseline", "Write what later runs are held against");
  command->footer(kCaptureFooter);
  const auto arguments = std::make_shared<CaptureArguments>();
  arguments->run.repeats = 5;
  add_run_options(*command, arguments->run);
  command->add_option("--out", arguments->run.out, "Keep the results as well, in this directory")
      ->type_name("DIR");
  command->add_option("--from", arguments->from, "Run nothing, take these results")
      ->type_name("RESULTS");
  command
      ->add_option("--to", arguments->to,
                   "The file that is written (default: bench/baselines/PROFILE.json)")
      ->type_name("FILE");
  command->callback(
      [arguments, &context, &list, &driver] { capture(*arguments, context, list, driver); });
}

void add_output_flags(CLI::App& command, Context& context) {
  command.set_help_flag("-h,--help", "Show this help")->group("Output");
  command.add_flag("--json", context.json, "Print JSON, errors too")->group("Output");
  command.add_flag("--quiet,-q", context.quiet, "Print nothing but what was asked for")
      ->group("Output");
}

}  // namespace

int run_program(int argc, const char* const* argv, Context& context,
                const std::vector<Benchmark>& list, const Driver& driver,
                const std::function<int()>& output_error) {
  context.program = "caisson-bench";
  CLI::App app{"How fast Caisson is, beside what the machine can do and beside others.",
               context.program};
  app.set_version_flag("--version", context.program + " " + std::string(version()),
                       "Show the version");
  app.formatter(std::make_shared<tools::HelpFormatter>(context.out_colour));
  app.footer(kFooter);
  RunArguments arguments;
  add_run_options(app, arguments);
  app.add_flag("--list", arguments.list, "Say which benchmarks there are, and run none");
  app.add_option("--out", arguments.out, "Keep the results: a new directory, a file each repeat")
      ->type_name("DIR");
  add_show(app, context);
  add_compare(app, context, false);
  add_compare(app, context, true);
  add_capture(app, context, list, driver);
  add_validate(app, context);
  for (CLI::App* command : app.get_subcommands({})) add_output_flags(*command, context);
  add_output_flags(app, context);
  app.callback([&] {
    if (app.get_subcommands().empty()) run_benchmarks(arguments, context, list, driver);
  });
  return tools::parse_and_run(app, argc, argv, context, output_error);
}

}  // namespace caisson::bench
