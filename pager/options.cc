#include "pager/options.h"

#include <algorithm>

#include <string>

namespace caisson::pager {
namespace {

constexpr std::uint64_t kAddressSpaceMin = std::uint64_t{1} << 20U;
constexpr std::uint64_t kAddressSpaceMax = std::uint64_t{1} << 46U;
constexpr std::uint64_t kBudgetMin = 64 * std::uint64_t{kPageSizeMin};
constexpr std::uint64_t kBudgetMax = std::uint64_t{1} << 42U;

Result<void> in_range(const char* name, std::uint64_t value, std::uint64_t low,
                      std::uint64_t high) {
  if (value >= low && value <= high) return {};
  return fail(Code::kInvalidArgument, std::string(name) + " is " + std::to_string(value) +
                                          "; it has to be from " + std::to_string(low) + " to " +
                                          std::to_string(high));
}

}  // namespace

Result<void> validate(const Limits& limits, std::uint32_t page_size) {
  CAISSON_RETURN_IF_ERROR(
      in_range("limits.key_size_max", limits.key_size_max, 1, key_limit_max(page_size)));
  CAISSON_RETURN_IF_ERROR(
      in_range("limits.value_size_max", limits.value_size_max, 1, std::uint64_t{1} << 40U));
  return in_range("limits.tree_height_max", limits.tree_height_max, 1, 63);
}

Limits default_limits(std::uint32_t page_size) {
  Limits limits;
  limits.key_size_max = std::min(limits.key_size_max, page_size / 16);
  return limits;
}

Result<void> validate(const CreateOptions& options) {
  if (!valid_page_size(options.page_size)) {
    return fail(Error(Code::kInvalidArgument,
                      "page_size is " + std::to_string(options.page_size) + " bytes")
                    .with_advice("Choose 4096, 8192, 16384, 32768 or 65536."));
  }
  return options.limits ? validate(*options.limits, options.page_size) : Result<void>{};
}

Result<void> validate(const PagerOptions& options) {
  CAISSON_RETURN_IF_ERROR(in_range("address_space_bytes", options.address_space_bytes,
                                   kAddressSpaceMin, kAddressSpaceMax));
  return in_range("memory_budget_bytes", options.memory_budget_bytes, kBudgetMin, kBudgetMax);
}

}  // namespace caisson::pager
