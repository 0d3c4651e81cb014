#include "io/sim/disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace caisson::io::sim {
namespace {

void copy_into(std::vector<std::byte>& image, std::uint64_t offset, Bytes from) {
  if (!from.empty()) std::memcpy(image.data() + offset, from.data(), from.size());
}

// Whether one version of one sector reached the medium.
bool survives(CrashMode mode, Random& random) {
  switch (mode) {
    case CrashMode::kNothing:
      return false;
    case CrashMode::kEverything:
      return true;
    case CrashMode::kMost:
      return random.chance(7, 8);
    case CrashMode::kHalf:
    case CrashMode::kTorn:
      return random.chance(1, 2);
  }
  return false;
}

}  // namespace

void FileImage::apply(const Pending& operation, std::vector<std::byte>& image) {
  if (operation.bytes.empty()) {
    image.resize(operation.size_after);
    return;
  }
  const std::uint64_t end = operation.offset + operation.bytes.size();
  if (end > image.size()) image.resize(end);
  copy_into(image, operation.offset, operation.bytes);
}

void FileImage::map(MutableBytes memory) {
  mappings_.memory.push_back(memory);
  show(0, cached_.size());
}

void FileImage::unmap(MutableBytes memory) {
  std::erase_if(mappings_.memory,
                [&](MutableBytes other) { return other.data() == memory.data(); });
}

void FileImage::unmap_all() { mappings_.memory.clear(); }

// Shows a range of the cache, or as much of it as there is, in every mapping. No more than that:
// other threads may be reading the rest.
void FileImage::show(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t end = std::min<std::uint64_t>(offset + size, cached_.size());
  for (const MutableBytes memory : mappings_.memory) {
    const std::uint64_t stop = std::min<std::uint64_t>(end, memory.size());
    if (offset < stop) std::memcpy(memory.data() + offset, cached_.data() + offset, stop - offset);
  }
}

void FileImage::write(std::uint64_t offset, Bytes from) {
  if (from.empty()) return;
  const std::uint64_t old_size = cached_.size();
  Pending operation{offset, {from.begin(), from.end()}, 0};
  apply(operation, cached_);
  const std::uint64_t begin = std::min(offset, old_size);  // A gap reads as zeros.
  show(begin, offset + from.size() - begin);
  operation.size_after = cached_.size();
  pending_.push_back(std::move(operation));
}

void FileImage::resize(std::uint64_t size) {
  const std::uint64_t old_size = cached_.size();
  Pending operation{0, {}, size};
  apply(operation, cached_);
  if (size > old_size) show(old_size, size - old_size);
  pending_.push_back(std::move(operation));
}

void FileImage::write_lost(std::uint64_t offset, Bytes from) {
  const std::uint64_t end = offset + from.size();
  if (end > cached_.size()) resize(end);
  copy_into(cached_, offset, from);
  show(offset, from.size());
  diverged_ = true;
}

void FileImage::write_misdirected(std::uint64_t offset, std::uint64_t landing, Bytes from) {
  write_lost(offset, from);
  if (landing >= cached_.size()) return;
  const Bytes kept = from.first(std::min<std::uint64_t>(from.size(), cached_.size() - landing));
  pending_.push_back({landing, {kept.begin(), kept.end()}, cached_.size()});
}

void FileImage::remember_old_sectors(const std::vector<std::byte>& before) {
  const std::size_t count = std::min(before.size(), durable_.size()) / kSectorSize;
  stale_.resize(std::max(stale_.size(), count));
  for (std::size_t sector = 0; sector < count; ++sector) {
    const std::byte* old_bytes = before.data() + sector * kSectorSize;
    if (std::memcmp(old_bytes, durable_.data() + sector * kSectorSize, kSectorSize) != 0) {
      stale_[sector].assign(old_bytes, old_bytes + kSectorSize);
    }
  }
}

