// Method: every operation on a tree fails at every place where it can. A tree of four levels is
// made once, and copied for each case with nothing read yet: the n-th call to the system fails,
// or the disk is full after n more pages, or memory after n more frames, or the n-th page that
// the operation reads is damaged; n goes up until nothing fails any more. An operation that failed
// leaves the tree as it was (erase_range() may have removed a beginning of its range), and the
// writer goes on: the operation is done again. Contents against std::map, the validator, and the
// walk against the allocation blob, which shows pages lost or freed twice.
//
// The keys make it hard: every other separator is long, so that few children fit into a branch, and
// the trees are those in which the operation changes the height. What would slip through: two
// faults in one operation.
//
// A case that fails prints the command that runs it alone (base/testing/replay.h).

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using caisson::testing::Replay;
using caisson::testing::stride;
using io::Call;
using io::sim::FaultKind;
using pager::PageAccess;
using pager::testing::kPagesPath;
using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

constexpr unsigned kKeys = 150;
constexpr unsigned kHeight = 3;        // Of a tree of so many.
constexpr std::size_t kLong = 15'000;  // Four pages and their index.

// Four keys have all but their last letter in common, and their neighbours next to nothing.
std::string key_of(unsigned number) {
  const std::string digits = std::to_string(1000 + number / 4);
  return digits + std::string(500, 'k') + std::to_string(number % 4);
}

std::string value_for(unsigned number) {
  const std::size_t size = number % 40 == 21 ? kLong : 100 + number % 50;
  return std::string(size, static_cast<char>('a' + number % 26));
}

std::vector<unsigned> shuffled() {
  std::vector<unsigned> numbers;
  for (unsigned i = 0; i < kKeys; ++i) numbers.push_back(i);
  Random random(4);
  for (std::size_t i = numbers.size(); i > 1; --i) {
    std::swap(numbers[i - 1], numbers[random.below(i)]);
  }
  return numbers;
}

// A tree, and the number that comes next in its making.
struct Base {
  std::unique_ptr<TreeStore> store;
  TreeModel model;
  unsigned next = 0;
};

// The reader that holds frames while memory is short.
pager::testing::ReaderRegistry& readers() {
  static pager::testing::ReaderRegistry registry(1);
  return registry;
}

testing::StoreOptions options(PageAccess access) {
  pager::Limits limits;
  limits.key_size_max = 512;
  return {.access = access,
          .memory_budget_bytes = std::uint64_t{256} * 4096,
          .limits = limits,
          .readers = &readers()};
}

// The first keys of a random order: as many as there can be before the tree gets its last level.
Base about_to_grow(PageAccess access) {
  Base base;
  const auto make = [&](std::size_t count) {
    base = {std::make_unique<TreeStore>(options(access)), {}, 0};
    for (const unsigned number : shuffled()) {
      base.next = number;
      if (base.model.size() == count) break;
      value_of(base.store->writer().put(bytes_of(key_of(number)), bytes_of(value_for(number))));
      base.model[key_of(number)] = value_for(number);
      if (value_of(base.store->writer().tree().height()) == kHeight) return base.model.size() - 1;
    }
    return count;
  };
  make(make(kKeys));
  base.store->checkpoint();
  return base;
}

// All keys, less the first ones: as many as can go before the tree loses its last level.
Base about_to_shrink(PageAccess access) {
  Base base;
  const auto make = [&](unsigned erased) {
    base = {std::make_unique<TreeStore>(options(access)), {}, 0};
    TreeWriter& writer = base.store->writer();
    for (const unsigned number : shuffled()) {
      value_of(writer.put(bytes_of(key_of(number)), bytes_of(value_for(number))));
      base.model[key_of(number)] = value_for(number);
    }
    for (; base.next < erased; ++base.next) {
      value_of(writer.erase(bytes_of(key_of(base.next))));
      base.model.erase(key_of(base.next));
      if (value_of(writer.tree().height()) < kHeight) return base.next;
    }
    return erased;
  };
  make(make(kKeys));
  base.store->checkpoint();
  return base;
}

// What is done, and what it does to a model. `in_part` tells which keys may be gone after it
// failed.
struct Operation {
  std::string name;
  bool grows = false;  // On which of the two trees.
  std::function<Result<void>(TreeWriter&, const Base&)> apply;
  std::function<void(TreeModel&, const Base&)> expect;
  std::optional<std::pair<std::string, std::string>> in_part = {};
};

