// caisson-demo: shows what Caisson does today, on this machine, in a few seconds.
//
// It writes a page file, reads it back, damages it in two ways and shows what is noticed, and cuts
// the power of a simulated machine at every call. What it claims, it checks: when something that
// it shows is not as it should be, it says so and exits with 1.

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <caisson/version.h>

#include "io/posix.h"
#include "tools/demo_acts.h"
#include "tools/demo_screen.h"

namespace caisson::demo {
namespace {

constexpr const char* kUsage =
    R"(Shows what Caisson does today: pages that can be believed after any crash.

Usage: caisson-demo [--seed N] [--dir DIR] [--json] [--help]

  --seed N   what to write, which bit to flip and where to crash (default 1)
  --dir DIR  make the page file in DIR, a directory without one, and keep it
             (default: in a temporary directory, removed at the end)
  --json     print one JSON object instead of the tables
  --help     print this

Examples:
  caisson-demo                        all of it, in some seconds and 80 MiB of disk
  caisson-demo --seed 7               other pages, another bit, other crashes
  caisson-demo --dir /var/tmp/store   the same, and keep the file to look at
  caisson-demo --json | jq .power_cuts

Exits with 0 if all that was shown is as it should be, 1 if not, 2 if it was called wrongly,
4 if somebody else holds the file, 5 if the disk failed or is full.
)";

struct Options {
  std::uint64_t seed = 1;
  std::string directory;  // Empty: a temporary one.
  bool json = false;
};

// --- The temporary directory ---------------------------------------------------------------------

// Its file's name and its own, for the handler of signals; empty when there is nothing to remove.
char g_temporary_file[4096];
char g_temporary_directory[4096];

// Only calls that a handler of signals may make.
void remove_temporary() {
  if (g_temporary_directory[0] == '\0') return;
  ::unlink(g_temporary_file);
  ::rmdir(g_temporary_directory);
}

extern "C" void on_signal(int signal) {
  remove_temporary();
  _exit(128 + signal);
}

Result<std::string> make_temporary() {
  const char* parent = std::getenv("TMPDIR");
  std::string path =
      std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/caisson-demo-XXXXXX";
  if (path.size() + 16 > sizeof g_temporary_file || ::mkdtemp(path.data()) == nullptr) {
    return fail(io::system_error(errno, "make a temporary directory", path)
                    .with_advice("Set TMPDIR, or name a directory with --dir."));
  }
  std::snprintf(g_temporary_file, sizeof g_temporary_file, "%s/%s", path.c_str(),
                pager::kPageFileName);
  std::strcpy(g_temporary_directory, path.c_str());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, on_signal);
  return path;
}

struct RemoveTemporary {
  RemoveTemporary() = default;
  RemoveTemporary(const RemoveTemporary&) = delete;
  RemoveTemporary& operator=(const RemoveTemporary&) = delete;
  ~RemoveTemporary() { remove_temporary(); }
};

// --- The acts, told ------------------------------------------------------------------------------

// "corruption: checksum differs", and where.
std::string told(const Error& error) {
  std::string text = std::string(to_string(error.code())) + ": " + error.message();
  if (error.page()) text += ", page " + grouped(*error.page());
  if (!error.rule().empty()) text += " (rule " + error.rule() + " of spec/pages.md)";
  return text;
}

void put_error(Json& json, const std::string& name, const std::optional<Error>& error) {
  if (!error) return;
  json.open(name);
  json.text("code", to_string(error->code()));
  json.text("message", error->message());
  json.text("rule", error->rule());
  json.close();
}

class Demo {
 public:
  explicit Demo(const Options& options) : options_(options), screen_(options.json) {}

  Result<bool> run() {
    io::Clock& clock = io::posix_vfs().clock();
    const auto start = clock.monotonic();
    std::string path = options_.directory;
    if (path.empty()) {
      CAISSON_ASSIGN_OR_RETURN(path, make_temporary());
    }
    const RemoveTemporary remove;
    CAISSON_ASSIGN_OR_RETURN(Store store, Store::create(path));
    const std::string file = path + "/" + pager::kPageFileName;
    screen_.title("Caisson " + std::string(version()) + ", seed " + std::to_string(options_.seed) +
                  ": pages that can be believed");
    screen_.line("Page file: " + file);
    json_.open();
    json_.text("version", version());
    json_.number("seed", options_.seed);
    json_.text("file", file);
    CAISSON_RETURN_IF_ERROR(show_round_trip(store));
    CAISSON_RETURN_IF_ERROR(show_bit_flip(store));
    CAISSON_RETURN_IF_ERROR(show_lost_meta(store));
    show_power_cuts();
    const double seconds = std::chrono::duration<double>(clock.monotonic() - start).count();
    json_.real("seconds", seconds);
    json_.truth("all_good", all_good_);
    json_.close();
    screen_.line("");
    if (all_good_) {
      screen_.title("All of it is as it should be, in " + fixed(seconds, 1) + " s.");
    } else {
      screen_.title("Something above is BAD: a promise was broken.");
      screen_.line("Please report it with the line above that begins with BAD, and --seed " +
                   std::to_string(options_.seed) + ".");
    }
    if (!options_.directory.empty()) screen_.line("Kept: " + file);
    if (options_.json) std::printf("%s\n", json_.str().c_str());
    return all_good_;
  }

