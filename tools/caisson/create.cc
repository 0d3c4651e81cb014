// caisson create: makes a store.

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
  caisson create notes.caisson                    an empty store
  caisson create notes.caisson shopping ideas     with two trees
  caisson create big.caisson --page-size 65536 --value-size-max 1073741824

What is given here holds for the store's whole life. A page has 4096, 8192, 16384, 32768 or 65536
bytes; a key 1 byte to an eighth of a page (default: a sixteenth, and 1024 at most); a value 1 byte
to 1 TiB (default: 16 MiB). The directory above has to be there.

--json prints {"store", "uuid", "page_size", "trees": [names], "txn"}.

Exits with 1 if the store is there already.)";

struct Arguments {
  std::string store;
  CreateOptions create;
};

Result<void> create(const Arguments& arguments, const std::vector<std::string>& trees,
                    Context& context) {
  for (const std::string& name : trees) CAISSON_RETURN_IF_ERROR(check_tree_name(name));
  CAISSON_ASSIGN_OR_RETURN(Store store, Store::create(arguments.store, arguments.create));
  std::uint64_t txn = 0;
  if (!trees.empty()) {
    CAISSON_ASSIGN_OR_RETURN(WriteTxn write, store.begin_write());
    for (const std::string& name : trees) {
      CAISSON_ASSIGN_OR_RETURN([[maybe_unused]] const WriteTree tree,
                               write.open_or_create_tree(name));
    }
    CAISSON_ASSIGN_OR_RETURN(const Committed committed, write.commit());
    txn = to_u64(committed.txn);
  }
  const std::string uuid = show_uuid(store.uuid());
  CAISSON_RETURN_IF_ERROR(store.close());
  if (context.json) {
    Json json;
    json["store"] = arguments.store;
    json["uuid"] = uuid;
    json["page_size"] = arguments.create.page_size;
    json["trees"] = Json::array();
    for (const std::string& name : trees) json["trees"].push_back(name);
    json["txn"] = txn;
    print(context.out, json);
  } else if (!context.quiet) {
    context.out << "made " << arguments.store << " with "
                << show_count(trees.size(), "tree", "trees") << ", pages of "
                << show_number(arguments.create.page_size) << " bytes\n";
  }
  return {};
}

}  // namespace

void add_create(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& create_options = arguments->create;
  command.add_option("STORE", arguments->store, "The directory to make")->required();
  CLI::Option* trees = add_words(command, "TREE", "Trees to make in it");
  command.add_option("--page-size", create_options.page_size, "Bytes in a page")
      ->option_text("N")
      ->check(CLI::IsMember({4096, 8192, 16384, 32768, 65536}))
      ->capture_default_str();
  command.add_option("--key-size-max", create_options.key_size_max, "The longest key, in bytes")
      ->option_text("N")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--value-size-max", create_options.value_size_max, "The longest value, in bytes")
      ->option_text("N")
      ->check(CLI::PositiveNumber);
  command.footer(kFooter);
  command.callback([arguments, trees, &context] {
    const auto done = create(*arguments, trees->results(), context);
    if (!done) report(context, done.error());
  });
}

}  // namespace caisson::tools
