#include "log/log_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "io/memory.h"
#include "log/mutants.h"

namespace caisson::log {
namespace {

constexpr std::uint64_t kMagic = 0x6C4E4F5353494143;  // "CAISSONl"
constexpr std::size_t kChecksumOffset = 8;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFieldsSize = 48;
constexpr std::size_t kDigitsMin = 8;
constexpr std::size_t kZerosSize = std::size_t{1} << 20U;

constexpr std::string_view kSuffix = ".log";
constexpr std::string_view kNewSuffix = ".new";

// The checksum with its own place taken as zero.
std::uint32_t header_checksum(Bytes block) {
  static constexpr std::array<std::byte, 4> kZero{};
  const std::uint32_t before = crc32c_extend(crc32c(block.first(kChecksumOffset)), kZero);
  return crc32c_extend(before, block.subspan(kChecksumOffset + 4));
}

std::string numbered(std::uint64_t sequence, std::string_view suffix) {
  std::string digits = std::to_string(sequence);
  if (digits.size() < kDigitsMin) digits.insert(0, kDigitsMin - digits.size(), '0');
  return digits.append(suffix);
}

Error too_short(const std::string& name, std::uint64_t size, std::uint64_t expected) {
  return Error(Code::kCorruption, "this log file has " + std::to_string(size) +
                                      " bytes instead of " + std::to_string(expected))
      .in_file(name)
      .with_rule("LOG-1")
      .with_advice("It has been cut since it was made. A copy of it may be whole.");
}

}  // namespace

std::string file_name(std::uint64_t sequence) { return numbered(sequence, kSuffix); }
std::string new_file_name(std::uint64_t sequence) { return numbered(sequence, kNewSuffix); }

bool is_log_file_name(std::string_view name) {
  if (!name.ends_with(kNewSuffix)) return sequence_of(name).has_value();
  name.remove_suffix(kNewSuffix.size());
  return sequence_of(std::string(name).append(kSuffix)).has_value();
}

std::optional<std::uint64_t> sequence_of(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - kSuffix.size());
  std::uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
  // Written any other way, it is not ours: "1.log", "+00000001.log".
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (sequence == 0 || file_name(sequence) != name) return std::nullopt;
  return sequence;
}

void encode_file_header(const FileHeader& header, MutableBytes block) {
  Encoder encoder(block);
  encoder.u64(kMagic);
  encoder.u32(0);
  encoder.u32(kVersion);
  encoder.uuid(header.uuid);
  encoder.u64(header.sequence);
  encoder.u64(header.size);
  encoder.zeros(block.size() - kFieldsSize);
  store_u32(block.data() + kChecksumOffset, header_checksum(block));
}

Result<FileHeader> decode_file_header(Bytes block) {
  const auto broken = [](std::string what) {
    return fail(Error(Code::kCorruption, "the header of a log file: " + std::move(what))
                    .with_rule("LOG-1"));
  };
  if (block.size() < kFileHeaderSize) return broken("it ends early");
  block = block.first(kFileHeaderSize);
  Decoder decoder(block);
  if (decoder.u64() != kMagic) return broken("no magic");
  if (decoder.u32() != header_checksum(block)) return broken("the checksum differs");
  const std::uint32_t version = decoder.u32();
  if (version > kVersion) {
    return fail(
        Error(Code::kUnsupportedVersion, "a log of format version " + std::to_string(version) +
                                             "; this program reads " + std::to_string(kVersion))
            .with_rule("LOG-1"));
  }
  if (version == 0) return broken("version 0");
  FileHeader header;
  header.uuid = decoder.uuid();
  header.sequence = decoder.u64();
  header.size = decoder.u64();
  decoder.zeros(kFileHeaderSize - kFieldsSize);
  if (!decoder.finish()) return broken("bytes that have to be zero are not");
  if (header.sequence == 0) return broken("sequence 0");
  if (header.size < kFileSizeMin || header.size > kFileSizeMax ||
      header.size % kFileHeaderSize != 0) {
    return broken("a size of " + std::to_string(header.size) + " bytes");
  }
  return header;
}

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(io::Directory& store, const Uuid& uuid) {
  CAISSON_ASSIGN_OR_RETURN(auto directory, store.open_directory(kLogDirectoryName));
  return std::make_unique<LogDirectory>(std::move(directory), uuid);
}

Result<std::vector<std::uint64_t>> LogDirectory::files() const {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory_->list());
  std::vector<std::uint64_t> sequences;
  for (const std::string& name : names) {
    if (const auto sequence = sequence_of(name)) sequences.push_back(*sequence);
  }
  std::ranges::sort(sequences);
  return sequences;
}

Result<LogFile> LogDirectory::open_unchecked(std::uint64_t sequence, FileAccess access) const {
  const bool direct = access == FileAccess::kReadDirect || access == FileAccess::kWriteDirect;
  const bool write = access == FileAccess::kWrite || access == FileAccess::kWriteDirect;
  const io::OpenMode mode = write ? io::OpenMode::kReadWrite : io::OpenMode::kRead;
  const std::string name = file_name(sequence);
  bool past_cache = direct;
  auto file = directory_->open_file(name, {mode, direct});
  if (!file && access == FileAccess::kReadDirect && file.error().code() == Code::kUnsupported) {
    past_cache = false;
    file = directory_->open_file(name, {mode, false});
  }
  if (!file) return fail(std::move(file).error());
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, (*file)->size());
  return LogFile{.file = std::move(*file), .size = size, .direct = past_cache};
}

