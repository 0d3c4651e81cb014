#include "fuzz/page_image.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/codec.h"
#include "base/crc32c.h"
#include "pager/meta.h"
#include "pager/page.h"

namespace caisson::fuzz {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kRecordHeaderSize = 4;

// Places within a meta and a page: spec/pages.md, sections 2 to 4.
constexpr std::size_t kMetaChecksum = 8;
constexpr std::size_t kMetaUuid = 16;
constexpr std::size_t kMetaPageSize = 36;
constexpr std::size_t kMetaRoot = 56;
constexpr std::size_t kMetaAllocation = 80;
constexpr std::size_t kMetaFieldsEnd = 168;
constexpr std::size_t kReferenceChecksum = 8;
constexpr std::size_t kChildCount = 72;
constexpr std::size_t kChildren = 76;
constexpr std::size_t kChildSize = 12;
constexpr std::size_t kBlobNext = 72;

struct Record {
  std::size_t at = 0;  // Its bytes begin here in the input,
  std::size_t size = 0;
  std::size_t offset = 0;  // and here in the file.
};

struct Outline {
  std::size_t file_size = 0;
  std::vector<Record> records;
};

Outline outline_of(Bytes input) {
  Outline outline;
  if (input.size() < kHeaderSize) return outline;
  const std::size_t blocks = std::min<std::size_t>(load_u16(input.data()), kBlocksMax);
  outline.file_size = blocks * kBlockSize + load_u16(input.data() + 2) % kBlockSize;
  if (outline.file_size == 0) return outline;
  const std::size_t block_count = (outline.file_size + kBlockSize - 1) / kBlockSize;
  for (std::size_t at = kHeaderSize; at + kRecordHeaderSize <= input.size();) {
    const std::size_t offset = load_u16(input.data() + at) % block_count * kBlockSize;
    std::size_t size = std::min<std::size_t>(load_u16(input.data() + at + 2), kBlockSize);
    at += kRecordHeaderSize;
    size = std::min(size, input.size() - at);
    outline.records.push_back({at, std::min(size, outline.file_size - offset), offset});
    at += size;
  }
  return outline;
}

// Puts the checksums of an input right. Keeps the file and the input alike.
class Repair {
 public:
  explicit Repair(MutableBytes input)
      : input_(input), outline_(outline_of(input)), file_(expand(input)) {
    for (const Record& record : outline_.records) records_[record.offset] = record;
  }

  void run() {
    for (const std::uint64_t offset : {0U, 65536U}) {
      if (!whole(offset, kMetaFieldsEnd)) continue;
      page_size_ = load_u32(file_.data() + offset + kMetaPageSize);
      if (!pager::valid_page_size(page_size_)) continue;
      Uuid uuid;
      std::memcpy(uuid.bytes.data(), file_.data() + offset + kMetaUuid, uuid.bytes.size());
      seed_ = pager::page_checksum_seed(uuid);
      done_.clear();
      for (const auto& [at, record] : records_) {
        if (at >= pager::kMetaAreaSize && at % page_size_ == 0) repair_page(at / page_size_, 0);
      }
      refer(offset + kMetaRoot);
      refer(offset + kMetaAllocation);
    }
    for (const std::uint64_t offset : {0U, 65536U}) {
      if (offset + pager::kMetaSize > file_.size()) continue;
      const MutableBytes block = MutableBytes(file_).subspan(offset, pager::kMetaSize);
      put(offset + kMetaChecksum, 0);
      put(offset + kMetaChecksum, crc32c(block));
    }
  }

 private:
  bool whole(std::uint64_t offset, std::uint64_t size) const {
    return offset <= file_.size() && size <= file_.size() - offset;
  }

  // Stores a number in the file, and in the record that says so.
  void put(std::uint64_t offset, std::uint32_t value) {
    store_u32(file_.data() + offset, value);
    const auto record = records_.find(offset / kBlockSize * kBlockSize);
    const std::size_t within = offset % kBlockSize;
    if (record == records_.end() || within + 4 > record->second.size) return;
    store_u32(input_.data() + record->second.at + within, value);
  }

