// What somebody may have meant who wrote a word that there isn't.

#ifndef CAISSON_TOOLS_CLI_SUGGEST_H_
#define CAISSON_TOOLS_CLI_SUGGEST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace caisson::tools {

// How many letters have to be changed, put in, left out, or swapped with their neighbour, to make
// one word of the other (each letter at most once: the restricted Damerau-Levenshtein distance).
// O(product of the lengths).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of some words, the first of several; "" if none is near: up to two edits, and fewer
// than half of the letters.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

// " Did you mean X?", or nothing. Goes behind a sentence.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& words);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_SUGGEST_H_
