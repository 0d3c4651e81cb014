// The bytes of one simulated file: what reads see, what the medium holds, and what lies between.
//
// Method. A file has two images. `cached` is what reads return: every write shows there at once.
// `durable` is what a power cut leaves. Between them stand the pending operations, in the order
// in which they were issued: a flush applies them all; a power cut applies what chance picks.
// The unit of chance is what one pending write gives to one sector of 512 bytes: each such piece
// reaches the medium or not, independently of all others, and may be torn at any byte. So two
// writes of parts of one sector may survive in any combination. The file's size is one more unit.

#ifndef CAISSON_IO_SIM_DISK_H_
#define CAISSON_IO_SIM_DISK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace caisson::io::sim {

inline constexpr std::size_t kSectorSize = 512;

// How much of what was not flushed survives a power cut.
enum class CrashMode : std::uint8_t {
  kNothing,
  kEverything,
  kHalf,  // Each sector with probability 1/2.
  kMost,  // Each sector with probability 7/8.
  kTorn,  // As kHalf, and of every second sector that survives only a part does.
};

inline constexpr std::size_t kCrashModeCount = 5;

// A value: copying one copies the file, which is how one crash point gives many crash states; the
// mappings stay with the original. Not thread-safe; the Machine's mutex guards it.
class FileImage {
 public:
  Bytes cached() const { return cached_; }
  Bytes durable() const { return durable_; }

  // A mapping of the file: memory that shows the cache from the file's start on, and that every
  // change of it is copied to, damage included, until it is unmapped. A copy, since the cache
  // moves when it grows and a mapping's base must not. Memory behind the file's end is left as
  // it is.
  void map(MutableBytes memory);
  void unmap(MutableBytes memory);
  void unmap_all();
  bool mapped() const { return !mappings_.memory.empty(); }

  // True if a flush would have something to do.
  bool dirty() const { return !pending_.empty(); }

  // What write(2), ftruncate(2) and fallocate(2) do to the cache; durable only after flush().
  void write(std::uint64_t offset, Bytes from);
  void resize(std::uint64_t size);

  // Shows in the cache but never reaches the medium, and no flush will tell.
  void write_lost(std::uint64_t offset, Bytes from);

  // Shows in the cache at `offset` but goes to another place of the medium, `landing`, as soon as
  // it is flushed. As much as lands behind the file's end is lost.
  void write_misdirected(std::uint64_t offset, std::uint64_t landing, Bytes from);

  // Everything pending reaches the medium.
  void flush();

  // A flush that fails as Linux's does: nothing pending reaches the medium (but for what chance
  // wrote back before), yet the cache now calls it clean.
  void flush_and_drop(Random& random);

  // What a read past the cache sees: the medium, with what is pending written back to it.
  std::vector<std::byte> direct_view() const;

  // True if that is what the cache shows as well, so that nobody has to copy it.
  bool cache_is_true() const { return !diverged_; }

  // The cache forgets what is clean in a range, and reads the medium again. The file's size,
  // which the system keeps apart from the cache, stays.
  void drop_cache(std::uint64_t offset, std::uint64_t size);

  // The power goes: the pending operations reach the medium in part, as `mode` and chance say,
  // and the cache is gone.
  void cut_power(CrashMode mode, Random& random);

  // Damage on the medium, which the cache does not hide. Offsets lie within the file. What is
  // pending is not damaged: a flush puts it over the damage.
  void flip_bit(std::uint64_t offset, unsigned bit);
  void overwrite(std::uint64_t offset, Bytes from);

  // The same, which the cache hides until it is dropped or read past. Within what is durable.
  void flip_bit_behind_cache(std::uint64_t offset, unsigned bit);

  // The sector comes back as it was before the last flush that changed it. False if it never
  // changed, or if the file ends before the sector does.
  bool make_stale(std::uint64_t sector);

 private:
  struct Pending {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;  // A write; empty for a change of size.
    std::uint64_t size_after = 0;
  };

  // The mappings of one file. A copy of the file has none.
  struct Mappings {
    Mappings() = default;
    Mappings(const Mappings&) {}
    Mappings& operator=(const Mappings&) { return *this; }  // It keeps those that it has.
    ~Mappings() = default;

    std::vector<MutableBytes> memory;
  };

  static void apply(const Pending& operation, std::vector<std::byte>& image);
  void show(std::uint64_t offset, std::uint64_t size);

  // What is pending reaches the medium as `mode` and chance say, and is pending no more.
  void write_back_in_part(CrashMode mode, Random& random);
  void remember_old_sectors(const std::vector<std::byte>& before);

  std::vector<std::byte> cached_;
  Mappings mappings_;
  std::vector<std::byte> durable_;
  std::vector<Pending> pending_;
  // True once cache and medium can differ in what is not pending.
  bool diverged_ = false;
  // For each sector, the bytes it had before its last durable change; empty if none.
  std::vector<std::vector<std::byte>> stale_;
};

}  // namespace caisson::io::sim

#endif  // CAISSON_IO_SIM_DISK_H_
