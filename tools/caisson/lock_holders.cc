#include "tools/caisson/lock_holders.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "mvcc/lock_file.h"

namespace caisson::tools {
namespace {

namespace fs = std::filesystem;

// Of a line like "lock:  1: OFDLCK  ADVISORY  WRITE -1 00:2a:1234 0 0", whose last two words are
// the first and the last byte.
std::optional<std::uint64_t> offset_of(const std::string& line) {
  if (!line.starts_with("lock:")) return std::nullopt;
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.size() < 3) return std::nullopt;
  const std::string& first = words[words.size() - 2];
  std::uint64_t offset = 0;
  const char* const end = first.data() + first.size();
  if (std::from_chars(first.data(), end, offset).ptr != end) return std::nullopt;
  return offset;
}

void add_locks(const fs::path& process, const fs::path& file, std::vector<LockHolder>& holders) {
  std::ifstream info(process / "fdinfo" / file.filename());
  for (std::string line; std::getline(info, line);) {
    const auto offset = offset_of(line);
    if (!offset) continue;
    std::string name;
    std::ifstream comm(process / "comm");
    std::getline(comm, name);
    holders.push_back({.offset = *offset,
                       .process = "process " + process.filename().string() + " (" + name + ")"});
  }
}

}  // namespace

std::vector<LockHolder> lock_holders(const std::string& store) {
  std::vector<LockHolder> holders;
  std::error_code error;
  const fs::path lock = fs::canonical(fs::path(store) / mvcc::kLockFileName, error);
  if (error) return holders;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::string id = process->path().filename();
    if (id.find_first_not_of("0123456789") != std::string::npos) continue;  // "self", for one.
    std::error_code none;
    for (fs::directory_iterator file(process->path() / "fd", none); !none && file != end;
         file.increment(none)) {
      std::error_code gone;
      if (fs::read_symlink(file->path(), gone) == lock) {
        add_locks(process->path(), file->path(), holders);
      }
    }
  }
  return holders;
}

std::string holder_of(const std::vector<LockHolder>& holders, std::uint64_t offset) {
  const auto found = std::ranges::find(holders, offset, &LockHolder::offset);
  return found == holders.end() ? "" : found->process;
}

}  // namespace caisson::tools
