#include "mvcc/testing/harness.h"

#include <algorithm>
#include <utility>

namespace caisson::mvcc::testing {

EngineStore::EngineStore(const StoreOptions& options, std::uint64_t seed)
    : EngineStore(std::make_unique<io::sim::Machine>(seed), options) {
  value_of(create());
  value_of(open());
}

EngineOptions StoreOptions::engine_options() const {
  return {.access = access,
          .memory_budget_bytes = frames * page_size,
          .address_space_bytes = std::uint64_t{1} << 28U,
          .log = log,
          .retention = retention};
}

EngineOptions StoreOptions::reader_options() const {
  EngineOptions options = engine_options();
  options.memory_budget_bytes *= 16;
  return options;
}

Result<std::unique_ptr<Follower>> follow(EngineStore& store) {
  return Follower::open(store.machine().vfs(), kStorePath, store.options().reader_options());
}

EngineStore::EngineStore(std::unique_ptr<io::sim::Machine> machine, const StoreOptions& options)
    : options_(options), machine_(std::move(machine)) {}

Result<void> EngineStore::create() {
  return Engine::create(machine_->vfs(), kStorePath, {.page_size = options_.page_size},
                        options_.log);
}

Result<void> EngineStore::open() {
  engine_.reset();
  CAISSON_ASSIGN_OR_RETURN(engine_,
                           Engine::open(machine_->vfs(), kStorePath, options_.engine_options()));
  return {};
}

Result<void> EngineStore::close() {
  CAISSON_RETURN_IF_ERROR(engine_->close());
  engine_.reset();
  return {};
}

void EngineStore::kill() {
  engine_.reset();
  machine_->kill();
}

std::string read_value(Value value) {
  std::string text(value.size(), '\0');
  value_of(value.read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

namespace {

template <typename Cursor>
Result<TreeModel> read_tree(Cursor cursor) {
  TreeModel model;
  auto more = cursor.first();
  for (; more && *more; more = cursor.next()) {
    CAISSON_ASSIGN_OR_RETURN(Value value, Result<Value>(cursor.value()));
    std::string text(value.size(), '\0');
    CAISSON_RETURN_IF_ERROR(value.read(0, std::as_writable_bytes(std::span(text))));
    model.emplace_hint(model.end(), text_of(cursor.key()), std::move(text));
  }
  if (!more) return fail(std::move(more).error());
  return model;
}

}  // namespace

Result<Model> read_all(const Snapshot& snapshot) {
  Model model;
  CAISSON_ASSIGN_OR_RETURN(const auto trees, snapshot.trees());
  for (const TreeEntry& entry : trees) {
    CAISSON_ASSIGN_OR_RETURN(const TreeReader tree, snapshot.tree(entry.id));
    CAISSON_ASSIGN_OR_RETURN(Cursor cursor, tree.cursor());
    CAISSON_ASSIGN_OR_RETURN(model[entry.name], read_tree(std::move(cursor)));
    if (model[entry.name].size() != tree.count()) {
      return fail(Code::kCorruption, "the count of " + entry.name + " is wrong");
    }
  }
  return model;
}

Result<Model> read_all(WriteTxn& txn) {
  Model model;
  CAISSON_ASSIGN_OR_RETURN(const auto trees, txn.trees());
  for (const TreeEntry& entry : trees) {
    CAISSON_ASSIGN_OR_RETURN(TxnCursor cursor, txn.cursor(entry.id));
    CAISSON_ASSIGN_OR_RETURN(model[entry.name], read_tree(std::move(cursor)));
    CAISSON_ASSIGN_OR_RETURN(const std::uint64_t count, txn.count(entry.id));
    if (model[entry.name].size() != count) {
      return fail(Code::kCorruption, "the count of " + entry.name + " is wrong");
    }
  }
  return model;
}

TreeId tree_in(WriteTxn& txn, std::string_view name) {
  const auto entry = value_of(txn.find_tree(bytes_of(name)));
  return entry ? entry->id : value_of(txn.create_tree(bytes_of(name)));
}

Result<Committed> put(Engine& engine, std::string_view tree, std::string_view key,
                      std::string_view value, Durability durability) {
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, engine.begin_write());
  CAISSON_ASSIGN_OR_RETURN(const auto entry, txn.find_tree(bytes_of(tree)));
  TreeId id{};
  if (entry) {
    id = entry->id;
  } else {
    CAISSON_ASSIGN_OR_RETURN(id, txn.create_tree(bytes_of(tree)));
  }
  CAISSON_RETURN_IF_ERROR(txn.put(id, bytes_of(key), bytes_of(value)));
  return txn.commit(durability);
}

bool is_there(io::sim::Machine& machine, const std::string& name) {
  const auto root = value_of(machine.vfs().open_directory("/"));
  return std::ranges::count(value_of(root->list()), name) > 0;
}

}  // namespace caisson::mvcc::testing
