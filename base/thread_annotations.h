// Names for clang's thread-safety analysis, which proves at compile time that data is touched
// only under its lock (-Wthread-safety; https://clang.llvm.org/docs/ThreadSafetyAnalysis.html).
// Other compilers see nothing. base/mutex.h has the lock types that go with them.

#ifndef CAISSON_BASE_THREAD_ANNOTATIONS_H_
#define CAISSON_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define CAISSON_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define CAISSON_THREAD_ANNOTATION(x)
#endif

// On a class: its objects are locks; `kind` names them in diagnostics ("mutex").
#define CAISSON_CAPABILITY(kind) CAISSON_THREAD_ANNOTATION(capability(kind))

// On a class: its constructor takes a lock and its destructor releases it.
#define CAISSON_SCOPED_CAPABILITY CAISSON_THREAD_ANNOTATION(scoped_lockable)

// On a member: touch it only while holding the lock; for PT_: what the pointer points to.
#define CAISSON_GUARDED_BY(lock) CAISSON_THREAD_ANNOTATION(guarded_by(lock))
#define CAISSON_PT_GUARDED_BY(lock) CAISSON_THREAD_ANNOTATION(pt_guarded_by(lock))

// On a lock: take it before, or after, those.
#define CAISSON_ACQUIRED_BEFORE(...) CAISSON_THREAD_ANNOTATION(acquired_before(__VA_ARGS__))
#define CAISSON_ACQUIRED_AFTER(...) CAISSON_THREAD_ANNOTATION(acquired_after(__VA_ARGS__))

// On a function: the caller holds these locks; it does not hold those.
#define CAISSON_REQUIRES(...) CAISSON_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define CAISSON_REQUIRES_SHARED(...) \
  CAISSON_THREAD_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define CAISSON_EXCLUDES(...) CAISSON_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

// On a function: it takes or releases these locks; none named means the object itself.
#define CAISSON_ACQUIRE(...) CAISSON_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CAISSON_RELEASE(...) CAISSON_THREAD_ANNOTATION(release_capability(__VA_ARGS__))

// On a function: it takes the lock if it returns the first argument.
#define CAISSON_TRY_ACQUIRE(...) CAISSON_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))

// The same, of a lock that several threads may hold together.
#define CAISSON_ACQUIRE_SHARED(...) \
  CAISSON_THREAD_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define CAISSON_RELEASE_SHARED(...) \
  CAISSON_THREAD_ANNOTATION(release_shared_capability(__VA_ARGS__))

// On a function: it is called with the lock shared, or held alone.
#define CAISSON_REQUIRES_SHARED(...) \
  CAISSON_THREAD_ANNOTATION(requires_shared_capability(__VA_ARGS__))

// On a function: it returns only if the lock is held, and the analysis may rely on that.
#define CAISSON_ASSERT_CAPABILITY(...) CAISSON_THREAD_ANNOTATION(assert_capability(__VA_ARGS__))

// On a function: it returns a reference to this lock.
#define CAISSON_RETURN_CAPABILITY(lock) CAISSON_THREAD_ANNOTATION(lock_returned(lock))

// On a function: leave its body out of the analysis. Say why beside it.
#define CAISSON_NO_THREAD_SAFETY_ANALYSIS CAISSON_THREAD_ANNOTATION(no_thread_safety_analysis)

#endif  // CAISSON_BASE_THREAD_ANNOTATIONS_H_