  // Gives the reference at this place (u64 id, u32 checksum) the checksum of its page.
  void refer(std::uint64_t offset) {
    const std::uint64_t id = load_u64(file_.data() + offset);
    if (id >= pager::kMetaAreaSize / page_size_ && id < file_.size() / page_size_) {
      put(offset + kReferenceChecksum, load_u32(file_.data() + id * page_size_));
    }
  }

  void repair_page(std::uint64_t id, int depth) {
    if (id < pager::kMetaAreaSize / page_size_ || id >= file_.size() / page_size_) return;
    if (depth > 20 || !done_.insert(id).second) return;
    const std::uint64_t offset = id * page_size_;
    const Bytes page = Bytes(file_).subspan(offset, page_size_);
    const pager::PageHeader header = pager::read_header(page.data());
    std::vector<std::uint64_t> references;
    if (header.type == pager::PageType::kAllocation) {
      references.push_back(offset + kBlobNext);
    } else if (header.level > 0) {
      const std::uint64_t count = std::min<std::uint64_t>(load_u32(page.data() + kChildCount),
                                                          (page_size_ - kChildren) / kChildSize);
      for (std::uint64_t i = 0; i < count; ++i) {
        references.push_back(offset + kChildren + i * kChildSize);
      }
    }
    for (const std::uint64_t reference : references) {
      repair_page(load_u64(file_.data() + reference), depth + 1);
      refer(reference);
    }
    put(offset, pager::page_checksum(seed_, page));
  }

  MutableBytes input_;
  Outline outline_;
  std::vector<std::byte> file_;
  std::map<std::size_t, Record> records_;
  std::uint32_t page_size_ = 0;
  std::uint32_t seed_ = 0;
  std::set<std::uint64_t> done_;
};

// Sets one field, or what may be one, to a number that means something.
void change_field(MutableBytes input, Random& random) {
  const Outline outline = outline_of(input);
  if (outline.records.empty()) return;
  const Record& record = outline.records[random.below(outline.records.size())];
  if (record.size < 8) return;
  // Fields lie at multiples of four; in a blob's body and a tree's everything counts.
  std::size_t within = random.below(record.size - 7);
  if (random.chance(3, 4)) within &= ~std::size_t{3};
  std::byte* field = input.data() + record.at + within;
  switch (random.below(4)) {
    case 0:
      *field = static_cast<std::byte>(interesting_number(random));
      break;
    case 1:
      store_u32(field, static_cast<std::uint32_t>(interesting_number(random)));
      break;
    case 2:
      store_u64(field, interesting_number(random));
      break;
    default:
      store_u64(field, random.below(outline.file_size / kBlockSize + 2));  // A page, perhaps.
  }
}

// Puts one record's bytes where another's were: a lost or misdirected write.
void copy_record(MutableBytes input, Random& random) {
  const Outline outline = outline_of(input);
  if (outline.records.empty()) return;
  const Record& from = outline.records[random.below(outline.records.size())];
  const Record& to = outline.records[random.below(outline.records.size())];
  std::memmove(input.data() + to.at, input.data() + from.at, std::min(from.size, to.size));
}

}  // namespace

std::vector<std::byte> expand(Bytes input) {
  const Outline outline = outline_of(input);
  std::vector<std::byte> file(outline.file_size);
  for (const Record& record : outline.records) {
    std::memcpy(file.data() + record.offset, input.data() + record.at, record.size);
  }
  return file;
}

std::uint64_t interesting_number(Random& random) {
  switch (random.below(4)) {
    case 0:
      return random.below(300);
    case 1:
      return (std::uint64_t{1} << random.below(64)) + random.below(3) - 1;
    case 2:
      return ~std::uint64_t{0} - random.below(3);
    default:
      return random.next() >> random.below(64);
  }
}

std::size_t mutate_image(MutableBytes buffer, std::size_t size, std::uint64_t seed) {
  Random random(seed);
  for (std::uint64_t count = 1 + random.below(3); count > 0; --count) {
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        size =
            LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(buffer.data()), size, buffer.size());
        break;
      case 3:
        copy_record(buffer.first(size), random);
        break;
      default:
        change_field(buffer.first(size), random);
    }
  }
  if (random.chance(15, 16)) Repair(buffer.first(size)).run();
  return size;
}

}  // namespace caisson::fuzz
