#include "mvcc/write_txn.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mvcc/recorder.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {

using log::Operation;
using log::OperationCode;

namespace {

// While the transaction does something it may look at pages, and at its end it keeps none of them.
class Call {
 public:
  explicit Call(pager::PageTxn& pages) : pages_(pages) { pages_.renew(); }
  ~Call() { pages_.rest(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  pager::PageTxn& pages_;
};

// While it deletes, the transaction may use the last of the space.
class LastSpace {
 public:
  explicit LastSpace(pager::PageTxn& pages) : pages_(pages) {
    pages_.set_space(pager::AllocationUse::kEmergency);
  }
  ~LastSpace() { pages_.set_space(pager::AllocationUse::kNormal); }
  LastSpace(const LastSpace&) = delete;
  LastSpace& operator=(const LastSpace&) = delete;

 private:
  pager::PageTxn& pages_;
};

}  // namespace

struct LongValue::Parts {
  Parts(WriteTxn::Body& txn, std::uint64_t announced, btree::ValueStream value)
      : body(&txn), missing(announced), before(before_of(txn)), stream(std::move(value)) {}

  static Recorder::Position before_of(const WriteTxn::Body& txn);

  WriteTxn::Body* body;  // Null when the transaction has ended.
  std::uint64_t missing;
  Recorder::Position before;
  std::optional<btree::ValueStream> stream;
};

struct WriteTxn::Body {
  struct Savepoint {
    TreeSet::Roots roots;
    Recorder::Position position;
  };