Operation put(std::string name, bool grows, const std::function<unsigned(const Base&)>& number,
              std::size_t size) {
  const std::string value(size, 'P');
  return {std::move(name), grows,
          [=](TreeWriter& writer, const Base& base) -> Result<void> {
            CAISSON_RETURN_IF_ERROR(writer.put(bytes_of(key_of(number(base))), bytes_of(value)));
            return {};
          },
          [=](TreeModel& model, const Base& base) { model[key_of(number(base))] = value; }};
}

Operation erase(std::string name, const std::function<unsigned(const Base&)>& number) {
  return {std::move(name), false,
          [=](TreeWriter& writer, const Base& base) -> Result<void> {
            CAISSON_RETURN_IF_ERROR(writer.erase(bytes_of(key_of(number(base)))));
            return {};
          },
          [=](TreeModel& model, const Base& base) { model.erase(key_of(number(base))); }};
}

Operation append() {
  const std::string value(300, 'A');
  return {"append behind the last key", true,
          [=](TreeWriter& writer, const Base&) {
            return writer.append(bytes_of("z"), bytes_of(value));
          },
          [=](TreeModel& model, const Base&) { model["z"] = value; }};
}

Operation erase_at_cursor(unsigned number) {
  return {"erase at a cursor", false,
          [=](TreeWriter& writer, const Base&) -> Result<void> {
            Cursor cursor(writer.tree());
            CAISSON_RETURN_IF_ERROR(cursor.seek(bytes_of(key_of(number))));
            return writer.erase(cursor);
          },
          [=](TreeModel& model, const Base&) { model.erase(key_of(number)); }};
}

Operation erase_range(std::string name, const std::string& begin, const std::string& end) {
  return {std::move(name), false,
          [=](TreeWriter& writer, const Base&) -> Result<void> {
            CAISSON_RETURN_IF_ERROR(writer.erase_range({bytes_of(begin), bytes_of(end)}));
            return {};
          },
          [=](TreeModel& model, const Base&) {
            model.erase(model.lower_bound(begin), model.lower_bound(end));
          },
          std::pair(begin, end)};
}

Operation stream(std::string name, unsigned number) {
  const std::string value(2 * kLong, 'S');
  return {std::move(name), false,
          [=](TreeWriter& writer, const Base&) -> Result<void> {
            CAISSON_ASSIGN_OR_RETURN(ValueStream stream, writer.stream(bytes_of(key_of(number))));
            for (std::size_t at = 0; at < value.size(); at += 3001) {
              CAISSON_RETURN_IF_ERROR(
                  stream.append(bytes_of(std::string_view(value).substr(at, 3001))));
            }
            CAISSON_RETURN_IF_ERROR(stream.finish());
            return {};
          },
          [=](TreeModel& model, const Base&) { model[key_of(number)] = value; }};
}

std::vector<Operation> operations() {
  const auto next = [](const Base& base) { return base.next; };
  const auto just = [](unsigned number) { return [number](const Base&) { return number; }; };
  return {
      put("insert, and get another level", true, next, 120),
      put("insert a long value, and get another level", true, next, kLong),
      put("overwrite with as much", false, just(100), 100 + 100 % 50),
      put("overwrite with less", false, just(100), 3),
      put("overwrite with more", false, just(100), 400),
      put("overwrite with a long value", false, just(100), kLong),
      put("overwrite a long value", false, just(101), 50),
      put("overwrite a long value with another", false, just(141), 2 * kLong),
      stream("stream a new value", 150),
      stream("stream over a long value", 141),
      erase("erase, and lose a level", next),
      erase("erase a long value", just(141)),
      append(),
      erase_at_cursor(120),
      erase_range("erase a range", key_of(90), key_of(130)),
      erase_range("erase everything", "", "9"),
  };
}

// What the operation meets in memory.
enum class State : std::uint8_t {
  kCold,   // Nothing has been read.
  kOwned,  // The transaction has changed a leaf here and there.
};

struct Published {
  TxnId txn{};
};

// Takes what a transaction can be given until it gets an error, less the last `spare` of it.
std::vector<PageId> hog(pager::PageTxn& txn, std::uint64_t spare, Code expected) {
  std::vector<PageId> hogged;
  while (true) {
    const auto page = txn.allocate(kValuePage, 0);
    if (!page) {
      EXPECT_EQ(page.error().code(), expected) << page.error().to_string();
      break;
    }
    hogged.push_back(page->id);
  }
  for (std::uint64_t i = 0; i < spare; ++i) {
    if (hogged.empty()) throw std::runtime_error("not as much to spare as that");
    txn.free(hogged.back(), txn.txn());
    hogged.pop_back();
  }
  return hogged;
}

