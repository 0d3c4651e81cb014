// Loads rows into a store, a transaction for each batch.

#ifndef CAISSON_TOOLS_CAISSON_LOADER_H_
#define CAISSON_TOOLS_CAISSON_LOADER_H_

#include <caisson/store.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tools/caisson/load_mark.h"
#include "tools/rows/row.h"

namespace caisson::tools {

enum class OnDuplicate : std::uint8_t { kReplace, kError, kSkip };

struct LoadOptions {
  std::string source;  // Its name in the store, and
  RowFormat format = RowFormat::kTsv;
  std::optional<std::string> tree;  // Where all rows go; none: each says it.
  std::uint64_t batch = 1000;       // Rows in a transaction; at least 1.
  OnDuplicate on_duplicate = OnDuplicate::kReplace;

  // Asked before each row is taken and between pieces of long values: whether to stop.
  std::function<bool()> stopping = [] { return false; };

  // Called every some hundred rows, with those that were read and the bytes that were.
  std::function<void(std::uint64_t, std::uint64_t)> reading = [](std::uint64_t, std::uint64_t) {};
};

// What was acknowledged, the rows before this run included.
struct Loaded {
  std::uint64_t txn = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t batches = 0;  // Of this run.
  std::string place;          // Of the last row: "line 7"; "" before any.
};

// Used by one thread.
class Loader {
 public:
  // All of them outlive it.
  Loader(const LoadOptions& options, const Store& store, RowReader& reader)
      : options_(options), store_(store), reader_(reader) {}

  // Goes over what an earlier run has loaded. kInvalidArgument if the source isn't what it was.
  Result<void> skip(const LoadMark& mark);

  // Says that the store may have a note of an earlier run, which is to be forgotten.
  void restart() { marked_ = true; }

  // Loads the next batch. False if there was nothing left, or it was to stop: then nothing of the
  // batch is there. After an error, nothing of it is there either.
  Result<bool> load_batch();

  // Whether all has been loaded, and the store's note of how far it was is gone.
  bool finished() const { return finished_; }

  const Loaded& loaded() const { return loaded_; }

 private:
  Result<bool> read_batch(WriteTxn& txn, std::uint64_t& rows);
  Result<void> apply(WriteTxn& txn, const Row& row);
  Result<WriteTree*> tree_of(WriteTxn& txn, const Row& row);
  Result<void> put(WriteTree& tree, const Row& row);
  Result<bool> put_long(WriteTree& tree, const Row& row);
  LoadMark mark() const;

  const LoadOptions& options_;
  const Store& store_;
  RowReader& reader_;
  std::map<std::string, WriteTree, std::less<>> trees_;  // Of the transaction.
  const std::string* last_name_ = nullptr;               // The last one that was asked for.
  WriteTree* last_tree_ = nullptr;
  std::uint64_t rows_ = 0;  // That were read.
  bool marked_ = false;     // The store has a note.
  bool finished_ = false;
  Loaded loaded_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_LOADER_H_