  Body(Engine& owner, const State& before, pager::PageTxn txn)
      : engine(owner),
        base(before),
        recorder(*owner.recorder_),
        pages(std::move(txn)),
        trees(std::in_place, *owner.pager_, pages, before.catalog) {}
  ~Body() {
    if (value == nullptr) return;
    value->stream.reset();
    value->body = nullptr;
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  Result<void> check() const;

  Engine& engine;
  const State& base;
  Recorder& recorder;
  pager::PageTxn pages;
  std::optional<TreeSet> trees;  // Gone when the pages are sealed.
  std::vector<Savepoint> savepoints;
  bool failed = false;
  bool keeps_number = false;          // Commits whatever it has done.
  LongValue::Parts* value = nullptr;  // The one that is on its way.
};

Recorder::Position LongValue::Parts::before_of(const WriteTxn::Body& txn) {
  return txn.recorder.position();
}

Result<WriteTxn> Engine::begin_write(std::chrono::nanoseconds timeout) {
  CAISSON_RETURN_IF_ERROR(check_writable());
  CAISSON_ASSIGN_OR_RETURN(const State* const base, begin_transaction(timeout));
  // A full disk shows here, before anything has changed.
  Result<void> ready = log_->reserve();
  if (ready && base->txn >= kTxnMax) {
    ready = fail(Code::kResourceExhausted, "no number is left for another commit");
  }
  const TxnId txn{to_u64(base->txn) + 1};
  auto pages = ready ? pager::PageTxn::begin(*pager_, txn) : fail(std::move(ready).error());
  if (!pages) {
    end_transaction();
    return fail(std::move(pages).error());
  }
  pages->rest();
  recorder_->begin(txn);
  return WriteTxn(std::make_unique<WriteTxn::Body>(*this, *base, std::move(*pages)));
}

WriteTxn::WriteTxn(std::unique_ptr<Body> body) : body_(std::move(body)) {}
WriteTxn::WriteTxn(WriteTxn&& other) noexcept = default;

WriteTxn& WriteTxn::operator=(WriteTxn&& other) noexcept {
  std::swap(body_, other.body_);
  return *this;
}

WriteTxn::~WriteTxn() { roll_back(); }

TxnId WriteTxn::txn() const { return body_ ? body_->pages.txn() : TxnId{}; }

bool WriteTxn::failed() const { return body_ && body_->failed; }

Result<void> WriteTxn::check_open() const {
  if (!body_) return fail(Code::kInvalidArgument, "the transaction has ended");
  return body_->check();
}

Result<void> WriteTxn::Body::check() const {
  if (failed) {
    return fail(Error(Code::kInvalidArgument, "a change of this transaction was done in part")
                    .with_advice("Roll the transaction back, to a savepoint or whole."));
  }
  if (value != nullptr) {
    return fail(Error(Code::kInvalidArgument, "a value of this transaction is not finished")
                    .with_advice("Finish the value, or let go of it."));
  }
  return engine.check_usable();
}

// --- Trees ---------------------------------------------------------------------------------------

Result<TreeId> WriteTxn::create_tree(Bytes name, Bytes options) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  Operation operation{.code = OperationCode::kCreateTree,
                      .tree = ~std::uint64_t{0},
                      .number = kPlainTree,
                      .key = name,
                      .value = options};
  // The size of the number is known only when the tree has been made.
  if (body_->recorder.fits(operation)) {
    CAISSON_RETURN_IF_ERROR(body_->recorder.reserve(operation));
  }
  const auto id = body_->trees->create(name, kPlainTree, options);
  if (!id) {
    const Code code = id.error().code();
    const bool refused = code == Code::kInvalidArgument || code == Code::kAlreadyExists;
    body_->failed = !refused;  // One of its entries may be there.
    return id;
  }
  operation.tree = to_u64(*id);
  body_->recorder.record_other(operation);
  return id;
}

Result<void> WriteTxn::drop_tree(TreeId tree) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  const Operation operation{.code = OperationCode::kDropTree, .tree = to_u64(tree)};
  CAISSON_RETURN_IF_ERROR(body_->recorder.reserve(operation));
  CAISSON_RETURN_IF_ERROR(writer(tree));
  const LastSpace last_space(body_->pages);
  if (auto dropped = body_->trees->drop(tree); !dropped) {
    body_->failed = true;
    return dropped;
  }
  body_->recorder.record_other(operation);
  return {};
}

Result<std::optional<TreeEntry>> WriteTxn::find_tree(Bytes name) const {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  return mvcc::find_tree(body_->trees->catalog(), name);
}

Result<std::vector<TreeEntry>> WriteTxn::trees() const {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  return list_trees([this] {
    body_->pages.renew();
    return body_->trees->catalog();
  });
}

Result<btree::TreeWriter*> WriteTxn::writer(TreeId tree) { return body_->trees->writer(tree); }

// --- Changes -------------------------------------------------------------------------------------

// What is recorded is a copy, and what is applied is that: the key and the value may be bytes of
// the store that were read through this transaction, and go with the first page that is read.
Result<bool> WriteTxn::put(TreeId tree, Bytes key, Bytes value) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Operation operation{
      .code = OperationCode::kPut, .tree = to_u64(tree), .key = key, .value = value};
  Recorder& recorder = body_->recorder;
  if (!recorder.fits(operation)) return put_in_pieces(tree, key, value);
  CAISSON_RETURN_IF_ERROR(recorder.reserve(operation));
  const Recorder::Position before = recorder.position();
  const Operation recorded = recorder.record(operation);
  const Call call(body_->pages);
  auto to = writer(tree);
  auto is_new = to ? (*to)->put(recorded.key, recorded.value) : fail(std::move(to).error());
  if (!is_new) recorder.forget_since(before);
  return is_new;
}

Result<bool> WriteTxn::put_in_pieces(TreeId tree, Bytes key, Bytes value) {
  const std::vector<std::byte> copy(value.begin(), value.end());
  CAISSON_ASSIGN_OR_RETURN(LongValue parts, put_long(tree, key, copy.size()));
  CAISSON_RETURN_IF_ERROR(parts.append(copy));
  return parts.finish();
}

Result<bool> WriteTxn::erase(TreeId tree, Bytes key) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Operation operation{.code = OperationCode::kDelete, .tree = to_u64(tree), .key = key};
  Recorder& recorder = body_->recorder;
  if (!recorder.fits(operation)) return false;  // Longer than any key.
  CAISSON_RETURN_IF_ERROR(recorder.reserve(operation));
  const Recorder::Position before = recorder.position();
  const Operation recorded = recorder.record(operation);
  const Call call(body_->pages);
  auto from = writer(tree);
  if (!from) {
    recorder.forget_since(before);
    return fail(std::move(from).error());
  }
  auto erased = (*from)->erase(recorded.key);
  if (!erased && erased.error().code() == Code::kOutOfSpace) {
    const LastSpace last_space(body_->pages);
    erased = (*from)->erase(recorded.key);
  }
  if (!erased || !*erased) recorder.forget_since(before);
  return erased;
}

