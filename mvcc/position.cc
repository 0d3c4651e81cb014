#include "mvcc/position.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "mvcc/log_position.h"

namespace caisson::mvcc {
namespace {

constexpr char kMagic[] = {'C', 'A', 'I', 'S', 'S', 'O', 'N', 'f'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kNameSizeMax = 255;

// Without names and trees.
constexpr std::size_t kFixedSize = 8 + 4 + 4 + 16 + 8 + kLogPositionSize + 1 + 4;
constexpr std::size_t kTreeSize = 8 + 1;

constexpr std::size_t kFileNameSize = 16;
constexpr const char* kNewSuffix = ".new";

std::unexpected<Error> broken(std::string what) {
  return fail(Error(Code::kCorruption, "a position is damaged: " + std::move(what))
                  .with_rule("POSITION-1")
                  .with_advice("The whole log is kept until it is removed, or brought back from a "
                               "backup of the same state."));
}

std::string path_of(const std::string& file) { return std::string(kPositionsName) + "/" + file; }

// Of all bytes, with those of the checksum itself taken as zero.
std::uint32_t checksum_of(Bytes bytes) {
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  store_u32(copy.data() + kChecksumOffset, 0);
  return crc32c(copy);
}

void encode_name(Encoder& out, std::string_view name) {
  out.u8(static_cast<std::uint8_t>(name.size()));
  out.bytes(std::as_bytes(std::span(name)));
}

std::string decode_name(Decoder& in) {
  const Bytes bytes = in.bytes(in.u8());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<TreeNames> decode_trees(Decoder& in) {
  TreeNames trees;
  std::set<std::string_view> names;
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const TreeId id{in.u64()};
    std::string name = decode_name(in);
    if (!in.ok()) break;
    if (id == TreeId{} || id > kTreeIdMax || (!trees.empty() && id <= trees.rbegin()->first)) {
      return broken("its trees are not in order");
    }
    if (name.empty()) return broken("a tree has no name");
    const auto added = trees.emplace_hint(trees.end(), id, std::move(name));
    if (!names.insert(added->second).second) return broken("two trees have the same name");
  }
  return trees;
}

Error no_such_position(std::string_view name) {
  return {Code::kNotFound, "there is no position of the name \"" + std::string(name) + "\""};
}

}  // namespace

Error position_exists(std::string_view name) {
  return Error(Code::kAlreadyExists,
               "there is a position of the name \"" + std::string(name) + "\"")
      .with_advice("Follow it; or remove it first, or choose another name.");
}

Result<void> validate_position_name(std::string_view name) {
  if (!name.empty() && name.size() <= kNameSizeMax) return {};
  return fail(Code::kInvalidArgument, "a position's name has 1 to 255 bytes");
}

std::uint64_t position_number(std::string_view name) {
  return xxh3_128(std::as_bytes(std::span(name))).low;
}

std::string position_file_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::uint64_t number = position_number(name);
  std::string file(kFileNameSize, '0');
  for (std::size_t i = 0; i < kFileNameSize; ++i) {
    file[i] = kDigits[(number >> (60 - 4 * i)) & 15U];
  }
  return file;
}

bool is_position_file_name(std::string_view file) {
  return file.size() == kFileNameSize &&
         file.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// --- Bytes ---------------------------------------------------------------------------------------

Result<std::vector<std::byte>> encode_position(const Position& position, const Uuid& uuid) {
  std::size_t size = kFixedSize + position.name.size();
  for (const auto& [id, name] : position.trees) size += kTreeSize + name.size();
  if (size > kPositionSizeMax) {
    return fail(Code::kResourceExhausted, "the store has too many trees for a position");
  }
  std::vector<std::byte> bytes(size);
  Encoder out(bytes);
  out.bytes(std::as_bytes(std::span(kMagic)));
  out.u32(0);
  out.u32(kVersion);
  out.uuid(uuid);
  out.u64(to_u64(position.txn));
  encode_log_position(out, position.log);
  encode_name(out, position.name);
  out.u32(static_cast<std::uint32_t>(position.trees.size()));
  for (const auto& [id, name] : position.trees) {
    out.u64(to_u64(id));
    encode_name(out, name);
  }
  store_u32(bytes.data() + kChecksumOffset, crc32c(bytes));
  return bytes;
}

Result<Position> decode_position(Bytes bytes, const Uuid& uuid) {
  Decoder in(bytes);
  const Bytes magic = in.bytes(sizeof kMagic);
  const std::uint32_t checksum = in.u32();
  const std::uint32_t version = in.u32();
  if (!in.ok() || std::memcmp(magic.data(), kMagic, sizeof kMagic) != 0) {
    return broken("it does not begin as one");
  }
  if (checksum != checksum_of(bytes)) return broken("its checksum differs");
  if (version == 0) return broken("it has no version");
  if (version > kVersion) {
    return fail(
        Error(Code::kUnsupportedVersion, "a position has version " + std::to_string(version))
            .with_rule("POSITION-1")
            .with_advice("Use the version of Caisson that wrote it, or a later one."));
  }
  const Uuid owner = in.uuid();
  Position position;
  position.txn = TxnId{in.u64()};
  position.log = decode_log_position(in);
  position.name = decode_name(in);
  CAISSON_ASSIGN_OR_RETURN(position.trees, decode_trees(in));
  if (!in.finish()) return broken("it is not whole");
  if (position.name.empty()) return broken("it has no name");
  if (position.txn != TxnId{} && position.log.file == 0) {
    return broken("it names no place in the log");
  }
  if (owner != uuid) {
    return fail(Error(Code::kWrongStore, "a position belongs to another store")
                    .with_rule("POSITION-1")
                    .with_advice("Remove it, if nobody needs it."));
  }
  return position;
}

// --- Files ---------------------------------------------------------------------------------------

Result<std::unique_ptr<io::Directory>> PositionFiles::open() const {
  auto directory = store_->open_directory(kPositionsName);
  if (!directory && directory.error().code() == Code::kNotFound) {
    return std::unique_ptr<io::Directory>();
  }
  return directory;
}

Result<std::unique_ptr<io::Directory>> PositionFiles::open_or_make() {
  auto made = store_->make_directory(kPositionsName);
  if (!made && made.error().code() != Code::kAlreadyExists) return fail(std::move(made).error());
  // Whoever has made it may have ended before this.
  CAISSON_RETURN_IF_ERROR(store_->sync());
  return store_->open_directory(kPositionsName);
}

Result<Position> PositionFiles::read_file(io::Directory& directory, const std::string& file) const {
  CAISSON_ASSIGN_OR_RETURN(const auto opened, directory.open_file(file, {}));
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, opened->size());
  if (size > kPositionSizeMax) return broken("it is too long");
  std::vector<std::byte> bytes(size);
  CAISSON_RETURN_IF_ERROR(opened->read_exactly(0, bytes));
  CAISSON_ASSIGN_OR_RETURN(Position position, decode_position(bytes, uuid_));
  if (position_file_name(position.name) != file) return broken("its file has another's name");
  return position;
}

Result<std::vector<Result<Position>>> PositionFiles::list() const {
  std::vector<Result<Position>> positions;
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open());
  if (!directory) return positions;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> files, directory->list());
  for (const std::string& file : files) {
    if (!is_position_file_name(file)) continue;
    auto position = read_file(*directory, file);
    // It was removed meanwhile.
    if (!position && position.error().code() == Code::kNotFound) continue;
    if (!position) position = fail(std::move(position).error().in_file(path_of(file)));
    positions.push_back(std::move(position));
  }
  return positions;
}

