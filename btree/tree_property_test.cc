// Method: long random histories of every operation on a tree, validated after each operation, and
// compared with std::map after each transaction: contents in both directions, ranges, the full walk
// against the allocation blob, and old roots that must stay as they were, byte for byte. Page
// sizes, key lengths and shapes, and value lengths are drawn with the history; RapidCheck shrinks
// what fails.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::read_value;
using testing::text_of;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

// How keys look. Each is hard for another part of a node.
enum class Keys {
  kRandom,      // Any bytes, any length.
  kPrefix,      // Long common prefixes, that some keys break.
  kSameHeads,   // Equal from the fifth byte on or up to it.
  kZeros,       // Zeros and lengths are all the difference.
  kHigh,        // Runs of 0xFF.
  kSequential,  // Ascending numbers.
  kShort,       // Numbers of up to four bytes, mostly ascending.
};

// How long values are.
enum class Values {
  kShort,  // Any length, mostly short.
  kSame,   // Of one length, but for a few.
  kNone,   // Empty, but for a few.
  kLong,   // Some have pages of their own.
  kHuge,   // A few reach the limit.
};

struct Step {
  enum Kind {
    kPut,
    kPutBatch,
    kErase,
    kEraseRange,
    kEraseAtCursor,
    kAppend,
    kStream,
    kCommit,
    kCheckpoint,
    kRollBack,
    kKill,
    kKeepRoot
  };
  Kind kind;
  std::uint64_t seed;
};

struct History {
  std::uint32_t page_size;
  Keys keys;
  Values values;
  std::vector<Step> steps;
};

std::ostream& operator<<(std::ostream& out, const History& history) {
  out << "page size " << history.page_size << ", keys " << static_cast<int>(history.keys)
      << ", values " << static_cast<int>(history.values);
  for (const Step& step : history.steps) out << " (" << step.kind << ", " << step.seed << ")";
  return out;
}

rc::Gen<Step> any_step() {
  return rc::gen::apply([](Step::Kind kind, std::uint64_t seed) { return Step{kind, seed}; },
                        rc::gen::weightedElement<Step::Kind>({{3, Step::kPut},
                                                              {8, Step::kPutBatch},
                                                              {4, Step::kErase},
                                                              {2, Step::kEraseRange},
                                                              {2, Step::kEraseAtCursor},
                                                              {2, Step::kAppend},
                                                              {1, Step::kStream},
                                                              {3, Step::kCommit},
                                                              {2, Step::kCheckpoint},
                                                              {1, Step::kRollBack},
                                                              {1, Step::kKill},
                                                              {1, Step::kKeepRoot}}),
                        rc::gen::resize(1000, rc::gen::arbitrary<std::uint64_t>()));
}

rc::Gen<History> any_history() {
  return rc::gen::apply(
      [](std::uint32_t page_size, Keys keys, Values values, std::vector<Step> steps) {
        return History{page_size, keys, values, std::move(steps)};
      },
      rc::gen::element(4096U, 4096U, 4096U, 8192U, 16384U, 32768U, 65536U),
      rc::gen::element(Keys::kRandom, Keys::kPrefix, Keys::kSameHeads, Keys::kZeros, Keys::kHigh,
                       Keys::kSequential, Keys::kShort),
      rc::gen::weightedElement<Values>({{4, Values::kShort},
                                        {4, Values::kSame},
                                        {3, Values::kNone},
                                        {4, Values::kLong},
                                        {1, Values::kHuge}}),
      rc::gen::container<std::vector<Step>>(60, any_step()));
}

class Player {
 public:
  explicit Player(const History& history)
      : history_(history),
        store_({.page_size = history.page_size,
                .limits = pager::Limits{.key_size_max = pager::key_limit_max(history.page_size)}}) {
  }

  void play() {
    for (const Step& step : history_.steps) {
      random_.emplace(step.seed);
      play(step);
      RC_ASSERT(store_.root().count == committed_.size());
      check_open();
    }
    finish_transaction();
    store_.checkpoint();
    RC_ASSERT(store_.audit() == "");
  }