 private:
  void verdict(bool good, const std::string& name, const std::string& value) {
    all_good_ = all_good_ && good;
    screen_.verdict(good, name, value);
  }

  Result<void> show_round_trip(Store& store) {
    screen_.act(1, "Write, close, open, read back");
    CAISSON_ASSIGN_OR_RETURN(const RoundTrip shown, round_trip(store, options_.seed));
    const bool two_syncs = shown.syncs == 2 * shown.checkpoints;
    screen_.row("pages", grouped(shown.leaves) + " of " + grouped(shown.page_size / 1024) +
                             " KiB, filled with noise; the file has " + size_of(shown.file_bytes));
    screen_.row("checkpoints", grouped(shown.checkpoints) + ", one after each transaction, in " +
                                   fixed(shown.write_seconds, 2) + " s");
    verdict(two_syncs, "flushes", grouped(shown.syncs) + ", two for each checkpoint");
    screen_.row("first reads", fixed(shown.verified_bytes_per_second / 1e9, 2) +
                                   " GB/s, every checksum verified, out of the page cache");
    screen_.row("later reads", fixed(shown.hot_read_ns, 1) + " ns a page");
    verdict(shown.right, "contents", "every byte is what was written");
    json_.open("round_trip");
    json_.number("pages", shown.leaves);
    json_.number("page_size", shown.page_size);
    json_.number("file_bytes", shown.file_bytes);
    json_.number("transactions", shown.transactions);
    json_.number("checkpoints", shown.checkpoints);
    json_.number("syncs", shown.syncs);
    json_.real("write_seconds", shown.write_seconds);
    json_.real("first_read_gb_per_second", shown.verified_bytes_per_second / 1e9);
    json_.real("later_read_ns", shown.hot_read_ns);
    json_.truth("good", two_syncs && shown.right);
    json_.close();
    return {};
  }

  Result<void> show_bit_flip(const Store& store) {
    screen_.act(2, "One bit of a page turns over on the disk");
    CAISSON_ASSIGN_OR_RETURN(const BitFlip shown, flip_a_bit(store, options_.seed));
    const bool noticed = shown.error && shown.error->code() == Code::kCorruption &&
                         shown.error->page() == shown.page && !shown.error->rule().empty();
    const bool others = shown.others_right == shown.others_total;
    screen_.row("flipped", "bit " + std::to_string(shown.bit) + " of byte " + grouped(shown.byte) +
                               " of page " + grouped(shown.page));
    verdict(noticed, "reading that page",
            shown.error ? told(*shown.error) : "gave wrong bytes and no error");
    verdict(others, "reading the others",
            grouped(shown.others_right) + " of " + grouped(shown.others_total) + " are right");
    verdict(shown.right_when_mended, "flipped back", "every byte is right again");
    json_.open("bit_flip");
    json_.number("page", shown.page);
    json_.number("byte", shown.byte);
    json_.number("bit", shown.bit);
    put_error(json_, "error", shown.error);
    json_.number("others_right", shown.others_right);
    json_.number("others_total", shown.others_total);
    json_.truth("good", noticed && others && shown.right_when_mended);
    json_.close();
    return {};
  }