Result<LogFile> LogDirectory::open_file(std::uint64_t sequence, FileAccess access) const {
  if (access == FileAccess::kReadDirect) return open_checked(sequence, access);
  CAISSON_ASSIGN_OR_RETURN(LogFile opened, open_unchecked(sequence, access));
  const std::string& name = opened.file->name();
  io::AlignedBuffer block(kFileHeaderSize);
  if (opened.size < kFileHeaderSize) return fail(too_short(name, opened.size, kFileHeaderSize));
  CAISSON_RETURN_IF_ERROR(opened.file->read_exactly(0, block.bytes()));
  auto header = decode_file_header(block.bytes());
  if (!header) return fail(std::move(header).error().in_file(name));
  if (header->uuid != uuid_) {
    return fail(Error(Code::kWrongStore, "this log file belongs to another store")
                    .in_file(name)
                    .with_rule("LOG-1"));
  }
  if (header->sequence != sequence) {
    return fail(Error(Code::kCorruption,
                      "this log file says that its number is " + std::to_string(header->sequence))
                    .in_file(name)
                    .with_rule("LOG-1"));
  }
  if (opened.size < header->size) return fail(too_short(name, opened.size, header->size));
  opened.size = header->size;
  return opened;
}

// With the header read through the page cache.
Result<LogFile> LogDirectory::open_checked(std::uint64_t sequence, FileAccess access) const {
  CAISSON_ASSIGN_OR_RETURN(const LogFile checked, open_file(sequence, FileAccess::kRead));
  CAISSON_ASSIGN_OR_RETURN(LogFile opened, open_unchecked(sequence, access));
  opened.size = checked.size;
  return opened;
}

Result<LogFile> LogDirectory::open_to_resume(std::uint64_t sequence, bool direct) const {
  if (!direct) return open_file(sequence, FileAccess::kWrite);
  // Else the file system may take the flag, and then refuse to write so.
  if (!reads_directly_.load(std::memory_order_relaxed)) {
    return open_file(sequence, FileAccess::kWriteDirect);
  }
  return open_checked(sequence, FileAccess::kWriteDirect);
}

Result<void> LogDirectory::check_length(std::uint64_t sequence) const {
  CAISSON_ASSIGN_OR_RETURN(const LogFile opened, open_unchecked(sequence, FileAccess::kRead));
  const std::string& name = opened.file->name();
  if (opened.size < kFileHeaderSize) return fail(too_short(name, opened.size, kFileHeaderSize));
  std::vector<std::byte> block(kFileHeaderSize);
  CAISSON_RETURN_IF_ERROR(opened.file->read_exactly(0, block));
  const auto header = decode_file_header(block);
  if (header && opened.size < header->size) {
    return fail(too_short(name, opened.size, header->size));
  }
  return {};
}

Result<void> LogDirectory::write_file(const std::string& name, const FileHeader& header,
                                      bool zeros) {
  const io::OpenMode mode = zeros ? io::OpenMode::kCreate : io::OpenMode::kReadWrite;
  CAISSON_ASSIGN_OR_RETURN(const auto file, directory_->open_file(name, {mode, false}));
  std::vector<std::byte> buffer(zeros ? kZerosSize : kFileHeaderSize);
  if (zeros) {
    CAISSON_RETURN_IF_ERROR(file->allocate(0, header.size));
    for (std::uint64_t at = 0; at < header.size; at += buffer.size()) {
      const std::size_t size = std::min<std::uint64_t>(buffer.size(), header.size - at);
      CAISSON_RETURN_IF_ERROR(file->write(at, Bytes(buffer).first(size)));
    }
  }
  const MutableBytes block = MutableBytes(buffer).first(kFileHeaderSize);
  encode_file_header(header, block);
  CAISSON_RETURN_IF_ERROR(file->write(0, block));
  if (mutated(Mutant::kFileUsedBeforeDurable)) return {};
  return file->sync_data();
}

Result<void> LogDirectory::make_file(std::uint64_t sequence, std::uint64_t size,
                                     std::optional<std::uint64_t> recycled) {
  const std::string name = new_file_name(sequence);
  if (recycled) {
    CAISSON_RETURN_IF_ERROR(
        directory_->rename(file_name(*recycled), name, io::Directory::IfTargetExists::kReplace));
    // Else a power cut could leave one file under two numbers, and the old one be recycled again.
    if (auto synced = directory_->sync(); !synced) {
      (void)directory_->unlink(name);
      return synced;
    }
  }
  const FileHeader header{.uuid = uuid_, .sequence = sequence, .size = size};
  auto made = write_file(name, header, !recycled.has_value());
  if (made) {
    made = directory_->rename(name, file_name(sequence), io::Directory::IfTargetExists::kFail);
  }
  if (!made) {
    // Only tidiness: what has this name is removed at the next opening as well.
    (void)directory_->unlink(name);
    return made;
  }
  if (mutated(Mutant::kFileUsedBeforeDurable)) return {};
  return directory_->sync();
}

Result<void> LogDirectory::remove_file(std::uint64_t sequence) {
  return directory_->unlink(file_name(sequence));
}

Result<void> LogDirectory::remove_unfinished() {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory_->list());
  for (const std::string& name : names) {
    if (!name.ends_with(kNewSuffix) || !is_log_file_name(name)) continue;
    CAISSON_RETURN_IF_ERROR(directory_->unlink(name));
  }
  return {};
}

}  // namespace caisson::log