Result<std::uint64_t> WriteTxn::erase_range(TreeId tree, const btree::Range& range) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const std::size_t key_size_max = body_->engine.limits().key_size_max;
  if (range.begin.size() > key_size_max || (range.end && range.end->size() > key_size_max)) {
    return fail(Error(Code::kInvalidArgument, "a range's bounds are keys, of up to " +
                                                  std::to_string(key_size_max) + " bytes")
                    .with_rule("LIMIT-1"));
  }
  const Operation operation{.code = OperationCode::kDeleteRange,
                            .tree = to_u64(tree),
                            .key = range.begin,
                            .value = range.end.value_or(Bytes{}),
                            .has_end = range.end.has_value()};
  Recorder& recorder = body_->recorder;
  CAISSON_RETURN_IF_ERROR(recorder.reserve(operation));
  const Recorder::Position before = recorder.position();
  const Operation recorded = recorder.record(operation);
  const Call call(body_->pages);
  auto from = writer(tree);
  if (!from) {
    recorder.forget_since(before);
    return fail(std::move(from).error());
  }
  const LastSpace last_space(body_->pages);
  const std::uint64_t count = (*from)->root().count;
  const std::optional<Bytes> end = range.end ? std::optional(recorded.value) : std::nullopt;
  auto erased = (*from)->erase_range({recorded.key, end});
  if (!erased) body_->failed = (*from)->root().count != count;
  if (!erased || *erased == 0) recorder.forget_since(before);
  return erased;
}

// --- Reading -------------------------------------------------------------------------------------

Result<std::optional<Value>> WriteTxn::get(TreeId tree, Bytes key) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const from, writer(tree));
  CAISSON_ASSIGN_OR_RETURN(const auto value, from->tree().get(key));
  if (!value) return std::optional<Value>();
  return Value(body_->pages, *value);
}

Result<std::uint64_t> WriteTxn::count(TreeId tree) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const of, writer(tree));
  return of->root().count;
}

Result<TxnCursor> WriteTxn::cursor(TreeId tree, const btree::Range& range) {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const from, writer(tree));
  return TxnCursor(*body_, tree, body_->trees->generation(), btree::Cursor(from->tree(), range));
}

// --- Savepoints ----------------------------------------------------------------------------------

Result<std::size_t> WriteTxn::savepoint() {
  CAISSON_RETURN_IF_ERROR(check_open());
  body_->trees->settle();
  body_->savepoints.push_back(
      {.roots = body_->trees->roots(), .position = body_->recorder.position()});
  return body_->pages.begin_savepoint();
}

namespace {

Error no_such_savepoint(std::size_t number, std::size_t open) {
  return {Code::kInvalidArgument, "there is no savepoint " + std::to_string(number) + "; " +
                                      std::to_string(open) + " are open"};
}

}  // namespace

Result<void> WriteTxn::roll_back_to(std::size_t number) {
  if (!body_) return check_open();
  const bool failed = std::exchange(body_->failed, false);
  auto open = check_open();
  body_->failed = failed;
  CAISSON_RETURN_IF_ERROR(open);
  auto& savepoints = body_->savepoints;
  if (number == 0 || number > savepoints.size()) {
    return fail(no_such_savepoint(number, savepoints.size()));
  }
  const Body::Savepoint& saved = savepoints[number - 1];
  CAISSON_RETURN_IF_ERROR(body_->recorder.roll_back_to(saved.position));
  body_->trees->settle();
  body_->pages.roll_back_to_savepoint(number);
  body_->trees->restore(saved.roots);
  savepoints.resize(number);
  body_->failed = false;
  // What is recorded from here on is behind the record that says so.
  savepoints.back().position = body_->recorder.position();
  return {};
}

