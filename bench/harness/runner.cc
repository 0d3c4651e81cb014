#include "bench/harness/runner.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <regex>
#include <set>
#include <system_error>
#include <utility>

#include "tools/cli/descriptor.h"
#include "tools/cli/interrupt.h"

namespace caisson::bench {
namespace {

bool is_calibration(const Benchmark& benchmark) {
  return benchmark.about.name.starts_with("calibration/");
}

std::string parent_of_files() {
  if (const char* chosen = std::getenv("CAISSON_BENCH_DIR"); chosen != nullptr) return chosen;
  std::vector<std::string> candidates = {"/tmp", "/var/tmp"};
  if (const char* temporary = std::getenv("TMPDIR"); temporary != nullptr) {
    candidates.insert(candidates.begin(), temporary);
  }
  const auto found = std::ranges::find_if(
      candidates, [](const std::string& path) { return !file_system_of(path).in_memory; });
  return found == candidates.end() ? candidates.front() : *found;
}

// Removed with all that is in it.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> make() {
    std::string path = parent_of_files() + "/caisson-bench-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return fail(
          tools::system_error(errno, "can't make a directory for the benchmarks' files", path)
              .with_advice("Set CAISSON_BENCH_DIR to a directory on a disk."));
    }
    return TemporaryDirectory(std::move(path));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

Result<void> prepare_out(const std::string& out) {
  if (out.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) return fail(tools::system_error(error.value(), "can't make the directory", out));
  for (const auto& entry : std::filesystem::directory_iterator(out, error)) {
    if (entry.path().extension() != ".json") continue;
    return fail(Error(Code::kAlreadyExists,
                      "there are results already, such as " + entry.path().filename().string())
                    .in_file(out)
                    .with_advice("Name a new directory, or remove these."));
  }
  if (error) return fail(tools::system_error(error.value(), "can't read the directory", out));
  return {};
}

RunInfo info_of(const Plan& plan, const std::string& directory) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 16; ++i) id += kDigits[random() % kDigits.size()];
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm time{};
  gmtime_r(&now, &time);
  std::array<char, 32> started{};
  std::strftime(started.data(), started.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return {.id = std::move(id),
          .started = started.data(),
          .repeats = plan.repeats,
          .machine = this_machine(),
          .file_system = file_system_of(directory),
          .build = this_build()};
}

// In the process of its own.
std::string run_one(const Benchmark& benchmark, const Plan& plan, const Settings& settings,
                    const RunInfo& info, std::uint64_t repeat) {
  count_system_calls();
  const std::string scratch = settings.directory + "/scratch";
  std::filesystem::remove_all(scratch);
  std::filesystem::create_directories(scratch);
  const Measurement measured = plan.driver(benchmark, settings);
  return document_of(benchmark.about, info, settings, repeat, measured).dump();
}

// The document that another process has made.
Result<Json> run_apart(const Benchmark& benchmark, const Plan& plan, const RunInfo& info,
                       const std::string& directory, std::uint64_t repeat) {
  Settings settings = plan.settings;
  settings.directory = directory;
  if (!plan.warmup_operations_given) {
    settings.warmup_operations = benchmark.about.warmup_operations;
  }
  CAISSON_ASSIGN_OR_RETURN(const std::string text, in_a_process([&] {
                             return run_one(benchmark, plan, settings, info, repeat);
                           }));
  Json document = Json::parse(text);
  CAISSON_RETURN_IF_ERROR(validate_result(document, file_name_of(benchmark.about.name, repeat)));
  return document;
}

}  // namespace

Result<std::vector<const Benchmark*>> select(const std::vector<Benchmark>& list,
                                             const Selection& selection) {
  std::regex filter;
  try {
    filter = std::regex(selection.filter);
  } catch (const std::regex_error& error) {
    return fail(Code::kInvalidArgument,
                "\"" + selection.filter + "\" is no regular expression: " + error.what());
  }
  std::vector<const Benchmark*> selected;
  std::set<const Benchmark*> known;
  const auto add = [&](const Benchmark* benchmark) {
    if (benchmark != nullptr && known.insert(benchmark).second) selected.push_back(benchmark);
  };
  for (const Benchmark& benchmark : list) {
    const About& about = benchmark.about;
    if (!std::regex_search(about.name, filter)) continue;
    if (selection.suite && about.suite != *selection.suite) continue;
    if (selection.profile == Profile::kCi && !about.quick) continue;
    add(&benchmark);
    for (const std::string& against : about.against) add(find_benchmark(list, against));
  }
  if (selected.empty()) {
    return fail(Error(Code::kNotFound, "no benchmark is selected")
                    .with_advice("See caisson-bench --list."));
  }
  std::ranges::stable_partition(selected,
                                [](const Benchmark* each) { return is_calibration(*each); });
  return selected;
}

Result<Outcome> run_all(const Plan& plan, const Progress& progress) {
  CAISSON_RETURN_IF_ERROR(prepare_out(plan.out));
  CAISSON_ASSIGN_OR_RETURN(const TemporaryDirectory directory, TemporaryDirectory::make());
  const RunInfo info = info_of(plan, directory.path());
  Outcome outcome;
  std::set<const Benchmark*> failed;
  std::uint64_t done = 0;
  for (std::uint64_t repeat = 1; repeat <= plan.repeats; ++repeat) {
    for (const Benchmark* benchmark : plan.benchmarks) {
      const std::uint64_t before = done++;
      if (failed.contains(benchmark)) continue;
      progress(*benchmark, repeat, before, plan.repeats * plan.benchmarks.size());
      if (tools::noted_signal() != 0) return fail(Code::kStopped, "stopped by a signal");
      auto document = run_apart(*benchmark, plan, info, directory.path(), repeat);
      if (!document && document.error().code() == Code::kStopped) return fail(document.error());
      if (!document) {
        failed.insert(benchmark);
        outcome.failures.push_back({benchmark->about.name, repeat, std::move(document).error()});
        continue;
      }
      if (!plan.out.empty()) {
        const std::string name = file_name_of(benchmark->about.name, repeat);
        CAISSON_RETURN_IF_ERROR(write_json(plan.out + "/" + name, *document));
      }
      outcome.documents.push_back(std::move(*document));
    }
  }
  return outcome;
}

}  // namespace caisson::bench
