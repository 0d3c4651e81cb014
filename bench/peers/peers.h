// The engines that Caisson is compared with, and how a benchmark of all of them is added.

#ifndef CAISSON_BENCH_PEERS_PEERS_H_
#define CAISSON_BENCH_PEERS_PEERS_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/harness/run.h"
#include "bench/peers/store.h"
#include "bench/support/rows.h"

namespace caisson::bench {

struct Peer {
  const char* name;
  OpenStore open;
};

// Ours comes first; LMDB is what ours is held against before the others.
inline constexpr Peer kAllPeers[] = {{"caisson", open_caisson},
                                     {"lmdb", open_lmdb},
                                     {"sqlite", open_sqlite},
                                     {"rocksdb", open_rocksdb},
                                     {"wiredtiger", open_wiredtiger}};
inline constexpr std::span kPeers(kAllPeers);
inline constexpr std::span kOnlyLmdb = kPeers.first(2);

// Rows of these keys, which all have row_value().
inline std::vector<Row> rows_of(std::span<const std::string_view> keys) {
  std::vector<Row> rows;
  rows.reserve(keys.size());
  for (const std::string_view key : keys) rows.push_back({key, row_value()});
  return rows;
}

// Adds a benchmark for each engine, one behind the other. `about` is that of ours, but for its
// name, which is the scenario's alone: ours is `module`/NAME then, and the others ENGINE/NAME. Ours
// is held against what `about` says, and then against the others, which are held against nothing.
template <typename Engine>
void add_for_each(std::span<const Engine> engines, const std::string& module, const About& about,
                  const std::function<void(Run&, const Engine&)>& body) {
  const auto name_of = [&about](const std::string& first) { return first + "/" + about.name; };
  for (const Engine& engine : engines) {
    About its = about;
    its.suite = Suite::kPeers;
    its.parameters["engine"] = engine.name;
    its.parameters["scenario"] = about.name;
    if (&engine == &engines.front()) {
      its.name = name_of(module);
      for (const Engine& other : engines.subspan(1)) its.against.push_back(name_of(other.name));
    } else {
      its.name = name_of(engine.name);
      its.gate = Gate::kNone;
      its.against.clear();
    }
    add(std::move(its), [body, engine](Run& run) { body(run, engine); });
  }
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_PEERS_H_
