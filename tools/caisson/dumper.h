// Writes the trees of a snapshot as rows.

#ifndef CAISSON_TOOLS_CAISSON_DUMPER_H_
#define CAISSON_TOOLS_CAISSON_DUMPER_H_

#include <caisson/store.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/caisson/dump_mark.h"
#include "tools/rows/dump_format.h"
#include "tools/rows/row.h"
#include "tools/rows/row_writer.h"

namespace caisson::tools {

struct DumpOptions {
  RowFormat format = RowFormat::kTsv;
  std::optional<std::string> tree;  // The one to dump; none: all but the program's own.

  // Asked before each row: whether to stop.
  std::function<bool()> stopping = [] { return false; };

  // Called every some hundred rows, with those that were written and their bytes.
  std::function<void(std::uint64_t, std::uint64_t)> writing = [](std::uint64_t, std::uint64_t) {};
};

// Used by one thread.
class Dumper {
 public:
  // Begins a dump; or goes on with one, of the same state. All of them outlive it.
  Dumper(const DumpOptions& options, const Snapshot& snapshot, std::ostream& out,
         const std::optional<DumpMark>& mark);

  // Writes all rows; false if it was to stop, or the output takes no more.
  Result<bool> run();

  // How many entries there are in all.
  Result<std::uint64_t> total() const;

  // After run() was stopped: what is needed to go on. Format, store and txn are not set.
  DumpMark mark() const;

  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return sink_.bytes(); }

 private:
  Result<std::vector<std::string>> names() const;
  Result<bool> dump_tree(const std::string& name);

  const DumpOptions& options_;
  const Snapshot& snapshot_;
  RowSink sink_;
  std::unique_ptr<RowWriter> writer_;
  const DumpWriter* binary_ = nullptr;  // The writer, if it is one.
  std::string tree_;                    // That is being dumped,
  bool in_tree_ = false;                // if any is,
  std::optional<std::string> key_;      // and the last key of it that was.
  std::uint64_t rows_ = 0;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_DUMPER_H_
