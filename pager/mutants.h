// Deliberate faults in the protocol, to prove that the tests catch them.
//
// Each is a mistake that a real store has made. A build with CAISSON_MUTANTS (never the library:
// only the *_mutant_test programs) can switch one on; elsewhere the question is a constant.

#ifndef CAISSON_PAGER_MUTANTS_H_
#define CAISSON_PAGER_MUTANTS_H_

#include <cstdint>

namespace caisson::pager {

enum class Mutant : std::uint8_t {
  kNone,
  kMetaBeforeDataSync,      // K3 before K2 (CKPT-1).
  kCachedMetaTrusted,       // Open neither flushes nor reads past the cache (OPEN-1).
  kStaleCleanCacheTrusted,  // Open flushes, but reads what a failed flush left (OPEN-1).
  kMetaChecksumIgnored,     // Any block with the right magic is a meta (META-1).
  kSameSlotTwice,           // Every checkpoint writes Meta A (CKPT-2).
  kPageReusedTooEarly,      // The older meta is not a pin (ALLOC-5, CKPT-3).
  kLoserSlotRewritten,      // Open gives a damaged meta a fresh checksum (META-7).
  kSupersededChecksum,      // What a page's number had before counts as its checksum (CKPT-5).
};

#ifdef CAISSON_MUTANTS
// The mutant in force. Set it before a test opens anything.
inline Mutant active_mutant = Mutant::kNone;
inline bool mutated(Mutant mutant) { return active_mutant == mutant; }
#else
constexpr bool mutated(Mutant) { return false; }
#endif

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_MUTANTS_H_