  Result<void> show_lost_meta(const Store& store) {
    screen_.act(3, "The block that names the newest checkpoint is damaged");
    CAISSON_ASSIGN_OR_RETURN(const LostMeta shown, lose_the_newest_meta(store, options_.seed));
    const bool refused = shown.reason && shown.reason->code() == Code::kCorruption;
    const bool older = shown.older_right && shown.older_sequence + 1 == shown.sequence;
    verdict(refused, "newest checkpoint",
            "number " + grouped(shown.sequence) + ", in " + std::string(to_string(shown.slot)) +
                (shown.reason ? ", not offered: " + told(*shown.reason) : ", was offered"));
    verdict(older, "the one before",
            "number " + grouped(shown.older_sequence) + ", in " +
                std::string(to_string(other(shown.slot))) +
                ", offered: every byte is as of transaction " + grouped(shown.older_txn));
    verdict(shown.newest_when_mended, "repaired",
            "number " + grouped(shown.sequence) + " is back, every byte right");
    json_.open("lost_meta");
    json_.number("newest", shown.sequence);
    put_error(json_, "reason", shown.reason);
    json_.number("offered", shown.older_sequence);
    json_.truth("good", refused && older && shown.newest_when_mended);
    json_.close();
    return {};
  }

  void show_power_cuts() {
    screen_.act(4, "The power fails at every call to the disk (on a simulated machine)");
    const PowerCuts shown = cut_power_everywhere(
        options_.seed,
        [this](std::uint64_t done, std::uint64_t total) { screen_.progress(done, total); });
    screen_.row("cut at", grouped(shown.calls) + " calls: each one of a small workload");
    screen_.row("disks examined", grouped(shown.states) +
                                      ": of what wasn't flushed, nothing survived, or all, "
                                      "half or most sectors, or torn ones");
    verdict(!shown.violation, "lost or damaged",
            shown.violation ? *shown.violation
                            : "0: each opened at a checkpoint that had been "
                              "acknowledged or was under way, every page right");
    json_.open("power_cuts");
    json_.number("calls", shown.calls);
    json_.number("states", shown.states);
    if (shown.violation) json_.text("violation", *shown.violation);
    json_.truth("good", !shown.violation);
    json_.close();
  }

  const Options options_;
  const Screen screen_;
  Json json_;
  bool all_good_ = true;
};

// --- The command line ----------------------------------------------------------------------------

// CONTRIBUTING.md, "Programs".
int exit_code(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kInvalidArgument:
    case Code::kUnsupported:
      return 2;
    case Code::kBusy:
      return 4;
    case Code::kPermissionDenied:
    case Code::kReadOnly:
    case Code::kOutOfSpace:
    case Code::kIoError:
    case Code::kDurabilityUnknown:
    case Code::kPoisoned:
      return 5;
    case Code::kResourceExhausted:
    case Code::kCorruption:
    case Code::kWrongStore:
    case Code::kUnsupportedVersion:
    case Code::kSnapshotTooOld:
    case Code::kStopped:
      return 1;  // Nothing that the demonstration does may end so.
  }
  return 1;
}

int usage_error(const std::string& problem) {
  std::fprintf(stderr, "caisson-demo: %s\nTry: caisson-demo --help\n", problem.c_str());
  return 2;
}

int main_of(int argc, char** argv) {
  static const option kLong[] = {{"seed", required_argument, nullptr, 's'},
                                 {"dir", required_argument, nullptr, 'd'},
                                 {"json", no_argument, nullptr, 'j'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  int letter = 0;
  opterr = 0;
  while ((letter = getopt_long(argc, argv, ":h", kLong, nullptr)) != -1) {
    const std::string value = optarg != nullptr ? optarg : "";
    switch (letter) {
      case 's': {
        const char* end = value.data() + value.size();
        const auto parsed = std::from_chars(value.data(), end, options.seed);
        if (parsed.ec != std::errc{} || parsed.ptr != end) {
          return usage_error("--seed takes a whole number, not '" + value + "'");
        }
        break;
      }
      case 'd':
        if (value.empty()) return usage_error("--dir takes the name of a directory");
        options.directory = value;
        break;
      case 'j':
        options.json = true;
        break;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      case ':':
        return usage_error(std::string(argv[optind - 1]) + " takes a value");
      default:
        return usage_error("unknown option " + std::string(argv[optind - 1]));
    }
  }
  if (optind < argc) return usage_error("unexpected '" + std::string(argv[optind]) + "'");

  const Result<bool> done = Demo(options).run();
  if (done) return *done ? 0 : 1;
  std::fflush(stdout);
  std::fprintf(stderr, "caisson-demo: %s\n", done.error().to_string().c_str());
  if (done.error().code() == Code::kNotFound) {
    std::fprintf(stderr, "Make the directory first: mkdir %s\n", options.directory.c_str());
  }
  return exit_code(done.error());
}

}  // namespace
}  // namespace caisson::demo

int main(int argc, char** argv) { return caisson::demo::main_of(argc, argv); }
