// Uses Caisson as somebody else's program would: by its public headers alone.

#include <caisson/error.h>
#include <caisson/types.h>
#include <caisson/version.h>

#include <cstdio>
#include <string>

namespace {

caisson::Result<int> look_up(bool present) {
  if (present) return 1;
  return std::unexpected(caisson::Error(caisson::Code::kNotFound, "no such key").at_page(7));
}

}  // namespace

int main() {
  const caisson::Result<int> missing = look_up(false);
  const std::string expected = "not found: no such key (page 7)";
  if (!look_up(true) || missing || missing.error().to_string() != expected) {
    std::fprintf(stderr, "errors don't work across the library's border\n");
    return 1;
  }
  std::printf("%s\n", std::string(caisson::version()).c_str());
  return 0;
}
