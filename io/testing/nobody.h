// Takes a root's rights away for a while, for tests of what the system refuses: root is refused
// nothing, and tests often run as root.

#ifndef CAISSON_IO_TESTING_NOBODY_H_
#define CAISSON_IO_TESTING_NOBODY_H_

#include <sys/fsuid.h>
#include <unistd.h>

namespace caisson::io::testing {

// While it lives, the calling thread has nobody's rights to files if it had root's. Others keep
// what they have.
class WithoutRootsRights {
 public:
  WithoutRootsRights() {
    if (geteuid() == 0) setfsuid(kNobody);
  }
  ~WithoutRootsRights() {
    if (geteuid() == 0) setfsuid(0);
  }
  WithoutRootsRights(const WithoutRootsRights&) = delete;
  WithoutRootsRights& operator=(const WithoutRootsRights&) = delete;

  // False for a root in a container that doesn't know that user.
  static bool possible() {
    const WithoutRootsRights without;
    return geteuid() != 0 || static_cast<uid_t>(setfsuid(kNobody)) == kNobody;
  }

 private:
  static constexpr uid_t kNobody = 65534;
};

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_TESTING_NOBODY_H_
