// How commands open a store, and the arguments that several of them take.

#ifndef CAISSON_TOOLS_CAISSON_OPENING_H_
#define CAISSON_TOOLS_CAISSON_OPENING_H_

#include <caisson/store.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/caisson/command.h"

namespace caisson::tools {

// A tree of this name is the program's own: where `load` notes how far it is.
inline constexpr const char* kOwnTree = ".caisson-load";

// --- Reading -------------------------------------------------------------------------------------

// Opens a store to look at it, beside whoever writes it.
Result<Store> open_to_read(const std::string& path);

// kInvalidArgument for a path inside of a store, where a copy of it can't be.
Result<void> check_outside(const std::string& store, const std::string& destination);

// kNotFound, naming the tree that may be meant instead.
Error no_such_tree(const std::string& name, const std::vector<std::string>& names);

// Which state to read: the newest one, or one of the past.
struct StateArguments {
  std::optional<std::uint64_t> as_of = {};
  std::string snapshot = {};  // Its name; "": none.

  // Adds --as-of and --snapshot.
  void add_to(CLI::App& command);
};

// kNotFound where it isn't retained, with advice.
Result<Snapshot> snapshot_of(const Store& store, const StateArguments& state);

// A tree of a snapshot; where there is none, the error names the one that may be meant.
Result<Tree> tree_of(const Snapshot& snapshot, const std::string& name);

// Which keys of a tree: all of them, unless one of these is given.
struct RangeArguments {
  std::string prefix = {};
  std::string from = {};
  std::string to = {};
  CLI::Option* prefix_option = nullptr;
  CLI::Option* from_option = nullptr;
  CLI::Option* to_option = nullptr;

  // Adds --prefix, --from and --to.
  void add_to(CLI::App& command);

  bool given() const;

  // kInvalidArgument for what is not hexadecimal, where it should be.
  Result<Range> range(bool hex) const;
};

// --- Writing -------------------------------------------------------------------------------------

// How a command writes.
struct WriteArguments {
  Durability durability = Durability::kSync;
  double wait_seconds = 0;

  // How many states of the past the store keeps: the checkpoints before the newest, with the log
  // between them. No fewer than it has already, which whoever uses it has asked for; but for a
  // command that gets rid of them.
  std::uint64_t history = 16;
  bool drops_history = false;

  // Adds --wait and --history; and --durability.
  void add_wait_to(CLI::App& command);
  void add_to(CLI::App& command);
};

// Opens a store to write. Where somebody else has it open, tries again for --wait; the error names
// the process in the end.
Result<Store> open_to_write(Context& context, const std::string& path,
                            const WriteArguments& arguments, Options options = {});

// --- Keys, values, names -------------------------------------------------------------------------

// Adds an argument that may be given any number of times, or never. Its words are its results(), as
// they were written: what CLI11 makes of them otherwise isn't the same for "{}" and "[a]".
CLI::Option* add_words(CLI::App& command, const std::string& name, const std::string& description);

// A key or a value from the command line: text, or hexadecimal.
Result<std::string> bytes_of_argument(const std::string& argument, bool hex);

// kInvalidArgument for what is no name of a tree that a command may make or change.
Result<void> check_tree_name(const std::string& name);

// For messages: "name", escaped.
std::string quoted(const std::string& bytes);

// Sets json[name], or json[name_base64] where the bytes are no valid UTF-8.
void set_bytes(Json& json, const std::string& name, std::string_view bytes);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_OPENING_H_
