// Files' images to start from, and every way to cut their power.

#ifndef CAISSON_IO_SIM_TESTING_IMAGES_H_
#define CAISSON_IO_SIM_TESTING_IMAGES_H_

#include <array>
#include <cstddef>

#include "io/sim/disk.h"
#include "io/testing/basics.h"

namespace caisson::io::testing {

inline constexpr std::array kModes = {sim::CrashMode::kNothing, sim::CrashMode::kEverything,
                                      sim::CrashMode::kHalf, sim::CrashMode::kMost,
                                      sim::CrashMode::kTorn};
static_assert(kModes.size() == sim::kCrashModeCount);

// A file of `sectors` sectors of ones, flushed, with twos written over all of it and not flushed.
inline sim::FileImage half_written(std::size_t sectors) {
  sim::FileImage image;
  image.write(0, filled(sectors * sim::kSectorSize, 1));
  image.flush();
  image.write(0, filled(sectors * sim::kSectorSize, 2));
  return image;
}

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_SIM_TESTING_IMAGES_H_
