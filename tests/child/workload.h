// What the program that is killed does, so that whoever killed it knows what has to be there: the
// n-th transaction of a life follows from a seed, the life's number and n, and from nothing else.
// Lives are told apart, so that a commit of one that was lost isn't taken for the one that came in
// its place.

#ifndef CAISSON_TESTS_CHILD_WORKLOAD_H_
#define CAISSON_TESTS_CHILD_WORKLOAD_H_

#include <caisson/store.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace caisson::testing {

// A value by what makes its bytes: models are copied often, and compared seldom.
struct ValueSource {
  std::uint64_t seed = 0;
  std::uint64_t size = 0;

  std::string bytes() const;
};

// What a store holds: trees by name, and their keys.
using TreeContents = std::map<std::string, ValueSource>;
using Contents = std::map<std::string, TreeContents>;

struct Step {
  enum class Kind : std::uint8_t {
    kPut,         // The tree is made if need be.
    kPutStream,   // The same, with the value in pieces.
    kErase,       // Nothing where there is no such tree; so of the next two.
    kEraseRange,  // From the key on up to, but without, the end.
    kDropTree,
    kSavepoint,
    kUndo,     // Rolls back to the savepoint, and releases it.
    kRelease,  // Keeps what came behind the savepoint.
  };

  Kind kind = Kind::kPut;
  std::string tree = {};
  std::string key = {};
  std::string end = {};
  ValueSource value = {};
  std::size_t savepoint = 0;
};

struct Plan {
  std::vector<Step> rolled_back;  // A transaction that is given up before; or none.
  std::vector<Step> steps;        // Of the one that is committed. The last one is a put.
  Durability durability = Durability::kSync;
  bool waits = false;        // For the commit to be durable.
  bool checkpoints = false;  // Behind it.
  bool renews = false;       // A snapshot that is kept otherwise.
};

Plan plan_of(std::uint64_t seed, std::uint64_t life, std::uint64_t txn);

// How a life opens the store.
Options options_of(std::uint64_t seed, std::uint64_t life);

Result<void> carry_out(const std::vector<Step>& steps, WriteTxn& txn);
void carry_out(const std::vector<Step>& steps, Contents& contents);

// What is wrong with a store that should hold this; "" if nothing is.
std::string difference(const Store& store, const Contents& expected);

// What the program tells of itself.
struct Report {
  enum class Kind : std::uint64_t {
    kOpened,        // The store; `number` is the commit that was recovered.
    kBegins,        // The transaction with this number.
    kAcknowledged,  // It was committed, and may be lost again.
    kDurable,       // It may not.
    kFigure,        // Something that was measured; what, is up to the task.
  };

  Kind kind = Kind::kOpened;
  std::uint64_t number = 0;
};

// The pipe that it writes them to.
inline constexpr int kReportDescriptor = 3;

}  // namespace caisson::testing

#endif  // CAISSON_TESTS_CHILD_WORKLOAD_H_
