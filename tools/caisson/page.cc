// caisson page: shows a tree's outline, or one page of it decoded.

#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "btree/layout.h"
#include "btree/tree.h"
#include "io/posix.h"
#include "mvcc/open_files.h"
#include "pager/open.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/lone_reader.h"

namespace caisson::tools {
namespace {

using btree::NodeView;
using pager::PageHeader;
using pager::PageRef;

constexpr const char* kFooter = R"(Examples:
  caisson page notes.caisson              the tree: its nodes, level by level
  caisson page notes.caisson --depth 1    its root and the nodes below
  caisson page notes.caisson 57           page 57, decoded
  caisson page notes.caisson 57 --json    the same for programs

Keys and values are shown as text, with \xHH for bytes that can't be, cut off after
--bytes of them. Changes nothing, and keeps nobody from writing: a page that is used again
meanwhile looks damaged. One that is damaged is shown as far as it can be believed: its header,
and what is wrong with it.

Without PAGE, --json prints {"root", "nodes": [{"page", "type", "depth", "level", "entries",
"used_percent", "from"}]}, and {"depth", "damage"} for a node that can't be read. With PAGE,
--json prints {"page", "type", "level", "txn", "checksum"}; "damage"; of a branch or leaf,
"prefix", "used", "room", "weight" and "entries": [{"key", "child", "size", "value", "page",
"tree", "more"}]; of an index "children", of a value "value"; as far as each has them.

Exits with 0, with 1 if there is no such page, and with 3 if what was asked for is damaged.)";

struct Options {
  std::string store;
  std::optional<std::uint64_t> page;
  unsigned depth = 64;
  std::size_t bytes = 48;
};

const char* type_name(pager::PageType type) {
  if (type == pager::PageType::kAllocation) return "allocation blob";
  if (type == btree::kLeaf) return "leaf";
  if (type == btree::kBranch) return "branch";
  if (type == btree::kValuePage) return "value";
  if (type == btree::kValueIndex) return "value index";
  return "unknown";
}

std::size_t bytes_used(const NodeView& node) {
  return btree::node_room(node.page_size()) - node.free_bytes();
}

// --- One page ------------------------------------------------------------------------------------

Json node_json(const NodeView& node, std::size_t bytes_max) {
  Json json;
  json["prefix"] = show_bytes(node.prefix(), bytes_max);
  json["used"] = bytes_used(node);
  json["room"] = btree::node_room(node.page_size());
  json["weight"] = node.fill();  // Of the entries, as the rules of balance count it.
  json["entries"] = Json::array();
  std::vector<std::byte> key(btree::key_buffer_size(node.page_size()));
  for (unsigned i = 0; i < node.count(); ++i) {
    Json entry;
    const std::size_t size = node.copy_key(i, key.data());
    if (!node.is_branch() || i > 0) entry["key"] = show_bytes({key.data(), size}, bytes_max);
    if (node.is_branch()) {
      entry["child"] = to_u64(node.child(i).id);
    } else if (node.names_trees()) {
      const btree::TreeRoot tree = node.tree_root(i);
      entry["tree"]["page"] = to_u64(tree.page.id);
      entry["tree"]["entries"] = tree.count;
      entry["more"] = show_bytes(node.value(i).subspan(btree::kTreeRootSize), bytes_max);
    } else if (node.value_is_long(i)) {
      const btree::LongValueRef value = node.long_value(i);
      entry["size"] = value.size;
      entry["page"] = to_u64(value.root.id);
    } else {
      entry["size"] = node.value(i).size();
      entry["value"] = show_bytes(node.value(i), bytes_max);
    }
    json["entries"].push_back(entry);
  }
  return json;
}

// What a page's bytes say, and what is wrong with them.
Json page_json(const Bytes page, const Error* damage, std::size_t bytes_max) {
  const PageHeader header = pager::read_header(page.data());
  Json json;
  json["page"] = to_u64(header.id);
  json["type"] = type_name(header.type);
  json["level"] = header.level;
  json["txn"] = to_u64(header.txn);
  json["checksum"] = pager::stored_checksum(page.data());
  if (damage != nullptr) {
    json["damage"] = to_json(*damage);
    return json;
  }
  if (header.type == btree::kLeaf || header.type == btree::kBranch) {
    json.update(node_json(NodeView(page.data(), page.size()), bytes_max));
  } else if (header.type == btree::kValueIndex) {
    std::vector<pager::ChildSlot> slots;
    btree::tree_layout().child_slots(page, slots);
    json["children"] = Json::array();
    for (const pager::ChildSlot& slot : slots) json["children"].push_back(to_u64(slot.id));
  } else if (header.type == btree::kValuePage) {
    json["value"] = show_bytes(page.subspan(pager::kPageHeaderSize), bytes_max);
  }
  return json;
}

void print_tree_root(std::ostream& out, const Json& entry) {
  const Json& tree = entry["tree"];
  if (tree["page"] == 0) {
    out << "  = the empty tree";
  } else {
    out << "  = a tree of " << tree["entries"].dump() << " entries, in page "
        << tree["page"].dump();
  }
  const auto more = entry["more"].get<std::string>();
  if (!more.empty()) out << ", \"" << more << "\"";
}

void print_page(std::ostream& out, const Json& json) {
  const auto text = [&json](const char* name) { return json[name].dump(); };
  const auto plain = [&json](const char* name) { return json[name].get<std::string>(); };
  out << "page " << text("page") << ": " << plain("type") << ", level " << text("level")
      << ", made by transaction " << text("txn") << "\n";
  if (json.contains("damage")) {
    out << "damage: " << json["damage"]["message"].get<std::string>();
    if (json["damage"].contains("rule")) {
      out << " (rule " << json["damage"]["rule"].get<std::string>() << ")";
    }
    out << "\n";
    return;
  }
  if (json.contains("entries")) {
    out << "uses " << text("used") << " of " << text("room") << " bytes, entries weigh "
        << text("weight") << ", prefix \"" << plain("prefix") << "\"\n";
    std::size_t index = 0;
    for (const Json& entry : json["entries"]) {
      out << "  " << index++ << "  ";
      out << (entry.contains("key") ? "\"" + entry["key"].get<std::string>() + "\"" : "(before)");
      if (entry.contains("child")) out << "  -> page " << entry["child"].dump();
      if (entry.contains("page")) {
        out << "  = " << entry["size"].dump() << " bytes, in page " << entry["page"].dump();
      }
      if (entry.contains("tree")) print_tree_root(out, entry);
      if (entry.contains("value")) out << "  = \"" << entry["value"].get<std::string>() << "\"";
      out << "\n";
    }
  }
  if (json.contains("children")) {
    for (const Json& child : json["children"]) out << "  -> page " << child.dump() << "\n";
  }
  if (json.contains("value")) out << "  \"" << plain("value") << "\"\n";
}

// Reads the page as it lies in the file, by what any meta says of the file: not even the root has
// to be whole for that.
Result<void> show_page(io::Directory& directory, const Options& options, Context& context) {
  std::optional<pager::Meta> meta;
  {
    LoneReader reader;
    CAISSON_ASSIGN_OR_RETURN(const auto attempt,
                             pager::OpenAttempt::begin(directory, reader.options()));
    for (const pager::MetaSlot slot : {pager::MetaSlot::kA, pager::MetaSlot::kB}) {
      const auto& found = attempt.candidate(slot).meta;
      if (found && (!meta || found->sequence > meta->sequence)) meta = found;
    }
    if (!meta) return fail(attempt.newest().error());
  }
  const std::uint64_t first = to_u64(pager::first_page(meta->page_size));
  if (*options.page < first || *options.page >= meta->page_count) {
    std::string what = "there is no page " + std::to_string(*options.page);
    what += meta->page_count == first ? "; the store is empty"
                                      : "; pages go from " + std::to_string(first) + " to " +
                                            std::to_string(meta->page_count - 1);
    return fail(Error(Code::kNotFound, std::move(what)));
  }
  CAISSON_ASSIGN_OR_RETURN(const auto file,
                           directory.open_file(pager::kPageFileName, {io::OpenMode::kRead, false}));
  std::vector<std::byte> page(meta->page_size);
  CAISSON_RETURN_IF_ERROR(file->read_exactly(*options.page * meta->page_size, page));
  // Nobody knows here which transaction may have made it.
  Result<void> checked = pager::check_page(
      pager::page_checksum_seed(meta->uuid), page,
      {.id = PageId{*options.page}, .checksum = 0, .txn_max = TxnId{~std::uint64_t{0}}});
  if (checked) checked = btree::tree_layout().check(page);
  const Json json = page_json(page, checked ? nullptr : &checked.error(), options.bytes);
  if (!checked) context.code = kDamaged;
  if (context.json) {
    print(context.out, json);
  } else {
    print_page(context.out, json);
  }
  return {};
}

// --- The tree ------------------------------------------------------------------------------------

class Outline {
 public:
  Outline(const btree::Tree& tree, LoneReader& reader, const Options& options, Context& context)
      : tree_(tree), reader_(reader), options_(options), context_(context) {}