// Something of which a transaction has only so much left.
struct Shortage {
  std::string unit;
  std::uint64_t most;
  std::uint64_t step;
  Code code;  // Of the error when there is no more of it.
  std::function<void(TreeStore&)> begin;
  std::function<void(TreeStore&)> end;
};

class Faults : public ::testing::TestWithParam<PageAccess> {
 protected:
  Faults() : grow_(about_to_grow(GetParam())), shrink_(about_to_shrink(GetParam())) {}

  const Base& base_of(const Operation& operation) const {
    return operation.grows ? grow_ : shrink_;
  }

  std::unique_ptr<TreeStore> begin(const Operation& operation, State state) const {
    const Base& base = base_of(operation);
    std::unique_ptr<TreeStore> store = base.store->copy();
    TreeWriter& writer = store->writer();
    if (state == State::kOwned) {
      int number = 0;
      for (const auto& [key, value] : base.model) {
        if (number++ % 8 == 3) value_of(writer.put(bytes_of(key), bytes_of(value)));
      }
    }
    return store;
  }

  // What is wrong behind an operation that was tried in case `number`, once nothing fails any more.
  static std::string judge(TreeStore& store, const Operation& operation, const Base& base,
                           const Result<void>& done, std::uint64_t number) {
    store.renew();
    TreeModel model = base.model;
    TreeModel after = base.model;
    operation.expect(after, base);
    const TreeModel found = read_all(store.writer().tree());
    if (done) {
      model = after;
    } else if (operation.in_part) {
      auto at = model.lower_bound(operation.in_part->first);
      while (model.size() > found.size()) at = model.erase(at);
    }
    if (found != model) return "wrong contents";
    if (store.writer().root().count != model.size()) return "wrong count";
    if (const std::string problems = problems_of(store.writer().tree()); !problems.empty()) {
      return problems;
    }
    // Every third is left as it is, and every third is done again behind another change.
    if (!done && number % 3 != 0) {
      if (number % 3 == 1) value_of(store.writer().put(bytes_of("more"), bytes_of("value")));
      if (auto redone = operation.apply(store.writer(), base); !redone) {
        return "fails for ever: " + redone.error().to_string();
      }
      value_of(store.writer().erase(bytes_of("more")));
      model = after;
    }
    store.checkpoint();
    if (const std::string problems = store.audit(); !problems.empty()) return problems;
    if (read_all(store.tree()) != model) return "wrong contents after the checkpoint";
    return "";
  }

  // Every operation with 0, `step`, 2 * `step` ... of `shortage.unit` left, until that is enough.
  void runs_short(const Shortage& shortage) const {
    const Replay replay = Replay::from_environment({"operation", "state", shortage.unit});
    const std::vector<Operation> all = operations();
    std::uint64_t cases = 0;
    for (const std::uint64_t which : replay.range("operation", 0, all.size())) {
      const Operation& operation = all[which];
      for (const std::uint64_t state : replay.range("state", 0, 2)) {
        bool enough = false;
        for (const std::uint64_t left :
             replay.range(shortage.unit, 0, shortage.most, shortage.step)) {
          if (enough) break;
          const std::string command = operation.name + replay.command({which, state, left});
          const auto store = begin(operation, static_cast<State>(state));
          shortage.begin(*store);
          const auto hogged = hog(store->page_txn(), left, shortage.code);
          const auto done = operation.apply(store->writer(), base_of(operation));
          shortage.end(*store);
          for (const PageId id : hogged) store->page_txn().free(id, store->page_txn().txn());
          enough = done.has_value();
          ASSERT_TRUE(done || done.error().code() == shortage.code) << command;
          ASSERT_EQ(judge(*store, operation, base_of(operation), done, left), "") << command;
          ++cases;
        }
        EXPECT_TRUE(enough || !replay.everything()) << operation.name;
      }
    }
    EXPECT_GE(cases, replay.everything() ? 2 * all.size() : 1);
    std::cout << "cases=" << cases << " failures=0\n";
  }

  Base grow_;
  Base shrink_;
};

TEST_P(Faults, ComeWhereTheHeightChanges) {
  const std::vector<Operation> all = operations();
  for (const auto& [name, before, after] :
       {std::tuple("insert, and get another level", kHeight - 1, kHeight),
        std::tuple("insert a long value, and get another level", kHeight - 1, kHeight),
        std::tuple("erase, and lose a level", kHeight, kHeight - 1)}) {
    const auto operation = std::ranges::find(all, name, &Operation::name);
    const auto store = begin(*operation, State::kCold);
    EXPECT_EQ(value_of(store->writer().tree().height()), before) << name;
    value_of(operation->apply(store->writer(), base_of(*operation)));
    EXPECT_EQ(value_of(store->writer().tree().height()), after) << name;
  }
}