 private:
  // A model's state, and the root that has to show it.
  struct Kept {
    TreeRoot root;
    TxnId txn{};
    TreeModel model;
  };

  std::size_t key_size_max() const {
    return std::min(pager::key_limit_max(history_.page_size), 1024U);
  }

  std::string any_key() {
    Random& random = *random_;
    const auto text = [&](std::size_t size, std::uint64_t letters, char first) {
      std::string result(size, '\0');
      for (char& c : result)
        c = static_cast<char>(first + static_cast<char>(random.below(letters)));
      return result;
    };
    switch (history_.keys) {
      case Keys::kRandom:
        return text(random.chance(1, 10) ? random.below(key_size_max() + 1) : random.below(24), 256,
                    '\0');
      case Keys::kPrefix:
        return std::string(
                   random.chance(1, 40) ? random.below(key_size_max() - 8) : key_size_max() - 8,
                   'p') +
               text(random.below(8), 4, 'a');
      case Keys::kSameHeads:
        return "head" + text(random.below(7), 2, 'a') + text(random.below(3), 3, '\0');
      case Keys::kZeros:
        return text(random.below(40), random.chance(1, 10) ? 2 : 1, '\0');
      case Keys::kHigh:
        return std::string(random.below(30), '\xFF') + text(random.below(3), 256, '\0');
      case Keys::kSequential: {
        std::string digits = std::to_string(next_++);
        return std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits;
      }
      case Keys::kShort: {
        const std::uint64_t number = random.chance(1, 8) ? random.below(5000) : next_++;
        std::string key(random.chance(1, 20) ? random.below(5) : 4, '\0');
        for (std::size_t i = 0; i < key.size(); ++i) {
          key[i] = static_cast<char>(number >> (24 - 8 * i));
        }
        return key;
      }
    }
    return {};
  }

  std::string any_value() {
    Random& random = *random_;
    std::size_t size = random.below(100);
    if (random.chance(1, 8)) size = random.below(history_.page_size / 3);
    if (random.chance(1, 10)) size = 0;
    switch (history_.values) {
      case Values::kShort:
        break;
      case Values::kSame:
        if (!random.chance(1, 100)) size = 24;
        break;
      case Values::kNone:
        if (!random.chance(1, 200)) size = 0;
        break;
      case Values::kLong:
        if (random.chance(1, 8)) size = random.below(6 * history_.page_size);
        break;
      case Values::kHuge:
        if (random.chance(1, 2000)) size = pager::Limits{}.value_size_max - random.below(3);
        break;
    }
    std::string value(size, '\0');
    random.fill({reinterpret_cast<std::byte*>(value.data()), value.size()});
    return value;
  }

  // A key that is there as a rule.
  std::string known_key() {
    if (model_.empty() || random_->chance(1, 6)) return any_key();
    const auto at = model_.lower_bound(any_key());
    return at == model_.end() ? model_.begin()->first : at->first;
  }

  // TREE-3: how well nodes have to be filled depends on the heaviest entry that there has been.
  void note_weight(const std::string& key, const std::string& value) {
    const std::size_t room = node_room(history_.page_size);
    const std::size_t held = std::min(value.size(), std::size_t{history_.page_size} / 4);
    small_entries_ = small_entries_ && entry_weight(key.size(), held) <= room / 5;
    small_keys_ = small_keys_ && entry_weight(key.size(), kReferenceSize) <= room / 10;
  }

  void check_fill(const Tree& tree) {
    pager::PageSet pages;
    const TreeReport report = validate_tree(tree, {}, pages);
    const std::size_t enough = node_room(history_.page_size) * 2 / 5;
    if (small_entries_) RC_ASSERT(report.least_leaf_fill.value_or(enough) >= enough);
    if (small_keys_) RC_ASSERT(report.least_branch_fill.value_or(enough) >= enough);
  }

  void put() {
    const std::string key = random_->chance(1, 4) ? known_key() : any_key();
    const std::string value = any_value();
    note_weight(key, value);
    const bool added = value_of(store_.writer().put(bytes_of(key), bytes_of(value)));
    RC_ASSERT(added == model_.insert_or_assign(key, value).second);
  }