  Result<void> show() {
    Json json;
    json["root"] = to_u64(tree_.root().page.id);
    json["nodes"] = Json::array();
    nodes_ = &json["nodes"];
    if (tree_.empty()) {
      if (!context_.json) context_.out << "the tree is empty\n";
    } else {
      CAISSON_ASSIGN_OR_RETURN(const NodeView root, tree_.read_root());
      seen_.insert(tree_.root().page.id);
      visit(root, 0, "");
    }
    if (context_.json) print(context_.out, json);
    return {};
  }

 private:
  void visit(const NodeView& read, unsigned depth, const std::string& from) {
    const std::vector<std::byte> copy(read.page(), read.page() + read.page_size());
    const NodeView node(copy.data(), copy.size());
    const std::uint64_t id = to_u64(pager::read_header(node.page()).id);
    const std::size_t percent = 100 * bytes_used(node) / btree::node_room(node.page_size());
    const char* type = node.is_branch() ? "branch" : "leaf";
    if (context_.json) {
      Json entry;
      entry["page"] = id;
      entry["type"] = type;
      entry["depth"] = depth;
      entry["level"] = node.level();
      entry["entries"] = node.count();
      entry["used_percent"] = percent;
      entry["from"] = from;
      nodes_->push_back(entry);
    } else {
      context_.out << std::string(2 * std::size_t{depth}, ' ') << type << " " << id << "  "
                   << node.count() << " entries, " << percent << " %  from \"" << from << "\"\n";
    }
    if (!node.is_branch() || depth == options_.depth) return;
    std::vector<std::byte> key(btree::key_buffer_size(node.page_size()));
    for (unsigned i = 0; i < node.count(); ++i) {
      const std::size_t size = i == 0 ? 0 : node.copy_key(i, key.data());
      const std::string child_from = i == 0 ? from : show_bytes({key.data(), size}, options_.bytes);
      reader_.renew(tree_.pager());
      const PageId id_of_child = node.child(i).id;
      const auto child = tree_.read_child(node, i);
      if (!child) {
        damaged(child.error(), depth + 1);
      } else if (seen_.contains(id_of_child)) {
        damaged(Error(Code::kCorruption, "a page that is in two places")
                    .at_page(to_u64(id_of_child))
                    .with_rule("TREE-4"),
                depth + 1);
      } else {
        seen_.insert(id_of_child);
        visit(*child, depth + 1, child_from);
      }
    }
  }

