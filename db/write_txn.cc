#include <caisson/write_txn.h>

#include <utility>

#include "db/txn_body.h"

namespace caisson {

// --- What all share ------------------------------------------------------------------------------

Result<mvcc::WriteTxn*> WriteTxn::Body::open() {
  if (!txn) return fail(Code::kInvalidArgument, "the transaction has ended");
  CAISSON_RETURN_IF_ERROR(store.check_process());
  ++calls;
  return &*txn;
}

Result<mvcc::WriteTxn*> WriteTxn::Body::open(const WriteTree::Handle& tree) {
  if (tree.creation != 0 && created.at(tree.id) != tree.creation) {
    return fail(Code::kNotFound,
                "the tree is gone: it was made behind a savepoint, and that was rolled back");
  }
  return open();
}

Result<Committed> WriteTxn::Body::commit(const CommitOptions& options) {
  CAISSON_RETURN_IF_ERROR(open());
  return store.use([&](mvcc::Engine&) {
    mvcc::WriteTxn ended = *std::move(txn);
    txn.reset();
    return store.commit(std::move(ended), options);
  });
}

// Within a call: whoever closes the store next waits until the engine is done with this. In a child
// process nothing is done.
void WriteTxn::Body::end() {
  if (!txn) return;
  (void)store.use([this](mvcc::Engine&) -> Result<void> {
    txn.reset();
    return {};
  });
}

// --- The transaction -----------------------------------------------------------------------------

WriteTxn::WriteTxn(std::shared_ptr<Body> body) : body_(std::move(body)) {}
WriteTxn::WriteTxn(WriteTxn&& other) noexcept = default;

WriteTxn& WriteTxn::operator=(WriteTxn&& other) noexcept {
  WriteTxn ended(std::move(*this));
  body_ = std::move(other.body_);
  return *this;
}

// Trees and cursors may outlive it, so the body may.
WriteTxn::~WriteTxn() { roll_back(); }

void WriteTxn::roll_back() {
  if (body_) body_->end();
}

Result<Committed> WriteTxn::commit(const CommitOptions& options) { return body_->commit(options); }

TxnId WriteTxn::txn() const { return body_->txn ? body_->txn->txn() : TxnId{}; }

bool WriteTxn::failed() const { return body_->txn && body_->txn->failed(); }

// --- Trees ---------------------------------------------------------------------------------------

Result<WriteTree> WriteTxn::create_tree(ByteView name) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->open());
  ++body_->changes;
  CAISSON_ASSIGN_OR_RETURN(const mvcc::TreeId id, txn->create_tree(name));
  const std::uint64_t creation = ++body_->creations;
  body_->created[id] = creation;
  return WriteTree(body_, WriteTree::Handle{id, creation});
}

Result<WriteTree> WriteTxn::open_tree(ByteView name) {
  CAISSON_ASSIGN_OR_RETURN(const mvcc::WriteTxn* const txn, body_->open());
  CAISSON_ASSIGN_OR_RETURN(const auto entry, txn->find_tree(name));
  if (!entry) {
    return fail(Code::kNotFound,
                "there is no tree of the name \"" + std::string(as_text(name)) + "\"");
  }
  const auto made = body_->created.find(entry->id);
  const std::uint64_t creation = made == body_->created.end() ? 0 : made->second;
  return WriteTree(body_, WriteTree::Handle{entry->id, creation});
}

Result<WriteTree> WriteTxn::open_or_create_tree(ByteView name) {
  auto tree = open_tree(name);
  if (tree || tree.error().code() != Code::kNotFound) return tree;
  return create_tree(name);
}

Result<void> WriteTxn::drop_tree(ByteView name) {
  CAISSON_ASSIGN_OR_RETURN(const WriteTree tree, open_tree(name));
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->open());
  ++body_->changes;
  return txn->drop_tree(tree.handle().id);
}

Result<std::vector<std::string>> WriteTxn::tree_names() const {
  CAISSON_ASSIGN_OR_RETURN(const mvcc::WriteTxn* const txn, body_->open());
  CAISSON_ASSIGN_OR_RETURN(auto trees, txn->trees());
  std::vector<std::string> names;
  names.reserve(trees.size());
  for (mvcc::TreeEntry& tree : trees) names.push_back(std::move(tree.name));
  return names;
}

// --- Savepoints ----------------------------------------------------------------------------------

Result<std::size_t> WriteTxn::savepoint() {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->open());
  return txn->savepoint();
}

Result<void> WriteTxn::roll_back_to(std::size_t savepoint) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->open());
  ++body_->changes;
  return txn->roll_back_to(savepoint);
}

Result<void> WriteTxn::release(std::size_t savepoint) {
  CAISSON_ASSIGN_OR_RETURN(mvcc::WriteTxn* const txn, body_->open());
  return txn->release(savepoint);
}

}  // namespace caisson
