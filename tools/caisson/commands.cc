#include "tools/caisson/commands.h"

namespace caisson::tools {

void add_backup(CLI::App& command, Context& context);
void add_compact(CLI::App& command, Context& context);
void add_create(CLI::App& command, Context& context);
void add_del(CLI::App& command, Context& context);
void add_dump(CLI::App& command, Context& context);
void add_follow(CLI::App& command, Context& context);
void add_generate(CLI::App& command, Context& context);
void add_get(CLI::App& command, Context& context);
void add_load(CLI::App& command, Context& context);
void add_logdump(CLI::App& command, Context& context);
void add_page(CLI::App& command, Context& context);
void add_put(CLI::App& command, Context& context);
void add_restore(CLI::App& command, Context& context);
void add_scan(CLI::App& command, Context& context);
void add_snapshots(CLI::App& command, Context& context);
void add_stat(CLI::App& command, Context& context);
void add_verify(CLI::App& command, Context& context);

std::span<const Command> commands() {
  constexpr const char* kData = "Keys and values";
  constexpr const char* kCopies = "Following and copying";
  constexpr const char* kInside = "Looking inside";
  constexpr const char* kHidden = "";
  static constexpr Command kCommands[] = {
      {"create", kData, "Makes a store, and trees in it", add_create},
      {"put", kData, "Sets a key's value", add_put},
      {"get", kData, "Prints a key's value", add_get},
      {"del", kData, "Removes keys, or a tree", add_del},
      {"scan", kData, "Lists a tree's keys and values, or the trees", add_scan},
      {"load", kData, "Reads rows from a file into a store", add_load},
      {"dump", kData, "Writes a tree, or all of a store, to a file", add_dump},
      {"follow", kCopies, "Prints changes as they are committed", add_follow},
      {"backup", kCopies, "Copies a store, or what has come since the last time", add_backup},
      {"restore", kCopies, "Makes a store of a backup", add_restore},
      {"compact", kCopies, "Gets rid of unused space", add_compact},
      {"stat", kInside, "Shows what a store consists of, and what keeps space in it", add_stat},
      {"snapshots", kInside, "Lists the states that are kept, and names them", add_snapshots},
      {"verify", kInside, "Reads a whole store and says what is wrong with it", add_verify},
      {"logdump", kInside, "Shows the commit log, or checks it", add_logdump},
      {"page", kInside, "Shows a store's tree, or one page of it decoded", add_page},
      {"generate", kHidden, "Writes the man pages and the completions of shells", add_generate},
  };
  return kCommands;
}

}  // namespace caisson::tools