PositionNeeds PositionFiles::needs() const {
  PositionNeeds needs;
  const auto positions = list();
  if (!positions) return {.unreadable = 1};
  for (const Result<Position>& position : *positions) {
    if (!position) {
      ++needs.unreadable;
      continue;
    }
    ++needs.positions;
    needs.oldest = std::min(position->txn, needs.oldest.value_or(position->txn));
    needs.first_log_file =
        std::min(needs.first_log_file, std::max<std::uint64_t>(position->log.file, 1));
  }
  return needs;
}

Result<Position> PositionFiles::read(std::string_view name) const {
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open());
  if (!directory) return fail(no_such_position(name));
  const std::string file = position_file_name(name);
  auto position = read_file(*directory, file);
  if (!position) {
    if (position.error().code() == Code::kNotFound) return fail(no_such_position(name));
    return fail(std::move(position).error().in_file(path_of(file)));
  }
  if (position->name != name) {
    return fail(Error(Code::kInvalidArgument, "another position, \"" + position->name +
                                                  "\", has the file that this one would have")
                    .in_file(path_of(file))
                    .with_advice("Choose another name."));
  }
  return position;
}

Result<bool> PositionFiles::exists(std::string_view name) const {
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open());
  if (!directory) return false;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> files, directory->list());
  return std::ranges::find(files, position_file_name(name)) != files.end();
}

Result<void> PositionFiles::write(const Position& position) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, encode_position(position, uuid_));
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open_or_make());
  const std::string file = position_file_name(position.name);
  const std::string unfinished = file + kNewSuffix;
  const auto removed = directory->unlink(unfinished);
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  auto written = [&]() -> Result<void> {
    CAISSON_ASSIGN_OR_RETURN(const auto made,
                             directory->open_file(unfinished, {.mode = io::OpenMode::kCreate}));
    CAISSON_RETURN_IF_ERROR(made->write(0, bytes));
    CAISSON_RETURN_IF_ERROR(made->sync_data());
    return directory->rename(unfinished, file, io::Directory::IfTargetExists::kReplace);
  }();
  if (!written) {
    (void)directory->unlink(unfinished);  // Only tidiness.
    return written;
  }
  return directory->sync();
}

Result<void> PositionFiles::remove(std::string_view name) {
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open());
  if (!directory) return fail(no_such_position(name));
  const std::string file = position_file_name(name);
  (void)directory->unlink(file + kNewSuffix);  // Only tidiness.
  auto removed = directory->unlink(file);
  if (!removed && removed.error().code() == Code::kNotFound) return fail(no_such_position(name));
  CAISSON_RETURN_IF_ERROR(removed);
  return directory->sync();
}

}  // namespace caisson::mvcc