  void stream() {
    const std::string key = any_key();
    std::string value = any_value() + any_value();
    value.resize(std::min<std::size_t>(value.size(), pager::Limits{}.value_size_max));
    ValueStream stream = value_of(store_.writer().stream(bytes_of(key)));
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t size = std::min<std::size_t>(value.size() - at, 1 + random_->below(3000));
      value_of(stream.append(bytes_of(std::string_view(value).substr(at, size))));
      at += size;
    }
    note_weight(key, value);
    const bool added = value_of(stream.finish());
    RC_ASSERT(added == model_.insert_or_assign(key, value).second);
  }

  void erase() {
    const std::uint64_t count = random_->chance(1, 4) ? random_->below(200) : 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string key = known_key();
      const bool erased = value_of(store_.writer().erase(bytes_of(key)));
      RC_ASSERT(erased == (model_.erase(key) == 1));
    }
  }

  void erase_range() {
    std::string begin = any_key();
    std::string end = any_key();
    if (random_->chance(3, 4) && end < begin) std::swap(begin, end);
    Range range{bytes_of(begin), bytes_of(end)};
    if (random_->chance(1, 8)) range.end.reset();
    const auto first = model_.lower_bound(begin);
    auto last = range.end ? model_.lower_bound(end) : model_.end();
    if (range.end && end < begin) last = first;
    const auto count = static_cast<std::uint64_t>(std::distance(first, last));
    model_.erase(first, last);
    RC_ASSERT(value_of(store_.writer().erase_range(range)) == count);
  }

  // Walks a range of the open transaction's tree and removes some of what it meets.
  void erase_at_cursor() {
    TreeWriter& writer = store_.writer();
    const std::string begin = any_key();
    Cursor cursor(writer.tree(), {bytes_of(begin), std::nullopt});
    auto at = model_.lower_bound(begin);
    for (std::uint64_t steps = random_->below(300); steps > 0; --steps) {
      const bool more = value_of(cursor.next());
      RC_ASSERT(more == (at != model_.end()));
      if (!more) return;
      RC_ASSERT(text_of(cursor.key()) == at->first);
      if (random_->chance(1, 3)) {
        ++at;
      } else {
        value_of(writer.erase(cursor));
        at = model_.erase(at);
      }
    }
  }

  void append() {
    std::string key = model_.empty() ? "" : model_.rbegin()->first;
    for (std::uint64_t i = random_->below(100); i > 0; --i) {
      // The next key of the same size, or if there is none a longer one.
      std::string next = key;
      while (!next.empty() && next.back() == '\xFF') next.pop_back();
      if (next.empty()) {
        next = key + '\0';
      } else {
        next.back() = static_cast<char>(next.back() + 1);
        next.resize(key.size());
      }
      key = next;
      if (key.size() > key_size_max()) return;
      const std::string value = any_value();
      note_weight(key, value);
      value_of(store_.writer().append(bytes_of(key), bytes_of(value)));
      model_.emplace_hint(model_.end(), key, value);
    }
  }

  void play(const Step& step) {
    switch (step.kind) {
      case Step::kPut:
        return put();
      case Step::kPutBatch:
        for (std::uint64_t i = random_->below(250); i > 0; --i) put();
        return;
      case Step::kErase:
        return erase();
      case Step::kEraseRange:
        return erase_range();
      case Step::kEraseAtCursor:
        return erase_at_cursor();
      case Step::kAppend:
        return append();
      case Step::kStream:
        return stream();
      case Step::kCommit:
        return finish_transaction();
      case Step::kCheckpoint:
        return checkpoint();
      case Step::kRollBack:
        store_.roll_back();
        model_ = committed_;
        return;
      case Step::kKill:
        store_.kill_and_reopen();
        committed_ = model_ = checkpointed_;
        kept_.clear();  // Pins end with the process.
        RC_ASSERT(read_all(store_.tree()) == committed_);
        return;
      case Step::kKeepRoot:
        finish_transaction();
        if (kept_.size() == 3) kept_.erase(kept_.begin());
        kept_.push_back({store_.root(), store_.txn(), committed_});
        return;
    }
  }

  void finish_transaction() {
    store_.commit();
    committed_ = model_;
    check();
    reclaim();
  }

  void checkpoint() {
    finish_transaction();
    store_.checkpoint_only();
    checkpointed_ = committed_;
    reclaim();
    RC_ASSERT(store_.audit() == "");
    check();
  }

  void reclaim() {
    std::vector<TxnId> pins;
    for (const Kept& kept : kept_) pins.push_back(kept.txn);
    store_.reclaim(pins);
  }

  void check() {
    const Tree tree = store_.tree();
    RC_ASSERT(problems_of(tree) == "");
    check_fill(tree);
    RC_ASSERT(read_all(tree) == committed_);
    check_backwards(tree);
    check_gets(tree);
    check_range(tree);
    for (const Kept& kept : kept_) {
      RC_ASSERT(read_all(Tree(store_.pager(), kept.root)) == kept.model);
    }
  }

  // The tree that the open transaction has as yet.
  void check_open() {
    if (store_.writer().root() == store_.root()) return;
    const Tree tree = store_.writer().tree();
    RC_ASSERT(problems_of(tree) == "");
    check_fill(tree);
    RC_ASSERT(tree.count() == model_.size());
  }

  void check_backwards(const Tree& tree) {
    Cursor cursor(tree);
    auto expected = committed_.rbegin();
    while (value_of(cursor.prev())) {
      RC_ASSERT(expected != committed_.rend());
      RC_ASSERT(text_of(cursor.key()) == expected->first);
      RC_ASSERT(cursor.value_size() == expected->second.size());
      ++expected;
    }
    RC_ASSERT(expected == committed_.rend());
  }

  void check_gets(const Tree& tree) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = i % 2 == 0 ? any_key() : known_key();
      const auto value = value_of(tree.get(bytes_of(key)));
      const auto expected = committed_.find(key);
      RC_ASSERT(value.has_value() == (expected != committed_.end()));
      if (value) RC_ASSERT(read_value(*value) == expected->second);
    }
  }

  // A cursor within a range that goes back and forth at random.
  void check_range(const Tree& tree) {
    std::string begin = any_key();
    std::string end = any_key();
    if (end < begin) std::swap(begin, end);
    const auto first = committed_.lower_bound(begin);
    const auto last = committed_.lower_bound(end);
    Cursor cursor(tree, {bytes_of(begin), bytes_of(end)});
    auto at = first;
    bool valid = value_of(cursor.first());
    for (int i = 0; i < 30; ++i) {
      RC_ASSERT(valid == (at != last));
      if (valid) RC_ASSERT(text_of(cursor.key()) == at->first);
      if (random_->chance(1, 3)) {
        const std::string key = any_key();
        valid = value_of(cursor.seek(bytes_of(key)));
        at = std::max(key, begin) < end ? committed_.lower_bound(std::max(key, begin)) : last;
      } else if (random_->chance(2, 3)) {
        if (at == last) break;
        ++at;
        valid = value_of(cursor.next());
      } else {
        const bool more = value_of(cursor.prev());
        if (at == first) {
          RC_ASSERT(!more);
          RC_ASSERT(value_of(cursor.next()) == (first != last));
          valid = first != last;
        } else {
          --at;
          valid = more;
        }
      }
    }
    const auto estimate = value_of(tree.estimate({bytes_of(begin), bytes_of(end)}));
    const auto count = static_cast<std::uint64_t>(std::distance(first, last));
    if (estimate.exact) RC_ASSERT(estimate.entries == count);
    RC_ASSERT(estimate.entries <= committed_.size());
  }

  const History& history_;
  TreeStore store_;
  std::optional<Random> random_;
  std::uint64_t next_ = 0;
  bool small_entries_ = true;
  bool small_keys_ = true;
  TreeModel model_;
  TreeModel committed_;
  TreeModel checkpointed_;
  std::vector<Kept> kept_;
};

RC_GTEST_PROP(TreeProperty, AnyHistoryAgreesWithAMap, ()) {
  const History history = *any_history();
  Player(history).play();
}

}  // namespace
}  // namespace caisson::btree
