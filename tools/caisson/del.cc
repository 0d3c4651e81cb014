// caisson del: removes keys, or a tree.

#include <caisson/store.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson del notes.caisson users alice bob       two keys
  caisson del notes.caisson users --prefix a      all keys that begin with a
  caisson del notes.caisson users --from a --to c
  caisson del notes.caisson users --all           all keys; the tree stays, empty
  caisson del notes.caisson users --tree          the tree with all it holds

All of it in one transaction.

--json prints {"tree", "deleted", "dropped", "txn"}: how many keys, and whether the tree is gone.

Exits with 1 if nothing of it was there.)";

struct Arguments {
  std::string store;
  std::string tree;
  RangeArguments range;
  bool all = false;
  bool drop = false;
  bool hex = false;
  WriteArguments write;
};

struct Done {
  std::uint64_t deleted = 0;
  std::uint64_t txn = 0;
};

Result<std::uint64_t> change(const Arguments& arguments, const std::vector<std::string>& keys,
                             WriteTxn& txn) {
  auto tree = txn.open_tree(arguments.tree);
  if (!tree) {
    if (tree.error().code() != Code::kNotFound) return fail(tree.error());
    CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, txn.tree_names());
    return fail(no_such_tree(arguments.tree, names));
  }
  if (arguments.drop) {
    CAISSON_ASSIGN_OR_RETURN(const std::uint64_t count, tree->count());
    CAISSON_RETURN_IF_ERROR(txn.drop_tree(arguments.tree));
    return count;
  }
  if (arguments.all) return tree->erase_range({});
  if (arguments.range.given()) {
    CAISSON_ASSIGN_OR_RETURN(const Range range, arguments.range.range(arguments.hex));
    return tree->erase_range(range);
  }
  std::uint64_t deleted = 0;
  for (const std::string& argument : keys) {
    CAISSON_ASSIGN_OR_RETURN(const std::string key, bytes_of_argument(argument, arguments.hex));
    CAISSON_ASSIGN_OR_RETURN(const bool was_there, tree->erase(key));
    if (was_there) ++deleted;
  }
  return deleted;
}

Result<Done> del(const Arguments& arguments, const std::vector<std::string>& keys,
                 Context& context) {
  Done done;
  CAISSON_ASSIGN_OR_RETURN(Store store, open_to_write(context, arguments.store, arguments.write));
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store.begin_write());
  CAISSON_ASSIGN_OR_RETURN(done.deleted, change(arguments, keys, txn));
  CAISSON_ASSIGN_OR_RETURN(const Committed committed, txn.commit());
  done.txn = to_u64(committed.txn);
  CAISSON_RETURN_IF_ERROR(store.close());
  return done;
}

void run_del(const Arguments& arguments, const std::vector<std::string>& keys,
             const CLI::App& command, Context& context) {
  const int ways = static_cast<int>(!keys.empty()) + static_cast<int>(arguments.range.given()) +
                   static_cast<int>(arguments.all) + static_cast<int>(arguments.drop);
  if (ways != 1) {
    return report_usage(context, command,
                        ways == 0 ? "nothing to remove: name keys, or --prefix, --from, --to, "
                                    "--all or --tree"
                                  : "keys, a range, --all and --tree exclude each other");
  }
  const auto done = del(arguments, keys, context);
  if (!done) return report(context, done.error());
  if (done->deleted == 0 && !arguments.drop) context.code = kNegative;
  if (context.json) {
    Json json;
    set_bytes(json, "tree", arguments.tree);
    json["deleted"] = done->deleted;
    json["dropped"] = arguments.drop;
    json["txn"] = done->txn;
    return print(context.out, json);
  }
  if (context.quiet) return;
  context.out << "removed ";
  if (arguments.drop) context.out << "the tree " << quoted(arguments.tree) << " with ";
  context.out << show_count(done->deleted, "key", "keys") << ": txn " << done->txn << "\n";
}

}  // namespace

void add_del(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command.add_option("TREE", arguments->tree, "The tree")->required();
  CLI::Option* keys = add_words(command, "KEY", "The keys to remove");
  arguments->range.add_to(command);
  command.add_flag("--all", arguments->all, "All keys");
  command.add_flag("--tree", arguments->drop, "The tree itself");
  command.add_flag("--hex", arguments->hex, "Keys are hexadecimal");
  arguments->write.add_to(command);
  command.footer(kFooter);
  command.callback([arguments, keys, &command, &context] {
    run_del(*arguments, keys->results(), command, context);
  });
}

}  // namespace caisson::tools
