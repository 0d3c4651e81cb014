// Deliberate faults in the protocol, to prove that the tests catch them.
//
// Each is a mistake that a real store has made, or one that a rule here is against. A build with
// CAISSON_MUTANTS (never the library: only the *_mutant_test programs) can switch one on; elsewhere
// the question is a constant.

#ifndef CAISSON_LOG_MUTANTS_H_
#define CAISSON_LOG_MUTANTS_H_

#include <cstdint>

namespace caisson::log {

enum class Mutant : std::uint8_t {
  kNone,
  kAcknowledgedBeforeFlush,  // C4 without C3 (WRITE-1).
  kFlushRetried,             // A flush that fails is tried again, and believed (WRITE-3).
  kRecordsNotChained,        // Whole records of the right number are taken (LOG-6).
  kOldPartsBelieved,         // A new epoch is looked for behind the old chain only (LOG-7).
  kDamagedRecordSkipped,     // The chain goes on behind a hole (RECOVER-2).
  kCacheTrusted,             // Recovery neither flushes nor reads past the cache (RECOVER-1).
  kStaleCleanCacheTrusted,   // It flushes, but reads what a failed flush left (RECOVER-1).
  kAnyRecordIsEvidence,      // A record behind a hole is corruption, whatever it says (RECOVER-3).
  kNoEvidenceLookedFor,      // Any hole is the end (RECOVER-3).
  kEvidenceOfOneEpoch,       // Only records of the last epoch count (RECOVER-3).
  kFileUsedBeforeDurable,    // Nothing is flushed when a file is made (LOG-2).
};

#ifdef CAISSON_MUTANTS
// The mutant in force. Set it before a test opens anything.
inline Mutant active_mutant = Mutant::kNone;
inline bool mutated(Mutant mutant) { return active_mutant == mutant; }
#else
constexpr bool mutated(Mutant) { return false; }
#endif

}  // namespace caisson::log

#endif  // CAISSON_LOG_MUTANTS_H_
