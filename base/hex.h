// Bytes as hexadecimal digits.
//
// Thread-safe: a pure function.

#ifndef CAISSON_BASE_HEX_H_
#define CAISSON_BASE_HEX_H_

#include <caisson/types.h>

#include <string>

namespace caisson {

// Two digits a byte, in lower case.
std::string to_hex(Bytes bytes);

}  // namespace caisson

#endif  // CAISSON_BASE_HEX_H_
