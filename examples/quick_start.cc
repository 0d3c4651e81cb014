// The least that a program does with a store: it opens one, changes it, and reads what is there.
//
// Usage: quick_start [STORE]        (default: notes.caisson, in the current directory)

#include <caisson/store.h>

#include <expected>
#include <iostream>
#include <string>

namespace {

void take_notes(const std::string& path) {
  // A store is a directory. This one is made if it isn't there.
  caisson::Store store = caisson::Store::open(path, {.create_if_missing = true}).value();

  // Changes of one transaction come into force together, at its commit, and are durable then.
  caisson::WriteTxn txn = store.begin_write().value();
  caisson::WriteTree shopping = txn.open_or_create_tree("shopping").value();
  shopping.put("bread", "1 loaf").value();
  shopping.put("milk", "2 litres").value();
  txn.commit().value();

  {
    // A snapshot shows one state, whatever is committed meanwhile.
    caisson::Snapshot snapshot = store.snapshot().value();
    caisson::Tree list = snapshot.tree("shopping").value();
    if (auto milk = list.get("milk").value()) {
      std::cout << "milk: " << milk->to_string().value() << '\n';
    }

    // All keys in their order; list.cursor(caisson::Range::with_prefix("b")) shows some of them.
    caisson::Cursor cursor = list.cursor().value();
    while (cursor.next().value()) std::cout << caisson::as_text(cursor.key()) << '\n';
  }

  // The snapshot and what came from it have ended, so the store can be closed.
  store.close().value();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    take_notes(argc > 1 ? argv[1] : "notes.caisson");
  } catch (const std::bad_expected_access<caisson::Error>& failed) {
    std::cerr << failed.error().to_string() << '\n';
    return 1;
  }
}