Result<void> WriteTxn::release(std::size_t number) {
  CAISSON_RETURN_IF_ERROR(check_open());
  if (number == 0 || number > body_->savepoints.size()) {
    return fail(no_such_savepoint(number, body_->savepoints.size()));
  }
  body_->pages.release_savepoint(number);
  body_->savepoints.resize(number - 1);
  return {};
}

// --- The end -------------------------------------------------------------------------------------

Result<State> WriteTxn::prepare_commit() {
  CAISSON_RETURN_IF_ERROR(check_open());
  const Call call(body_->pages);
  Recorder& recorder = body_->recorder;
  State state;
  state.txn = txn();
  {
    // A few pages at most: what was to be made has been made.
    const LastSpace last_space(body_->pages);
    CAISSON_ASSIGN_OR_RETURN(state.catalog, body_->trees->finish());
  }
  CAISSON_ASSIGN_OR_RETURN(const auto appended, recorder.commit());
  state.log = appended.position;
  state.ticket = appended.ticket;
  state.made_ns = body_->engine.now_ns();
  // What a row put at random into a large store takes, and what reading its bytes does.
  state.replay_ns = body_->base.replay_ns + recorder.operations() * 1500 + recorder.bytes();
  return state;
}

Result<Committed> WriteTxn::commit(Durability durability, std::chrono::nanoseconds wait) {
  if (!body_) return fail(Code::kInvalidArgument, "the transaction has ended");
  if (body_->recorder.empty() && !body_->keeps_number && body_->check()) {
    const State& base = body_->base;
    const Committed nothing{.txn = base.txn, .ticket = base.ticket};
    Engine& engine = body_->engine;
    roll_back();
    // Others may have left it to be durable later.
    if (durability == Durability::kSync)
      CAISSON_RETURN_IF_ERROR(engine.wait_durable(nothing, wait));
    return nothing;
  }
  auto state = prepare_commit();
  if (!state) {
    roll_back();
    return fail(std::move(state).error());
  }
  state->awaited = durability != Durability::kAsync;
  Engine& engine = body_->engine;
  body_->trees.reset();
  body_->pages.seal();
  body_.reset();
  const Committed committed{.txn = state->txn, .ticket = state->ticket};
  engine.seal(*state);
  if (durability == Durability::kSync)
    CAISSON_RETURN_IF_ERROR(engine.wait_durable(committed, wait));
  return committed;
}

void WriteTxn::keep_number() {
  if (body_) body_->keeps_number = true;
}

void WriteTxn::roll_back() {
  if (!body_) return;
  Engine& engine = body_->engine;
  if (engine.states_.in_child()) {
    (void)body_.release();  // What it would change is the parent's.
    return;
  }
  const bool did_something = !body_->recorder.empty();
  body_.reset();
  if (did_something) engine.rolled_back_.fetch_add(1, std::memory_order_relaxed);
  engine.end_transaction();
}

// --- Values in pieces ----------------------------------------------------------------------------

Result<LongValue> WriteTxn::put_long(TreeId tree, Bytes key, std::uint64_t size) {
  CAISSON_RETURN_IF_ERROR(check_open());
  if (size > body_->engine.limits().value_size_max) {
    return fail(
        Error(Code::kInvalidArgument, "a value of " + std::to_string(size) +
                                          " bytes; this store takes values of up to " +
                                          std::to_string(body_->engine.limits().value_size_max))
            .with_rule("LIMIT-1"));
  }
  const Call call(body_->pages);
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const to, writer(tree));
  CAISSON_ASSIGN_OR_RETURN(btree::ValueStream stream, to->stream(key));
  LongValue value(std::make_unique<LongValue::Parts>(*body_, size, std::move(stream)));
  body_->value = value.parts_.get();
  CAISSON_RETURN_IF_ERROR(body_->recorder.record_long(tree, key, size));
  return value;
}

