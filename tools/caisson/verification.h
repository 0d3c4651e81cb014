// Reads all of a store, beside whoever writes it, and finds what is wrong with it.

#ifndef CAISSON_TOOLS_CAISSON_VERIFICATION_H_
#define CAISSON_TOOLS_CAISSON_VERIFICATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "btree/validator.h"
#include "pager/meta.h"
#include "pager/scrub.h"
#include "tools/caisson/log_chain.h"

namespace caisson::tools {

struct VerifyOptions {
  std::string store;
  std::size_t findings_max = 100;
  bool replay = true;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20U;  // For replaying.

  // Called again and again with the bytes that were read so far; false: stops, with kStopped.
  std::function<bool(std::uint64_t)> reading = [](std::uint64_t) { return true; };
};

// Whether the log leads from the last checkpoint of an earlier commit to the newest one.
struct ReplayReport {
  TxnId from{};
  TxnId to{};
  std::optional<Hash128> state_hash;  // Of the newest checkpoint,
  std::optional<Hash128> replayed;    // and of where the log led. None: it was left out, or failed.
  std::string left_out;               // Why it was; "": it was not.
};

struct Verification {
  // Of the newest checkpoint; none: neither can be opened.
  std::optional<pager::Meta> meta;
  pager::ScrubReport scrub;
  btree::TreeReport tree;   // With the catalog,
  std::uint64_t trees = 0;  // and what is in it: trees,
  std::uint64_t keys = 0;   // and their keys, both 0 where the catalog is damaged.

  std::optional<ChainReport> log;  // None: it can't be read at all.
  std::uint64_t positions = 0;     // That can be read.
  ReplayReport replay;

  std::vector<Error> findings;  // At most findings_max.
  std::uint64_t findings_total = 0;
};

// Errors: what keeps it from looking, as opening a store to read; kStopped. Damage is a finding.
Result<Verification> verify(const VerifyOptions& options);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_VERIFICATION_H_