TEST_P(Faults, NoneOfTheSystemsCallsLeavesAChangeByHalves) {
  const Replay replay = Replay::from_environment({"operation", "state", "call"});
  const std::vector<Operation> all = operations();
  std::uint64_t cases = 0;
  for (const std::uint64_t which : replay.range("operation", 0, all.size())) {
    const Operation& operation = all[which];
    for (const std::uint64_t state : replay.range("state", 0, 2)) {
      const auto trial = begin(operation, static_cast<State>(state));
      const std::uint64_t before = trial->machine().calls();
      value_of(operation.apply(trial->writer(), base_of(operation)));
      const std::uint64_t calls = trial->machine().calls() - before;
      std::uint64_t failed = 0;
      for (const std::uint64_t call : replay.range("call", 0, calls, stride(5))) {
        const std::string command = operation.name + replay.command({which, state, call});
        const auto store = begin(operation, static_cast<State>(state));
        store->machine().inject({store->machine().calls() + call, FaultKind::kIoError, false});
        const auto done = operation.apply(store->writer(), base_of(operation));
        ASSERT_TRUE(done || done.error().code() == Code::kIoError) << command;
        failed += done ? 0U : 1U;
        ASSERT_EQ(judge(*store, operation, base_of(operation), done, call), "") << command;
        ++cases;
      }
      if (state == 0 && replay.everything() && stride(5) == 1) {
        EXPECT_GT(failed, 0U) << operation.name;
      }
    }
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST_P(Faults, NoDamagedPageLeavesAChangeByHalves) {
  const Replay replay = Replay::from_environment({"operation", "page"});
  const std::vector<Operation> all = operations();
  std::uint64_t cases = 0;
  for (const std::uint64_t which : replay.range("operation", 0, all.size())) {
    const Operation& operation = all[which];
    const auto trial = begin(operation, State::kCold);
    trial->machine().record_trace(true);
    value_of(operation.apply(trial->writer(), base_of(operation)));
    std::vector<std::uint64_t> pages;
    for (const io::sim::TracedCall& call : trial->machine().trace()) {
      if (call.call == Call::kRead || call.call == Call::kPopulate) {
        pages.push_back(call.offset / 4096);
      }
    }
    ASSERT_FALSE(pages.empty());
    std::uint64_t failed = 0;
    for (const std::uint64_t at : replay.range("page", 0, pages.size(), stride(5))) {
      const std::string command = operation.name + replay.command({which, at});
      const auto store = begin(operation, State::kCold);
      const std::uint64_t place = pages[at] * 4096 + 2000;
      store->machine().image(kPagesPath)->flip_bit(place, 3);
      const auto done = operation.apply(store->writer(), base_of(operation));
      store->machine().image(kPagesPath)->flip_bit(place, 3);
      ASSERT_TRUE(done || (done.error().rule() == "PAGE-1" && done.error().page() == pages[at]))
          << command;
      failed += done ? 0U : 1U;
      ASSERT_EQ(judge(*store, operation, base_of(operation), done, at), "") << command;
      ++cases;
    }
    EXPECT_GT(failed, 0U) << operation.name;
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST_P(Faults, NoLackOfSpaceLeavesAChangeByHalves) {
  runs_short({.unit = "pages",
              .most = 60,
              .step = stride(3),
              .code = Code::kOutOfSpace,
              .begin =
                  [](TreeStore& store) {
                    value_of(store.pager().reserve(60));
                    store.machine().inject({store.machine().calls(), FaultKind::kNoSpace, true});
                  },
              .end = [](TreeStore& store) { store.machine().clear_faults(); }});
}

TEST_P(Faults, NoLackOfMemoryLeavesAChangeByHalves) {
  // A reader from the beginning of the lack on that may see anything, so that spilling sets no
  // frame free.
  const Published published{.txn = pager::kSeesEverything};
  std::atomic<const Published*> newest{&published};
  runs_short({.unit = "frames",
              .most = 120,
              .step = stride(5),
              .code = Code::kResourceExhausted,
              .begin = [&](TreeStore& store) { readers().enter(0, store.pager(), newest); },
              .end = [](TreeStore&) { readers().leave(0); }});
}

INSTANTIATE_TEST_SUITE_P(Access, Faults,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         pager::testing::access_name);

}  // namespace
}  // namespace caisson::btree
