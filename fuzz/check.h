// What a fuzz target says when an invariant is broken.

#ifndef CAISSON_FUZZ_CHECK_H_
#define CAISSON_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Unlike assert, in every build: a fuzzer that checks nothing finds nothing.
#define FUZZ_CHECK(condition)                                                      \
  do {                                                                             \
    if (!static_cast<bool>(condition)) {                                           \
      std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

#endif  // CAISSON_FUZZ_CHECK_H_
