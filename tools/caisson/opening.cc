#include "tools/caisson/opening.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "io/posix.h"
#include "mvcc/lock_file.h"
#include "mvcc/open_files.h"
#include "mvcc/view.h"
#include "tools/caisson/lock_holders.h"
#include "tools/cli/suggest.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

namespace fs = std::filesystem;

Error busy(const Error& error, const std::string& path) {
  const std::string writer = holder_of(lock_holders(path), mvcc::kWriterByte);
  if (writer.empty()) return error;
  return Error(Code::kBusy, "the store is open for writing in " + writer)
      .in_file(error.file())
      .with_advice("Wait for it with --wait SECONDS, or end it.");
}

}  // namespace

// --- Reading -------------------------------------------------------------------------------------

Result<Store> open_to_read(const std::string& path) {
  // What has changed behind the last checkpoint takes memory, in a store that was not closed, or
  // whose past is looked at; and no more is taken.
  constexpr std::uint64_t kMemoryMax = std::uint64_t{1} << 30U;
  return Store::open(path, {.read_only = true, .memory_budget_bytes = kMemoryMax});
}

Result<void> check_outside(const std::string& store, const std::string& destination) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(destination, error);
  const fs::path outer = fs::weakly_canonical(store, error);
  const bool within = std::ranges::mismatch(outer, inner).in1 == outer.end();
  if (error || !within || inner == outer) return {};
  return fail(Error(Code::kInvalidArgument, "a store can't be made inside of the one it is made of")
                  .in_file(destination)
                  .with_advice("Choose another path."));
}

void StateArguments::add_to(CLI::App& command) {
  CLI::Option* number = command.add_option("--as-of", as_of, "Read the state behind this commit")
                            ->option_text("TXN")
                            ->check(CLI::NonNegativeNumber);
  command.add_option("--snapshot", snapshot, "Read the state that has this name")
      ->option_text("NAME")
      ->excludes(number);
}

Result<Snapshot> snapshot_of(const Store& store, const StateArguments& state) {
  CAISSON_ASSIGN_OR_RETURN(Snapshot newest, store.snapshot());
  if (state.as_of) {
    if (to_u64(newest.txn()) == *state.as_of) return newest;
    return store.snapshot_as_of(TxnId{*state.as_of});
  }
  if (!state.snapshot.empty()) return store.snapshot_named(state.snapshot);
  return newest;
}

Error no_such_tree(const std::string& name, const std::vector<std::string>& names) {
  const std::string near = nearest(name, names);
  return Error(Code::kNotFound, "there is no tree " + quoted(name))
      .with_advice(near.empty() ? "`caisson scan STORE` lists them."
                                : "Did you mean " + quoted(near) + "?");
}

Result<Tree> tree_of(const Snapshot& snapshot, const std::string& name) {
  auto tree = snapshot.tree(name);
  if (tree || tree.error().code() != Code::kNotFound) return tree;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, snapshot.tree_names());
  return fail(no_such_tree(name, names));
}

void RangeArguments::add_to(CLI::App& command) {
  prefix_option =
      command.add_option("--prefix", prefix, "Keys that begin with this")->option_text("KEY");
  from_option = command.add_option("--from", from, "Keys from this one on")->option_text("KEY");
  to_option = command.add_option("--to", to, "Keys before this one")->option_text("KEY");
  prefix_option->excludes(from_option)->excludes(to_option);
}

bool RangeArguments::given() const {
  return prefix_option->count() + from_option->count() + to_option->count() > 0;
}

Result<Range> RangeArguments::range(bool hex) const {
  CAISSON_ASSIGN_OR_RETURN(const std::string prefix_bytes, bytes_of_argument(prefix, hex));
  CAISSON_ASSIGN_OR_RETURN(const std::string begin, bytes_of_argument(from, hex));
  CAISSON_ASSIGN_OR_RETURN(const std::string end, bytes_of_argument(to, hex));
  if (prefix_option->count() > 0) return Range::with_prefix(prefix_bytes);
  if (to_option->count() > 0) return Range::between(begin, end);
  return Range::from(begin);
}

