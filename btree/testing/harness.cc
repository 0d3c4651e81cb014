#include "btree/testing/harness.h"

#include <algorithm>
#include <utility>

#include "btree/layout.h"
#include "pager/accounts.h"

namespace caisson::btree::testing {

using pager::testing::kNoReader;
using pager::testing::kStorePath;

TreeStore::TreeStore(const StoreOptions& options)
    : options_(options), machine_(std::make_unique<io::sim::Machine>(1)) {
  value_of(machine_->vfs().create_directory(kStorePath));
  directory_ = value_of(machine_->vfs().open_directory(kStorePath));
  pager::CreateOptions create;
  create.page_size = options.page_size;
  create.limits = options.limits;
  create.uuid = Uuid{};
  value_of(pager::create_page_file(machine_->vfs(), *directory_, create));
  open();
}

TreeStore::TreeStore(const StoreOptions& options, std::unique_ptr<io::sim::Machine> machine,
                     const TreeRoot& checkpointed)
    : options_(options), machine_(std::move(machine)), checkpointed_(checkpointed) {
  open();
}

std::unique_ptr<TreeStore> TreeStore::copy() const {
  return std::unique_ptr<TreeStore>(new TreeStore(options_, machine_->clone(1), checkpointed_));
}

void TreeStore::open() {
  directory_ = value_of(machine_->vfs().open_directory(kStorePath));
  pager::PagerOptions options =
      pager::testing::small_options(options_.access, options_.memory_budget_bytes);
  options.layout = &tree_layout();
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    if (options_.readers != nullptr) options_.readers->append_to(readers);
    const std::uint64_t epoch = reader_epoch_;
    if (epoch != kNoReader) readers.push_back({.epoch = epoch, .txn = pager::kSeesEverything});
  };
  pager_ = value_of(pager::open_pager(*directory_, options));
  const pager::Meta meta = pager_->checkpointed();
  txn_ = meta.txn;
  root_ = {meta.root, checkpointed_.count};
}

TreeWriter& TreeStore::writer() {
  if (!writer_) {
    reader_epoch_ = kNoReader;
    page_txn_.emplace(value_of(pager::PageTxn::begin(*pager_, TxnId{to_u64(txn_) + 1})));
    writer_ = std::make_unique<TreeWriter>(*pager_, *page_txn_, root_, options_.kind);
  }
  return *writer_;
}

void TreeStore::commit() {
  if (!writer_) return;
  root_ = writer_->root();
  writer_.reset();
  page_txn_->seal();
  page_txn_.reset();
  txn_ = TxnId{to_u64(txn_) + 1};
  renew();
}

void TreeStore::go_back_to(const TreeRoot& root) {
  writer_ = std::make_unique<TreeWriter>(*pager_, *page_txn_, root);
}

void TreeStore::roll_back() {
  writer_.reset();
  page_txn_.reset();
  renew();
}

void TreeStore::renew() {
  if (page_txn_) {
    page_txn_->renew();
  } else {
    do {
      reader_epoch_ = pager_->epoch();
    } while (reader_epoch_ != pager_->epoch());
  }
}

void TreeStore::checkpoint() {
  checkpoint_only();
  reclaim();
}

void TreeStore::checkpoint_only() {
  commit();
  pager::CheckpointRequest request;
  request.txn = txn_;
  request.root = root_.page.id;
  const auto result = value_of(pager_->checkpoint(request));
  root_.page = result.meta.root;
  checkpointed_ = root_;
}

void TreeStore::reclaim(std::vector<TxnId> pins) {
  renew();
  pins.push_back(txn_);
  std::ranges::sort(pins);
  pager_->reclaim(pins);
}

std::string TreeStore::audit() {
  pager::PagerOptions options = pager::testing::small_options();
  options.layout = &tree_layout();
  options.read_only = true;
  auto attempt = value_of(pager::OpenAttempt::begin(*directory_, options));
  const pager::MetaSlot slot = value_of(attempt.newest());
  const pager::Candidate candidate = attempt.candidate(slot);
  const auto pager = value_of(pager::open_pager(std::move(attempt), slot));
  pager::PageSet pages;
  const Tree tree(*pager, {candidate.meta->root, checkpointed_.count}, options_.kind);
  const TreeReport report = validate_tree(tree, {}, pages);
  std::string text;
  for (const Error& finding : report.findings) text += finding.to_string() + "\n";
  for (const Error& finding : pager::check_accounts(candidate, pages, 10)) {
    text += finding.to_string() + "\n";
  }
  return text;
}

void TreeStore::kill_and_reopen() {
  writer_.reset();
  page_txn_.reset();
  pager_.reset();
  machine_->kill();
  open();
}

std::string read_value(const Value& value) {
  std::string text(value.size(), '\0');
  value_of(value.read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()}));
  return text;
}

TreeModel read_all(const Tree& tree) {
  TreeModel model;
  Cursor cursor(tree);
  while (value_of(cursor.next())) {
    model.emplace_hint(model.end(), text_of(cursor.key()), read_value(cursor.value()));
  }
  return model;
}

TreeModel read_in_steps(TreeStore& store, const TreeWriter* writer) {
  TreeModel model;
  std::string from;
  for (bool more = true; more;) {
    store.renew();
    Cursor cursor(writer == nullptr ? store.tree() : writer->tree());
    more = value_of(cursor.seek(bytes_of(from)));
    for (int i = 0; more && i < 20; ++i) {
      const std::string key = text_of(cursor.key());
      model.emplace_hint(model.end(), key, read_value(cursor.value()));
      from = key + '\0';
      more = value_of(cursor.next());
    }
  }
  return model;
}

std::string problems_of(const Tree& tree) {
  pager::PageSet pages;
  const TreeReport report = validate_tree(tree, {}, pages);
  std::string text;
  for (const Error& finding : report.findings) text += finding.to_string() + "\n";
  return text;
}

}  // namespace caisson::btree::testing