  void damaged(const Error& error, unsigned depth) {
    context_.code = kDamaged;
    if (context_.json) {
      Json entry;
      entry["depth"] = depth;
      entry["damage"] = to_json(error);
      nodes_->push_back(entry);
    } else {
      context_.out << std::string(2 * std::size_t{depth}, ' ') << "damage: " << error.to_string()
                   << "\n";
    }
  }

  const btree::Tree tree_;
  LoneReader& reader_;
  pager::PageSet seen_;
  const Options& options_;
  Context& context_;
  Json* nodes_ = nullptr;
};

Result<void> show(const Options& options, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const auto directory,
                           mvcc::open_store_directory(io::posix_vfs(), options.store));
  CAISSON_RETURN_IF_ERROR(mvcc::check_has_store(*directory));
  if (options.page) return show_page(*directory, options, context);
  LoneReader reader;
  CAISSON_ASSIGN_OR_RETURN(const auto pager, pager::open_pager(*directory, reader.options()));
  const PageRef root = pager->checkpointed().root;
  const btree::Tree tree(*pager, {root, 0}, kind_of_tree(*pager, root));
  return Outline(tree, reader, options, context).show();
}

}  // namespace

void add_page(CLI::App& command, Context& context) {
  auto options = std::make_shared<Options>();
  command.add_option("STORE", options->store, "The store's directory")->required();
  command.add_option("PAGE", options->page, "A page's number; without it, the tree")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--depth", options->depth, "Levels below the root to show")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--bytes", options->bytes, "Show at most this much of a key or value")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.footer(kFooter);
  command.callback([options, &context] {
    if (auto shown = show(*options, context); !shown) report(context, shown.error());
  });
}

}  // namespace caisson::tools
