// What a store has to do for the comparison of ordered key-value engines: each is an Engine, and
// gets the same keys and values in the same order.

#ifndef CAISSON_BENCH_PEERS_ENGINE_H_
#define CAISSON_BENCH_PEERS_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace caisson::bench {

class Engine {
 public:
  virtual ~Engine() = default;

  // Sets many keys in one transaction, and makes it durable.
  virtual void put_all(std::span<const std::string_view> keys, std::string_view value) = 0;

  // The same for removing them.
  virtual void erase_all(std::span<const std::string_view> keys) = 0;

  // From here on, reads are of one snapshot, out of the file as a new process finds it.
  virtual void begin_reading() = 0;

  // Looks a key up and reads a byte of its value; false if there is none.
  virtual bool get(std::string_view key) = 0;

  // Reads up to `count` entries from `key` on, in order, the first byte of each key and value;
  // returns how many.
  virtual std::uint64_t scan(std::string_view key, std::uint64_t count) = 0;

  // The size of the file's part that is in use.
  virtual std::uint64_t bytes_used() = 0;
};

// A new, empty store in `directory`, which is made.
using MakeEngine = std::unique_ptr<Engine> (*)(const std::string& directory);
std::unique_ptr<Engine> make_caisson(const std::string& directory);
std::unique_ptr<Engine> make_lmdb(const std::string& directory);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_ENGINE_H_
