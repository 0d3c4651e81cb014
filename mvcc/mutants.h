// Deliberate faults in the engine's protocol, to prove that the tests catch them. As log/mutants.h.

#ifndef CAISSON_MVCC_MUTANTS_H_
#define CAISSON_MVCC_MUTANTS_H_

#include <cstdint>

namespace caisson::mvcc {

enum class Mutant : std::uint8_t {
  kNone,
  kSealedNotPinned,          // What is sealed and not yet published is no pin (section 4).
  kSnapshotNotPinned,        // Nor what a snapshot holds.
  kCheckpointBeforeDurable,  // Of a commit whose record is not durable (CHECKPOINT-1).
  kLogRetiredFirst,          // Before the checkpoint is durable (CHECKPOINT-2).
  kLogRetiredBehindNewest,   // Behind the newer of the two metas (CHECKPOINT-2).
  kRollbackNotRecorded,      // A savepoint's parts stay in the log.
  kRetainedNotPinned,        // Nor what is retained (RETAIN-2),
  kReadersNotSeen,           // or what readers in other processes need (VIEW-2).
  kPositionsNotSeen,         // The log that positions need is retired (POSITION-3).
  kFollowedPastDurable,      // A reader applies whatever the log holds (VIEW-3).
};

#ifdef CAISSON_MUTANTS
// The mutant in force. Set it before a test opens anything.
inline Mutant active_mutant = Mutant::kNone;
inline bool mutated(Mutant mutant) { return active_mutant == mutant; }
#else
constexpr bool mutated(Mutant) { return false; }
#endif

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_MUTANTS_H_
