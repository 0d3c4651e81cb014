#include "db/options.h"

#include <chrono>
#include <string>

namespace caisson::db {

Result<void> validate(const Options& options) {
  using Time = std::chrono::nanoseconds;
  const struct {
    const char* name;
    Time time;
  } times[] = {{"group_wait", options.group_wait},
               {"async_delay", options.async_delay},
               {"replay_time_max", options.replay_time_max},
               {"snapshot_age_max", options.snapshot_age_max},
               {"retention.age", options.retention.age}};
  for (const auto& [name, time] : times) {
    if (time >= Time::zero()) continue;
    return fail(Code::kInvalidArgument,
                std::string(name) + " is " + std::to_string(time.count()) + " ns, below zero");
  }
  if (options.read_only && options.create_if_missing) {
    return fail(Error(Code::kInvalidArgument, "read_only and create_if_missing are both set")
                    .with_advice("What is opened only to read can't be made."));
  }
  return {};
}

pager::CreateOptions create_options(const CreateOptions& options) {
  pager::CreateOptions made{.page_size = options.page_size};
  pager::Limits limits = pager::default_limits(options.page_size);
  limits.key_size_max = options.key_size_max.value_or(limits.key_size_max);
  limits.value_size_max = options.value_size_max.value_or(limits.value_size_max);
  made.limits = limits;
  return made;
}

mvcc::EngineOptions engine_options(const Options& options) {
  const bool is_private = options.access == PageAccess::kPrivate;
  return {.access = is_private ? pager::PageAccess::kPrivate : pager::PageAccess::kMapped,
          .memory_budget_bytes = options.memory_budget_bytes,
          .address_space_bytes = options.address_space_bytes.value_or(pager::kAddressSpaceDefault),
          .lock_in_memory = options.lock_in_memory,
          .allow_network_file_system = options.allow_network_file_system,
          .log = {.file_size_min = options.log_file_size_min,
                  .file_size_max = options.log_file_size_max,
                  .direct = options.log_direct},
          .retention = {.checkpoints = options.retention.checkpoints,
                        .age_ns = static_cast<std::uint64_t>(options.retention.age.count())},
          .replay_time_max_ns = static_cast<std::uint64_t>(options.replay_time_max.count()),
          .snapshot_age_max_ns = static_cast<std::uint64_t>(options.snapshot_age_max.count())};
}

}  // namespace caisson::db
