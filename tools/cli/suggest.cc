#include "tools/cli/suggest.h"

#include <algorithm>

namespace caisson::tools {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table: of the prefixes of `a` that are two and one letters shorter, and this.
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  constexpr std::size_t kEditsMax = 2;
  constexpr std::size_t kLettersMax = 64;  // Of names that somebody may have typed.
  std::string best;
  std::size_t fewest = kEditsMax + 1;
  if (word.size() > kLettersMax) return best;
  for (const std::string& other : words) {
    if (other.size() > kLettersMax) continue;
    const std::size_t edits = edit_distance(word, other);
    if (edits < fewest && 2 * edits < std::max(word.size(), other.size())) {
      fewest = edits;
      best = other;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& words) {
  const std::string near = nearest(word, words);
  return near.empty() ? "" : " Did you mean " + near + "?";
}

}  // namespace caisson::tools