LongValue::LongValue(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LongValue::LongValue(LongValue&& other) noexcept = default;
LongValue::~LongValue() { abandon(); }

void LongValue::abandon() {
  const std::unique_ptr<Parts> parts = std::move(parts_);
  if (!parts || parts->body == nullptr) return;
  WriteTxn::Body& body = *parts->body;
  body.value = nullptr;
  if (body.engine.check_usable() && body.recorder.roll_back_to(parts->before)) return;
  body.failed = true;  // Else the commit would hold what the tree doesn't.
}

Result<void> LongValue::check() const {
  if (!parts_ || parts_->body == nullptr) {
    return fail(Code::kInvalidArgument, "the value has ended, or its transaction has");
  }
  return parts_->body->engine.check_usable();
}

Result<void> LongValue::append(Bytes bytes) {
  CAISSON_RETURN_IF_ERROR(check());
  const Call call(parts_->body->pages);
  Result<void> appended;
  if (bytes.size() > parts_->missing) {
    appended = fail(Code::kInvalidArgument, "the value is longer than its size that was announced");
  }
  if (appended) appended = parts_->body->recorder.record_piece(bytes);
  if (appended) appended = parts_->stream->append(bytes);
  if (!appended) {
    abandon();
    return appended;
  }
  parts_->missing -= bytes.size();
  return {};
}

Result<bool> LongValue::finish() {
  CAISSON_RETURN_IF_ERROR(check());
  if (parts_->missing > 0) {
    return fail(Code::kInvalidArgument,
                "the value lacks " + std::to_string(parts_->missing) + " bytes of its size");
  }
  const Call call(parts_->body->pages);
  auto is_new = parts_->stream->finish();
  if (!is_new) {
    abandon();
    return is_new;
  }
  parts_->body->value = nullptr;
  parts_.reset();
  return is_new;
}

// --- Cursors -------------------------------------------------------------------------------------

// Has the cursor see the tree as it is now, and go on from its key. True if that was needed, and
// the entry, if it is still there, is still to be passed.
Result<bool> TxnCursor::catch_up() {
  const bool was_valid = std::exchange(valid_, false);  // Should anything fail.
  CAISSON_RETURN_IF_ERROR(body_->check());
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const writer, body_->trees->writer(tree_));
  const btree::Tree tree = writer->tree();
  const bool same = generation_ == body_->trees->generation() &&
                    cursor_.tree().change() == tree.change() &&
                    cursor_.tree().root() == tree.root();
  valid_ = was_valid;
  if (same) return false;
  generation_ = body_->trees->generation();
  if (valid_) {
    cursor_.resume(tree, key_);
  } else {
    cursor_.resume(tree);
  }
  return valid_;
}

Result<bool> TxnCursor::moved(Result<bool> more) {
  valid_ = more && *more;
  if (!valid_) return more;
  const Bytes key = cursor_.key();
  key_.assign(key.begin(), key.end());
  value_ = cursor_.value();
  if (!value_->is_long() && !body_->pages.mapped()) {
    const Bytes bytes = *value_->piece(0);  // Can't fail: nothing is read.
    short_value_.assign(bytes.begin(), bytes.end());
    value_ = btree::Value(Bytes(short_value_));
  }
  return more;
}

Value TxnCursor::value() const { return {body_->pages, *value_}; }

Result<bool> TxnCursor::first() {
  const Call call(body_->pages);
  CAISSON_RETURN_IF_ERROR(catch_up());
  return moved(cursor_.first());
}

Result<bool> TxnCursor::last() {
  const Call call(body_->pages);
  CAISSON_RETURN_IF_ERROR(catch_up());
  return moved(cursor_.last());
}

Result<bool> TxnCursor::seek(Bytes key) {
  const Call call(body_->pages);
  CAISSON_RETURN_IF_ERROR(catch_up());
  return moved(cursor_.seek(key));
}

Result<bool> TxnCursor::next() {
  const Call call(body_->pages);
  CAISSON_ASSIGN_OR_RETURN(const bool before_entry, catch_up());
  Result<bool> more = cursor_.next();
  if (before_entry && more && *more && std::ranges::equal(cursor_.key(), key_)) {
    more = cursor_.next();
  }
  return moved(std::move(more));
}

Result<bool> TxnCursor::prev() {
  const Call call(body_->pages);
  CAISSON_RETURN_IF_ERROR(catch_up());
  return moved(cursor_.prev());
}

}  // namespace caisson::mvcc
