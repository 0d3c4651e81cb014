// Named positions: places in the log that are kept for those who will follow it from there, in
// files of their own (spec/store.md, section 11).

#ifndef CAISSON_MVCC_POSITION_H_
#define CAISSON_MVCC_POSITION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "io/file.h"
#include "mvcc/catalog.h"
#include "mvcc/lock_file.h"

namespace caisson::mvcc {

// The directory of the positions within a store's.
inline constexpr const char* kPositionsName = "positions";

// The largest that a position's file may be, in bytes: there are trees of a quarter of a million of
// the longest names in it.
inline constexpr std::size_t kPositionSizeMax = std::size_t{64} << 20U;

// The trees that there are, as operations name them.
using TreeNames = std::map<TreeId, std::string>;

// A place behind a commit, and all that reading on from there takes.
struct Position {
  std::string name;
  TxnId txn{};
  LogPosition log;  // Behind that commit.
  TreeNames trees;  // As of it.

  friend bool operator==(const Position&, const Position&) = default;
};

// A name of 1 to 255 bytes; else kInvalidArgument.
Result<void> validate_position_name(std::string_view name);

// What is said where it is to be made, and is there.
Error position_exists(std::string_view name);

// What a position's file and its lock are found by.
std::uint64_t position_number(std::string_view name);

// The file of a position; and whether a file of that name is one.
std::string position_file_name(std::string_view name);
bool is_position_file_name(std::string_view file);

// REQUIRES: POSITION-1. kResourceExhausted beyond kPositionSizeMax.
Result<std::vector<std::byte>> encode_position(const Position& position, const Uuid& uuid);

// kCorruption (POSITION-1); kUnsupportedVersion; kWrongStore.
Result<Position> decode_position(Bytes bytes, const Uuid& uuid);

// What the positions of a store keep.
struct PositionNeeds {
  std::uint64_t positions = 0;
  std::optional<TxnId> oldest = {};
  std::uint64_t first_log_file = kNoLogFile;

  // Of which nobody knows what they need: the whole log (POSITION-3).
  std::uint64_t unreadable = 0;

  friend bool operator==(const PositionNeeds&, const PositionNeeds&) = default;
};

// The positions of a store. Thread-safe in what is const. The directory outlives it.
class PositionFiles {
 public:
  PositionFiles(io::Directory& store, const Uuid& uuid) : store_(&store), uuid_(uuid) {}

  // All of them, each or what is wrong with it, in the order of their files' names.
  Result<std::vector<Result<Position>>> list() const;

  // What they keep. Where they can't be listed, that is one which can't be read.
  PositionNeeds needs() const;

  // One of them. kNotFound; others as decode_position() and reading a file.
  Result<Position> read(std::string_view name) const;

  // Whether there is one, readable or not.
  Result<bool> exists(std::string_view name) const;

  // Makes it, or puts it in the place of the one that is there, durable (POSITION-2): whatever
  // happens, one of the two is there whole. Errors: kOutOfSpace, kReadOnly, kPermissionDenied,
  // kIoError; where only the last flush fails it may be there. REQUIRES: its lock.
  Result<void> write(const Position& position);

  // Removes it, readable or not, and what an attempt to write it has left. kNotFound; others as
  // write(). REQUIRES: its lock.
  Result<void> remove(std::string_view name);

 private:
  // None: there are no positions yet.
  Result<std::unique_ptr<io::Directory>> open() const;
  Result<std::unique_ptr<io::Directory>> open_or_make();
  Result<Position> read_file(io::Directory& directory, const std::string& file) const;

  io::Directory* store_;
  Uuid uuid_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_POSITION_H_
