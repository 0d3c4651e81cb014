// Where entries that are too many for one node are cut: spec/btree.md, section 3.

#include <algorithm>
#include <cassert>
#include <optional>
#include <ranges>

#include "btree/writer.h"

namespace caisson::btree {
namespace {

// Any cut may move by this part of a node's entries.
constexpr double kNearby = 0.125;

}  // namespace

// The least that a node may be filled with, given the largest entry around (TREE-3).
std::size_t TreeWriter::fill_min(std::size_t largest, bool branch) const {
  return largest <= room() / (branch ? 10 : 5) ? room() * 2 / 5 : room() / 3;
}

std::size_t TreeWriter::weight_of(std::size_t index, bool branch) const {
  const bool left_out = branch && index == 0;
  return entry_weight(left_out ? 0 : entries_.key(index).size(),
                      entries_.value(index).bytes.size());
}

// Cuts entries_ into parts of about one weight. False if one doesn't fit or is too small.
bool TreeWriter::divide(unsigned count, bool branch) {
  const NodePlan all{0, entries_.size(), branch};
  const auto used = static_cast<double>(all.used(entries_));
  const double part = used / count;
  const double entry = used / static_cast<double>(entries_.size());
  // As far as parts neither overflow nor become very small.
  const double room = static_cast<double>(this->room());
  const double far = std::min(room - part, part / 2) / entry;
  const auto near = static_cast<std::size_t>(part / entry * kNearby);
  return (far >= 1 && divide_about(count, branch, {static_cast<std::size_t>(far), near})) ||
         divide_about(count, branch, {near, near}) || divide_about(count, branch, {0, 0});
}

// The same, with each cut moved to where neighbours have less in common. So the separator is short,
// and both nodes get long prefixes, behind which heads tell more: keys that begin with one path
// come to lie in one leaf. (Bayer and Unterauer, "Prefix B-trees", 1977.)
bool TreeWriter::divide_about(unsigned count, bool branch, const CutRange& range) {
  const std::size_t total = NodePlan{0, entries_.size(), branch}.fill(entries_);
  parts_.clear();
  std::size_t begin = 0;
  std::size_t sum = 0;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::size_t weight = weight_of(i, branch);
    largest = std::max(largest, weight);
    // Cut before this entry if that is nearer to the mark than to cut behind it.
    const std::size_t mark = total * (parts_.size() + 1) / count;
    if (parts_.size() + 1 < count && i > begin && sum + weight / 2 >= mark) {
      std::size_t cut = i;
      if (branch) {
        cut = shortest_key_about(i, range.near);
      } else if (const auto far = least_common_about(i, range.far, kHeadSize + 1)) {
        cut = *far;
      } else if (const auto near = least_common_about(i, range.near, 1)) {
        cut = *near;
      }
      if (cut <= begin) cut = i;
      parts_.push_back({begin, cut, branch});
      begin = cut;
    }
    sum += weight;
  }
  parts_.push_back({begin, entries_.size(), branch});
  return parts_.size() == count && std::ranges::all_of(parts_, [&](const NodePlan& part) {
           return is_good(part, fill_min(largest, branch));
         });
}

// Where two neighbours have least in common, within `distance` of an entry and as near to it as can
// be; none if that is not at least `gain` bytes less than there. O(log distance) comparisons.
std::optional<std::size_t> TreeWriter::least_common_about(std::size_t middle, std::size_t distance,
                                                          std::size_t gain) const {
  const auto common = [&](std::size_t a, std::size_t b) {
    return common_prefix(entries_.key(a), entries_.key(b));
  };
  const std::size_t first = middle - std::min(distance, middle - 1);
  const std::size_t last = std::min(middle + distance, entries_.size() - 1);
  const std::size_t least = common(first - 1, last);
  if (least + gain > common(middle - 1, middle)) return std::nullopt;
  // The farther apart two keys are, the less they have in common. To the right, the first entry
  // that has no more than `least` in common with the middle; to the left, the one behind the last.
  const auto right =
      std::ranges::partition_point(std::views::iota(middle + 1, last + 1),
                                   [&](std::size_t i) { return common(middle, i) > least; });
  const auto left = std::ranges::partition_point(
      std::views::iota(first, middle),
      [&](std::size_t i) { return common(i - 1, middle - 1) <= least; });
  const std::size_t after = *right;      // last + 1 if there is none.
  const std::size_t before = *left - 1;  // first - 1 if there is none.
  if (before < first) return after;
  return after > last || middle - before <= after - middle ? before : after;
}

// The entry with the shortest key within `distance` of another one.
std::size_t TreeWriter::shortest_key_about(std::size_t middle, std::size_t distance) const {
  std::size_t best = middle;
  for (std::size_t i = 1; i <= distance && i < middle && middle + i < entries_.size(); ++i) {
    for (const std::size_t at : {middle - i, middle + i}) {
      if (entries_.key(at).size() < entries_.key(best).size()) best = at;
    }
  }
  return best;
}

bool TreeWriter::is_good(const NodePlan& part, std::size_t fill_min) const {
  return part.end - part.begin >= (part.branch ? 2U : 1U) && part.fill(entries_) >= fill_min &&
         part.fits(entries_, page_size());
}

// Cuts entries_ in two wherever both parts are good, as near to the middle as can be. Needed when a
// key breaks a long prefix: then all that fits is near an end, where that key is. Where a large
// entry of other sizes comes between many small ones, neither half may fit that has to say them:
// then in three, before it and behind it.
void TreeWriter::divide_anywhere(bool branch) {
  const std::size_t size = entries_.size();
  std::size_t largest = 0;
  for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, weight_of(i, branch));
  for (const std::size_t fill : {fill_min(largest, branch), room() / 3}) {
    for (std::size_t step = 0; step < size; ++step) {
      for (const std::size_t cut : {size / 2 + step, size / 2 - step}) {
        if (cut == 0 || cut >= size) continue;
        parts_ = {{0, cut, branch}, {cut, size, branch}};
        if (is_good(parts_[0], fill) && is_good(parts_[1], fill)) return;
      }
    }
  }
  std::size_t odd = 0;
  while (odd + 1 < size && entries_.same_sizes(0, odd + 1)) ++odd;
  for (std::size_t cut = odd + 1; cut < size; ++cut) {
    parts_ = {{0, odd, branch}, {odd, cut, branch}, {cut, size, branch}};
    if (std::ranges::all_of(parts_,
                            [&](const NodePlan& part) { return is_good(part, room() / 3); })) {
      return;
    }
  }
  assert(false && "keys and entries are small enough for a cut: NODE-5");
}

}  // namespace caisson::btree