// --- Writing -------------------------------------------------------------------------------------

void WriteArguments::add_wait_to(CLI::App& command) {
  command
      .add_option("--wait", wait_seconds, "Wait so long for whoever has the store open to write")
      ->option_text("SECONDS")
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--history", history,
                  "Keep the states behind so many earlier changes, for --as-of")
      ->option_text("N")
      ->capture_default_str();
}

void WriteArguments::add_to(CLI::App& command) {
  add_wait_to(command);
  command
      .add_option_function<std::string>(
          "--durability",
          [this](const std::string& name) {
            durability = name == "group"   ? Durability::kGroup
                         : name == "async" ? Durability::kAsync
                                           : Durability::kSync;
          },
          "When a commit is acknowledged: sync, group or async")
      ->option_text("KIND")
      ->check(CLI::IsMember({"sync", "group", "async"}))
      ->default_str("sync");
}

namespace {

constexpr std::uint64_t kAllHistory = std::uint64_t{1} << 32U;

// How many states of the past a store keeps now, as its checkpoints say; all, where that can't be
// told.
std::uint64_t history_of(const std::string& path) {
  const auto directory = io::posix_vfs().open_directory(path);
  if (!directory) return 0;
  pager::PagerOptions options = mvcc::pager_options({});
  options.read_only = true;
  const auto found = mvcc::read_checkpoints(**directory, options);
  if (!found) return found.error().code() == Code::kNotFound ? 0 : kAllHistory;
  const auto count = std::ranges::count_if(found->retained, &mvcc::RetainedCheckpoint::history);
  return static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(count - 1, 0));  // The newest is one.
}

}  // namespace

Result<Store> open_to_write(Context& context, const std::string& path,
                            const WriteArguments& arguments, Options options) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(arguments.wait_seconds));
  auto pause = std::chrono::milliseconds(5);
  options.durability = arguments.durability;
  while (true) {
    // Whoever owns the store says how much of its past it keeps whenever it opens it: what is there
    // stays, or the first checkpoint would end it.
    options.retention.checkpoints =
        arguments.drops_history ? arguments.history : std::max(arguments.history, history_of(path));
    auto store = Store::open(path, options);
    if (store || store.error().code() != Code::kBusy) return store;
    if (Clock::now() >= until || context.stopping()) return fail(busy(store.error(), path));
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(100));
  }
}

// --- Keys, values, names -------------------------------------------------------------------------

CLI::Option* add_words(CLI::App& command, const std::string& name, const std::string& description) {
  // "As many as that", which the policy doesn't insist on: the usual way to say "any number" makes
  // CLI11 take words in brackets apart.
  constexpr int kMany = 1 << 24;
  return command
      .add_option_function<std::vector<std::string>>(
          name, [](const std::vector<std::string>&) {}, description)
      ->expected(kMany, kMany)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->allow_extra_args(false);
}

Result<std::string> bytes_of_argument(const std::string& argument, bool hex) {
  if (hex) return from_hex(argument);
  return argument;
}

Result<void> check_tree_name(const std::string& name) {
  if (name.empty() || name.size() > 255) {
    return fail(Code::kInvalidArgument,
                "the name of a tree has 1 to 255 bytes, not " + std::to_string(name.size()));
  }
  if (name == kOwnTree) {
    return fail(
        Error(Code::kInvalidArgument, "the tree " + quoted(name) + " is `caisson load`'s own")
            .with_advice("Choose another name."));
  }
  return {};
}

std::string quoted(const std::string& bytes) { return '"' + escaped(bytes) + '"'; }

void set_bytes(Json& json, const std::string& name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    json[name] = bytes;
  } else {
    json[name + "_base64"] = to_base64(bytes);
  }
}

}  // namespace caisson::tools
