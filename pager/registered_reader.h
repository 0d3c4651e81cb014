// Who looks at pages now: what the owner of all readers tells the pager (the `readers` option).

#ifndef CAISSON_PAGER_REGISTERED_READER_H_
#define CAISSON_PAGER_REGISTERED_READER_H_

#include <cstdint>

#include "base/ids.h"

namespace caisson::pager {

// The txn of a reader that may be given any page.
inline constexpr TxnId kSeesEverything{~std::uint64_t{0}};

// A reader can't find what left the page table before its epoch, and has no use for pages born
// after the txn whose state it reads.
struct RegisteredReader {
  std::uint64_t epoch = 0;
  TxnId txn = kSeesEverything;

  friend bool operator==(const RegisteredReader&, const RegisteredReader&) = default;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_REGISTERED_READER_H_
