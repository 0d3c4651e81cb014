// Which release of Caisson this is.
//
// Thread-safe: nothing here changes while a program runs.

#ifndef CAISSON_VERSION_H_
#define CAISSON_VERSION_H_

#include <caisson/types.h>

#include <string_view>

namespace caisson {

// The version of the library that is running, as "major.minor.patch". With a shared library it
// may be another than the one that the program was compiled against. The view lives for ever.
CAISSON_API std::string_view version();

}  // namespace caisson

#endif  // CAISSON_VERSION_H_
