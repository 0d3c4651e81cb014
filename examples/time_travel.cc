// A store that keeps its past: states that have names, and every commit of the last hour.
//
// Usage: time_travel [STORE]        (default: diary.caisson, in the current directory)

#include <caisson/store.h>

#include <chrono>
#include <expected>
#include <iostream>
#include <string>
#include <vector>

namespace {

caisson::TxnId write(const caisson::Store& store, const std::string& text) {
  caisson::WriteTxn txn = store.begin_write().value();
  txn.open_or_create_tree("diary").value().put("today", text).value();
  return txn.commit().value().txn;
}

std::string read(const caisson::Snapshot& snapshot) {
  auto today = snapshot.tree("diary").value().get("today").value();
  return today ? today->to_string().value() : "nothing";
}

void travel(const std::string& path) {
  caisson::Options options;
  options.create_if_missing = true;
  options.retention.age = std::chrono::hours(1);
  caisson::Store store = caisson::Store::open(path, options).value();

  // A name keeps a state for as long as it is there.
  const caisson::TxnId first = write(store, "It rains.");
  const std::vector<caisson::RetainedSnapshot> retained = store.retained().value();
  for (const caisson::RetainedSnapshot& kept : retained) {
    for (const std::string& name : kept.names) store.release(name).value();
  }
  store.retain("a rainy day").value();

  std::vector<caisson::TxnId> commits;
  for (int hour = 8; hour < 12; ++hour) {
    commits.push_back(write(store, "It is " + std::to_string(hour) + " o'clock."));
  }
  const caisson::TxnId last = write(store, "The sun shines.");

  std::cout << "now: " << read(store.snapshot().value()) << '\n'
            << "then: " << read(store.snapshot_named("a rainy day").value()) << '\n';
  // The history is there without names; the log leads from one checkpoint to each commit behind it.
  for (const caisson::TxnId commit : commits) {
    std::cout << "behind commit " << to_u64(commit) << ": "
              << read(store.snapshot_as_of(commit).value()) << '\n';
  }
  std::cout << to_u64(last) - to_u64(first) << " commits later\n";
  store.close().value();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    travel(argc > 1 ? argv[1] : "diary.caisson");
  } catch (const std::bad_expected_access<caisson::Error>& failed) {
    std::cerr << failed.error().to_string() << '\n';
    return 1;
  }
}
