// A store that is backed up while it is written: whole, then what has come since; and gone back to.
//
// Usage: back_up [FOLDER]        (default: the current directory)

#include <caisson/store.h>

#include <expected>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

caisson::TxnId add(const caisson::Store& store, const std::string& item) {
  caisson::WriteTxn txn = store.begin_write().value();
  txn.open_or_create_tree("stock").value().put(item, "in stock").value();
  return txn.commit().value().txn;
}

std::uint64_t count(const std::string& path) {
  const auto store = caisson::Store::open(path, {.read_only = true}).value();
  return store.snapshot().value().tree("stock").value().count();
}

void back_up(const std::string& folder) {
  const std::string backup = folder + "/backup.caisson";
  const std::string restored = folder + "/restored.caisson";
  for (const std::string& path : {folder + "/shop.caisson", backup, restored}) {
    std::filesystem::remove_all(path);  // Of an earlier run.
  }
  caisson::Store store = caisson::Store::create(folder + "/shop.caisson").value();
  add(store, "apples");

  // The first one under a name copies all of it; from then on the store keeps its log for the next.
  store.backup(backup, {.name = "nightly"}).value();
  const caisson::TxnId good = add(store, "pears");
  add(store, "plums, by mistake");
  const caisson::BackupReport report = store.backup(backup, {.name = "nightly"}).value();
  std::cout << "commits that were new: " << to_u64(report.txn) - to_u64(report.from) << '\n';

  // Any state since the first backup can be gone back to.
  caisson::restore(backup, restored, {.as_of = good}).value();
  std::cout << "then: " << count(restored) << " items, now: " << count(backup) << '\n';
  store.close().value();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    back_up(argc > 1 ? argv[1] : ".");
    return 0;
  } catch (const std::bad_expected_access<caisson::Error>& failure) {
    std::cerr << failure.error().to_string() << '\n';
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
  }
  return 1;
}
