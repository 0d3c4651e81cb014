#include "fuzz/page_image.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/codec.h"
#include "base/crc32c.h"
#include "btree/format.h"
#include "btree/layout.h"
#include "fuzz/node_input.h"
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
constexpr std::size_t kPageId = 8;
constexpr std::size_t kPageIdAndTxnSize = 16;

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

// Where a page's references begin within it. Pages of types 2 to 5 are those of trees; others with
// a level are laid out as in the golden files of the pager. None where a node is damaged.
std::vector<std::size_t> references_in(Bytes page) {
  const pager::PageHeader header = pager::read_header(page.data());
  if (header.type == pager::PageType::kAllocation) return {kBlobNext};
  std::vector<std::size_t> places;
  if (header.type >= btree::kLeaf && header.type <= btree::kValueIndex) {
    if (!btree::tree_layout().check(page)) return {};
    std::vector<pager::ChildSlot> slots;
    btree::tree_layout().child_slots(page, slots);
    for (const pager::ChildSlot& slot : slots) {
      places.push_back(slot.checksum_offset - kReferenceChecksum);
    }
  } else if (header.level > 0) {
    const std::size_t count = std::min<std::size_t>(load_u32(page.data() + kChildCount),
                                                    (page.size() - kChildren) / kChildSize);
    for (std::size_t i = 0; i < count; ++i) places.push_back(kChildren + i * kChildSize);
  }
  return places;
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
    if (depth > 140 || !done_.insert(id).second) return;
    const std::uint64_t offset = id * page_size_;
    const Bytes page = Bytes(file_).subspan(offset, page_size_);
    for (const std::size_t place : references_in(page)) {
      repair_page(load_u64(page.data() + place), depth + 1);
      refer(offset + place);
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

// Puts one record's bytes where another's were: a lost or misdirected write; or a page that says it
// belongs there.
void copy_record(MutableBytes input, Random& random) {
  const Outline outline = outline_of(input);
  if (outline.records.empty()) return;
  const Record& from = outline.records[random.below(outline.records.size())];
  const Record& to = outline.records[random.below(outline.records.size())];
  const std::size_t size = std::min(from.size, to.size);
  const std::size_t kept = random.chance(1, 2) ? kPageId + kPageIdAndTxnSize : 0;
  const std::size_t begin = size > kept && kept > 0 ? kept : 0;
  if (begin > 0) std::memmove(input.data() + to.at, input.data() + from.at, kPageId);
  std::memmove(input.data() + to.at + begin, input.data() + from.at + begin, size - begin);
}

// The pages of an input that a record holds whole: with pages of 4 KiB, all nodes.
std::vector<Record> whole_pages(const Outline& outline) {
  std::vector<Record> pages;
  for (const Record& record : outline.records) {
    if (record.offset >= pager::kMetaAreaSize && record.size == kBlockSize) pages.push_back(record);
  }
  return pages;
}

// Changes the entries of a node, so that it stays one.
void change_node(MutableBytes input, Random& random) {
  const std::vector<Record> pages = whole_pages(outline_of(input));
  if (pages.empty()) return;
  const Record& page = pages[random.below(pages.size())];
  mutate_node_page(input.subspan(page.at, page.size), random);
}

// Lets a page refer to another one.
void change_reference(MutableBytes input, Random& random) {
  const std::vector<Record> pages = whole_pages(outline_of(input));
  if (pages.empty()) return;
  const Record& from = pages[random.below(pages.size())];
  const Record& to = pages[random.below(pages.size())];
  const MutableBytes page = input.subspan(from.at, from.size);
  const std::vector<std::size_t> places = references_in(page);
  if (places.empty()) return;
  store_u64(page.data() + places[random.below(places.size())], to.offset / kBlockSize);
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

Result<void> write_image(Bytes input, io::File& file) {
  const Outline outline = outline_of(input);
  if (outline.file_size == 0) return {};
  constexpr std::byte kZero{0};
  CAISSON_RETURN_IF_ERROR(file.write(outline.file_size - 1, {&kZero, 1}));
  for (const Record& record : outline.records) {
    CAISSON_RETURN_IF_ERROR(file.write(record.offset, input.subspan(record.at, record.size)));
  }
  return {};
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
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        size =
            LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(buffer.data()), size, buffer.size());
        break;
      case 3:
        copy_record(buffer.first(size), random);
        break;
      case 4:
        change_node(buffer.first(size), random);
        break;
      case 5:
        change_reference(buffer.first(size), random);
        break;
      default:
        change_field(buffer.first(size), random);
    }
  }
  if (random.chance(15, 16)) Repair(buffer.first(size)).run();
  return size;
}

}  // namespace caisson::fuzz
