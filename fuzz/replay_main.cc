// Runs a fuzz target over inputs kept in files, without libFuzzer: this is how a corpus serves as
// an ordinary test with any compiler.
//
// Usage: fuzz_replay_<name> FILE-OR-FOLDER...
// Folders are read recursively, in the order of their names. Exits with 0 when every input was
// run, and with 2 when there was none: a corpus that went missing must not look like success.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Called by the mutators of some targets; without libFuzzer there is nothing to mutate with.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* /*data*/, std::size_t size,
                                        std::size_t /*size_max*/) {
  return size;
}

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_under(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

bool replay(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) {
    std::fprintf(stderr, "cannot read %s\n", file.c_str());
    return false;
  }
  // Its own allocation of just this size, so that a sanitizer sees a read past the end.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  std::fprintf(stderr, "%s (%zu bytes)\n", file.c_str(), input.size());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t input_count = 0;
  for (int i = 1; i < argc; ++i) {
    const fs::path path(argv[i]);
    if (!fs::exists(path)) {
      std::fprintf(stderr, "no such file or folder: %s\n", path.c_str());
      return 2;
    }
    for (const fs::path& file : files_under(path)) {
      if (!replay(file)) return 2;
      ++input_count;
    }
  }
  std::printf("%zu inputs replayed\n", input_count);
  return input_count == 0 ? 2 : 0;
}
