// Bytes and hashes as hexadecimal digits.
//
// Thread-safe: pure functions.

#ifndef CAISSON_BASE_HEX_H_
#define CAISSON_BASE_HEX_H_

#include <caisson/types.h>

#include <string>

#include "base/hash.h"

namespace caisson {

// Two digits a byte, in lower case.
std::string to_hex(Bytes bytes);

// The number, as 32 digits.
std::string to_hex(const Hash128& hash);

}  // namespace caisson

#endif  // CAISSON_BASE_HEX_H_