void FileImage::flush() {
  if (pending_.empty()) return;
  const std::vector<std::byte> before = durable_;
  for (const Pending& operation : pending_) apply(operation, durable_);
  pending_.clear();
  remember_old_sectors(before);
}

void FileImage::flush_and_drop(Random& random) {
  if (pending_.empty()) return;
  write_back_in_part(static_cast<CrashMode>(random.below(kCrashModeCount)), random);
  diverged_ = true;
}

std::vector<std::byte> FileImage::direct_view() const {
  if (!diverged_) return cached_;
  std::vector<std::byte> view = durable_;
  for (const Pending& operation : pending_) apply(operation, view);
  return view;
}

void FileImage::drop_cache(std::uint64_t offset, std::uint64_t size) {
  if (!diverged_) return;  // What comes back is what goes.
  if (offset >= cached_.size()) return;
  size = std::min(size, cached_.size() - offset);
  std::vector<std::byte> medium = direct_view();
  medium.resize(std::max(medium.size(), cached_.size()));
  copy_into(cached_, offset, Bytes(medium).subspan(offset, size));
  show(offset, size);
}

void FileImage::write_back_in_part(CrashMode mode, Random& random) {
  const std::vector<std::byte> before = durable_;
  std::uint64_t size = durable_.size();
  for (const Pending& operation : pending_) {
    if (survives(mode, random)) {
      const bool cut_off = operation.bytes.empty() || operation.size_after < size;
      size = operation.size_after;
      // What was cut off doesn't come back when the file grows again.
      if (cut_off && size < durable_.size()) {
        std::fill(durable_.begin() + static_cast<std::ptrdiff_t>(size), durable_.end(),
                  std::byte{0});
      }
    }
    // Sectors written behind the size that survives stay in the image until the end, so that
    // the order of the two does not matter.
    const std::uint64_t end = operation.offset + operation.bytes.size();
    if (end > durable_.size()) durable_.resize(end);
    std::uint64_t at = operation.offset;
    while (at < end) {
      std::uint64_t from = at;
      std::uint64_t to = std::min(end, (at / kSectorSize + 1) * kSectorSize);
      at = to;
      if (!survives(mode, random)) continue;
      if (mode == CrashMode::kTorn && random.chance(1, 2)) {
        // A cut anywhere in the sector; either side of it may be the one that was written.
        const std::uint64_t cut = from + random.below(to - from + 1);
        (random.chance(1, 2) ? from : to) = cut;
      }
      copy_into(durable_, from, Bytes(operation.bytes).subspan(from - operation.offset, to - from));
    }
  }
  durable_.resize(size);
  pending_.clear();
  remember_old_sectors(before);
}

void FileImage::cut_power(CrashMode mode, Random& random) {
  write_back_in_part(mode, random);
  cached_ = durable_;
  show(0, cached_.size());
  diverged_ = false;
}

void FileImage::flip_bit(std::uint64_t offset, unsigned bit) {
  const auto mask = static_cast<std::byte>(1U << bit);
  cached_[offset] ^= mask;
  show(offset, 1);
  if (offset < durable_.size()) durable_[offset] ^= mask;
  diverged_ = diverged_ || dirty();
}

void FileImage::flip_bit_behind_cache(std::uint64_t offset, unsigned bit) {
  durable_[offset] ^= static_cast<std::byte>(1U << bit);
  diverged_ = true;
}

void FileImage::overwrite(std::uint64_t offset, Bytes from) {
  copy_into(cached_, offset, from);
  show(offset, from.size());
  if (offset < durable_.size()) {
    copy_into(durable_, offset,
              from.first(std::min<std::uint64_t>(from.size(), durable_.size() - offset)));
  }
  diverged_ = diverged_ || dirty();
}

bool FileImage::make_stale(std::uint64_t sector) {
  if (sector >= stale_.size() || stale_[sector].empty()) return false;
  if ((sector + 1) * kSectorSize > cached_.size()) return false;
  overwrite(sector * kSectorSize, std::vector(stale_[sector]));
  return true;
}

}  // namespace caisson::io::sim
