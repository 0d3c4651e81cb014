// Whether this build has a sanitizer: CAISSON_SANITIZED is defined if so.
//
// Sanitizers keep tables of their own for every address range and make each access dearer, so a
// few numbers have to be smaller with them. No behaviour may depend on it.

#ifndef CAISSON_BASE_SANITIZERS_H_
#define CAISSON_BASE_SANITIZERS_H_

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAISSON_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAISSON_SANITIZED 1
#endif

#endif  // CAISSON_BASE_SANITIZERS_H_
