// What the demonstration shows: four acts, each of which does something and says what came of it.
// They print nothing.

#ifndef CAISSON_TOOLS_DEMO_ACTS_H_
#define CAISSON_TOOLS_DEMO_ACTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/vfs.h"
#include "pager/open.h"
#include "pager/pager.h"
#include "pager/testing/page_array.h"

namespace caisson::demo {

// A page file on the real file system, and what it has to hold.
class Store {
 public:
  // Makes an empty page file in a directory that exists.
  static Result<Store> create(const std::string& path);

  Result<std::unique_ptr<pager::Pager>> open() const;
  io::Directory& directory() const { return *directory_; }

  // Turns one bit over on the disk, as a failing disk would; the second time, back.
  Result<void> flip(std::uint64_t offset, unsigned bit) const;

  // The contents at the last two checkpoints.
  pager::testing::ArrayModel newest;
  pager::testing::ArrayModel older;

 private:
  std::unique_ptr<io::Directory> directory_;
};

// Act 1: write thousands of pages, close, open, read everything back.
struct RoundTrip {
  std::uint64_t leaves = 0;
  std::uint64_t page_size = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t transactions = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t syncs = 0;
  double write_seconds = 0;
  double verified_bytes_per_second = 0;  // First reads, from the page cache.
  double hot_read_ns = 0;
  bool right = false;  // Every byte is what was written.
};
Result<RoundTrip> round_trip(Store& store, std::uint64_t seed);

// Act 2: a bit turns over in a page.
struct BitFlip {
  std::uint64_t page = 0;
  std::uint64_t byte = 0;  // Within the page.
  unsigned bit = 0;
  std::optional<Error> error;      // What reading the page said; absent would be a failure.
  std::uint64_t others_right = 0;  // Leaves that read as before,
  std::uint64_t others_total = 0;  // of so many others.
  bool right_when_mended = false;
};
Result<BitFlip> flip_a_bit(const Store& store, std::uint64_t seed);

// Act 3: the newest meta is damaged.
struct LostMeta {
  pager::MetaSlot slot = pager::MetaSlot::kA;  // The damaged one.
  std::uint64_t sequence = 0;                  // Of its checkpoint.
  std::optional<Error> reason;                 // Why that is not offered.
  std::uint64_t older_sequence = 0;            // Of the one that is.
  std::uint64_t older_txn = 0;
  bool older_right = false;  // It holds exactly what it held when it was written.
  bool newest_when_mended = false;
};
Result<LostMeta> lose_the_newest_meta(const Store& store, std::uint64_t seed);

// Act 4: a simulated machine loses its power at every call that a small workload makes.
struct PowerCuts {
  std::uint64_t calls = 0;               // Places to cut.
  std::uint64_t states = 0;              // Disks looked at afterwards.
  std::optional<std::string> violation;  // The first promise that was broken, and how to see it.
};
// `progress` is told what is done and how much there is.
PowerCuts cut_power_everywhere(std::uint64_t seed,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace caisson::demo

#endif  // CAISSON_TOOLS_DEMO_ACTS_H_
