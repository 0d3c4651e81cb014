#include <caisson/version.h>

namespace caisson {

// The build defines CAISSON_VERSION, so that the number stands in one place: project() in
// CMakeLists.txt.
std::string_view version() { return CAISSON_VERSION; }

}  // namespace caisson
