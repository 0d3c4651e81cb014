#include "bench/harness/run.h"

#include <filesystem>
#include <stdexcept>

#include "bench/harness/machine.h"

namespace caisson::bench {

std::string Run::new_path(const std::string& name) const {
  std::string path = settings_.directory + "/scratch/" + name;
  std::filesystem::remove_all(path);
  return path;
}

std::string Run::shared(const std::string& name,
                        const std::function<void(const std::string& path)>& make) const {
  std::string path = settings_.directory + "/shared/" + name;
  if (std::filesystem::exists(path)) return path;
  // What was not finished must not be taken for what is wanted.
  const std::string unfinished = path + ".unfinished";
  std::filesystem::remove_all(unfinished);
  std::filesystem::create_directories(settings_.directory + "/shared");
  make(unfinished);
  std::filesystem::rename(unfinished, path);
  return path;
}

void Run::need_disk() const {
  if (file_system_of(settings_.directory).in_memory) {
    throw std::runtime_error(
        "needs a disk, and its files would lie in memory; set CAISSON_BENCH_DIR to a directory on "
        "a "
        "disk");
  }
}

void Run::start() {
  if (measured_.operations == 0 && !counting_) start_peak_rss();
  counting_ = true;
  begin_ = Costs::so_far();
}

void Run::stop() {
  measured_.costs += Costs::so_far() - begin_;
  counting_ = false;
}

void Run::repeat(std::uint64_t operations_per_step, const std::function<std::uint64_t()>& step) {
  measured_.operations_per_sample = operations_per_step;
  // Made before it counts: it may allocate.
  const std::function<std::uint64_t()> counted_step = [&] {
    measured_.operations += operations_per_step;
    return step();
  };
  start();
  repeater_(counted_step);
  stop();
}

Measurement Run::take() {
  if (measured_.operations == 0 || measured_.costs.wall_ns == 0) {
    throw std::runtime_error("the benchmark has measured nothing");
  }
  measured_.errors = errors_.load();
  measured_.samples.merge(samples_.snapshot());
  measured_.peak_rss_bytes = peak_rss();
  return std::move(measured_);
}

}  // namespace caisson::bench
