// Reads any bytes as rows: TSV, JSON Lines or a binary dump. Invariants: nothing crashes, hangs or
// reads out of bounds; in whatever pieces the bytes come, the rows are the same, and so is the
// error at their end, which names the line, or a rule; pieces of a long value add up to its size;
// and what was read as text is written as a text that is read as the same.
//
// Input: u8 format (0 to 2), u8 size of the pieces, then the bytes.

#include <algorithm>
#include <array>
#include <cstring>
#include <istream>
#include <streambuf>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"
#include "fuzz/check.h"
#include "tools/cli/text.h"
#include "tools/rows/dump_format.h"
#include "tools/rows/row.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace caisson::tools {
namespace {

// Gives a text so many bytes at a time.
class Pieces : public std::streambuf {
 public:
  Pieces(std::string text, std::size_t size) : text_(std::move(text)), size_(size) {}

 protected:
  int_type underflow() override {
    if (at_ == text_.size()) return traits_type::eof();
    const std::size_t size = std::min(size_, text_.size() - at_);
    setg(text_.data() + at_, text_.data() + at_, text_.data() + at_ + size);
    at_ += size;
    return traits_type::to_int_type(*gptr());
  }

 private:
  std::string text_;
  const std::size_t size_;
  std::size_t at_ = 0;
};

struct Found {
  struct Entry {
    std::string tree;
    std::string key;
    std::string value;

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  std::vector<Entry> entries;
  std::string error;

  friend bool operator==(const Found&, const Found&) = default;
};

void check_error(RowFormat format, const Error& error) {
  if (format == RowFormat::kBinary) {
    FUZZ_CHECK(error.rule().starts_with("DUMP-"));
  } else {
    FUZZ_CHECK(error.code() == Code::kInvalidArgument && error.message().starts_with("line "));
  }
}

Result<std::string> value_of(RowReader& reader, const Row& row) {
  std::string value(row.value);
  while (row.kind == Row::Kind::kLongEntry && value.size() < row.value_size) {
    CAISSON_ASSIGN_OR_RETURN(const std::string_view piece, reader.piece());
    FUZZ_CHECK(!piece.empty());
    value += piece;
    FUZZ_CHECK(value.size() <= row.value_size);
  }
  return value;
}

Found read(RowFormat format, const std::string& text, std::size_t piece_size) {
  Pieces pieces(text, piece_size);
  std::istream in(&pieces);
  InputBuffer input(in, false);
  const auto reader = make_row_reader(format, input);
  Found found;
  Row row;
  while (true) {
    const auto more = reader->next(row);
    if (!more) {
      check_error(format, more.error());
      found.error = more.error().to_string();
      const auto again = reader->next(row);
      FUZZ_CHECK(again && !*again);
      break;
    }
    if (!*more) break;
    Found::Entry entry{
        .tree = std::string(row.tree.value_or("")), .key = std::string(row.key), .value = {}};
    auto value = value_of(*reader, row);
    if (!value) {
      check_error(format, value.error());
      found.error = value.error().to_string();
      break;
    }
    entry.value = std::move(*value);
    found.entries.push_back(std::move(entry));
  }
  FUZZ_CHECK(reader->position() <= text.size());
  const auto used = std::span(text).first(static_cast<std::size_t>(reader->position()));
  FUZZ_CHECK(reader->checksum() == crc32c(std::as_bytes(used)));
  return found;
}

void check_written_again(RowFormat format, const Found& found) {
  std::string text;
  for (const Found::Entry& entry : found.entries) {
    if (format == RowFormat::kTsv) {
      append_escaped(text, entry.key);
      text += '\t';
      append_escaped(text, entry.value);
      text += '\n';
    } else {
      text += '{';
      append_json_field(text, "tree", entry.tree);
      text += ',';
      append_json_field(text, "key", entry.key);
      text += ',';
      append_json_field(text, "value", entry.value);
      text += "}\n";
    }
  }
  const Found again = read(format, text, text.size());
  FUZZ_CHECK(again.error.empty() && again.entries == found.entries);
}

// Puts checksums and sizes right, so that what is within is looked at.
void mend_dump(std::span<std::byte> dump) {
  if (dump.size() < kDumpHeaderSize) return;
  std::memcpy(dump.data(), "CAISSONd", 8);
  store_u32(dump.data() + 8, 0);
  store_u32(dump.data() + 8, crc32c(dump.first(kDumpHeaderSize)));
  dump = dump.subspan(kDumpHeaderSize);
  for (std::uint64_t number = 0; dump.size() > kDumpBlockHeaderSize; ++number) {
    const std::size_t room = dump.size() - kDumpBlockHeaderSize;
    const std::size_t size = std::clamp<std::size_t>(load_u32(dump.data() + 4), 1, room);
    store_u32(dump.data() + 4, static_cast<std::uint32_t>(size));
    store_u64(dump.data() + 8, number);
    const auto block = dump.first(kDumpBlockHeaderSize + size);
    store_u32(dump.data(), crc32c(block.subspan(4)));
    dump = dump.subspan(block.size());
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, size_max);
  // Now and then they stay wrong.
  if (size > 2 && data[0] % 3 == 2 && seed % 8 != 0) {
    mend_dump(std::as_writable_bytes(std::span(data, size)).subspan(2));
  }
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto format = static_cast<RowFormat>(data[0] % 3);
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Found whole = read(format, text, std::max<std::size_t>(text.size(), 1));
  FUZZ_CHECK(read(format, text, std::size_t{data[1]} + 1) == whole);
  // A row that is only a tree looks like an entry without a key here.
  const bool plain = std::ranges::none_of(
      whole.entries, [](const Found::Entry& entry) { return entry.key.empty(); });
  if (format != RowFormat::kBinary && plain) check_written_again(format, whole);
  return 0;
}

}  // namespace caisson::tools
