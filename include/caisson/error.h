// How Caisson reports that something went wrong: as a value, never as an exception.
//
// Every function that can fail returns Result<T>, which holds either the answer or an Error. An
// Error says what kind of failure it is (a Code, which names the caller's next step), what
// happened, where (file, offset, page, record) and what a person can do about it.
//
// Thread-safe: an Error is immutable once it has been handed out, and copying one is cheap.

#ifndef CAISSON_ERROR_H_
#define CAISSON_ERROR_H_

#include <caisson/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace caisson {

// The kind of a failure. Each code stands for one thing that a caller can do next.
enum class Code : std::uint8_t {
  kNotFound,            // What was asked for does not exist; often not an error to the caller.
  kAlreadyExists,       // What was to be created exists already; open it, or choose another name.
  kInvalidArgument,     // The call can never succeed as written; fix the call.
  kUnsupported,         // This build or this system can't do it; see the message for what can.
  kBusy,                // Somebody else holds it; try again later.
  kPermissionDenied,    // The operating system forbids it; change owner, mode or mount.
  kReadOnly,            // The store or its file system is read-only; open another way to write.
  kResourceExhausted,   // A configured limit was met; raise it or ask for less.
  kOutOfSpace,          // The disk is full (bytes or inodes); nothing changed; free some space.
  kIoError,             // The operating system failed to read or write.
  kDurabilityUnknown,   // A flush failed: the change may or may not survive. Reopen to find out.
  kPoisoned,            // An earlier write failed; this handle refuses writes. Reopen the store.
  kCorruption,          // Bytes on disk break a rule of the format; copy them away first.
  kWrongStore,          // A file belongs to another store (its UUID differs).
  kUnsupportedVersion,  // A newer Caisson wrote this; use that version or a later one.
  kSnapshotTooOld,      // Later commits came Options::snapshot_age_max ago; take a new snapshot.
  kStopped,             // It was asked to stop, and nothing is wrong; call again to do it.
};

// The code's name in the spelling of messages and JSON: "corruption", "out of space", ...
// The view lives for ever.
CAISSON_API std::string_view to_string(Code code);

// What went wrong, where, and what to do. Cheap to copy and to move (one pointer).
class [[nodiscard]] CAISSON_API Error {
 public:
  Error(Code code, std::string message);

  // Says where it happened, or what a person can do next. Each replaces what was there before
  // and leaves other copies of the error as they were.
  Error&& in_file(std::string file) &&;
  Error&& at_offset(std::uint64_t offset_bytes) &&;
  Error&& at_page(std::uint64_t page) &&;
  Error&& at_record(std::uint64_t record) &&;
  Error&& with_rule(std::string rule) &&;
  Error&& with_advice(std::string advice) &&;

  Code code() const;

  // What happened, in one sentence without a full stop. Lives as long as this error.
  const std::string& message() const;

  // The file concerned, as a path within the store; empty where no file is concerned.
  const std::string& file() const;

  // Where in the file, in bytes; which page; which log record. Absent where not known.
  std::optional<std::uint64_t> offset() const;
  std::optional<std::uint64_t> page() const;
  std::optional<std::uint64_t> record() const;

  // The rule of spec/ that the bytes break, such as "PAGE-2"; empty where none is concerned.
  const std::string& rule() const;

  // What the user can do next, as a sentence; empty where the code says it all.
  const std::string& advice() const;

  // Everything above in one line for people:
  // "corruption: checksum differs (pages, page 17, offset 278528, rule PAGE-1). Run ...".
  std::string to_string() const;

 private:
  struct Detail;

  // Makes this error the only owner of its detail, so that a change can't reach other copies.
  Detail& own();

  std::shared_ptr<Detail> detail_;
};

// Either a T or the Error that says why there is none.
template <typename T>
using Result = std::expected<T, Error>;

}  // namespace caisson

#endif  // CAISSON_ERROR_H_
