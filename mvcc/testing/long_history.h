// A store whose log is never retired, used at random, with the hash of each state that it had: what
// tests of replay start from.

#ifndef CAISSON_MVCC_TESTING_LONG_HISTORY_H_
#define CAISSON_MVCC_TESTING_LONG_HISTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "log/log_file.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc::testing {

// Transactions of every kind: trees made, with options, and dropped; values put, short, long and in
// pieces, some of them given up; keys and ranges removed; savepoints rolled back and released; more
// than fits a record; transactions rolled back. The process is killed now and then, so there are
// many epochs, and what was torn behind them. Of two metas at most one is behind the log's first
// file: so all of its files stay.
class LongHistory {
 public:
  LongHistory(const StoreOptions& options, std::uint64_t seed);

  // So many steps, each a transaction or a restart.
  void run(int steps);

  EngineStore& store() { return store_; }

  // The state's hash behind each commit, from commit 0 on.
  const std::vector<Hash128>& hashes() const { return hashes_; }

  // What has happened: for a test to make sure that it was there.
  struct Counts {
    int long_values = 0;
    int given_up = 0;
    int drops = 0;
    int ranges = 0;
    int rolled_back_savepoints = 0;
    int spilled = 0;  // Transactions of more than one record.
    int restarts = 0;
  };
  const Counts& counts() const { return counts_; }

  // The log, as a stranger finds it.
  std::unique_ptr<log::LogDirectory> log();

 private:
  std::string any_key();
  std::string any_value();
  TreeId any_tree(WriteTxn& txn);
  void change(WriteTxn& txn);
  void put_in_pieces(WriteTxn& txn, TreeId tree);
  void erase_range(WriteTxn& txn, TreeId tree);
  void put_much(WriteTxn& txn);
  void with_savepoint(WriteTxn& txn);
  void transact();
  void note(const Committed& committed);
  void restart();

  EngineStore store_;
  Random random_;
  std::vector<Hash128> hashes_;
  Counts counts_;
  bool checkpointed_ = false;
};

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_LONG_HISTORY_H_
