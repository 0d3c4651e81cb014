// Method: a store with two checkpoints, and behind them a log of which everything is known: where
// each record lies, which commit it is part of, and what had been acknowledged when it was made.
// Then the log is damaged: each bit of it is flipped, and the last file is cut at each length, one
// at a time; and the store is opened. What has to come of it follows from the place of the damage
// and section 6 of spec/commit_log.md alone. Either the log ends before the damaged record, and the
// store shows just that state, by value; or a later batch says that a commit was acknowledged which
// can't be found, and opening fails with kCorruption and leaves every file as it was.
//
// The ordinary run takes a fifth of the bits, from the records' headers and trailers and some of
// all else, and lengths in the same places; the long run takes every bit that is in use, and every
// length.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using testing::bytes_of;
using testing::EngineStore;
using testing::kStorePath;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::tree_in;
using testing::value_of;

constexpr std::uint64_t kHeaderSize = 4096;  // Of a file; and batches begin at multiples of it.

std::string log_path(std::uint64_t file) {
  return std::string(kStorePath) + "/log/" + log::file_name(file);
}

// A record of the log behind the newest checkpoint.
struct Record {
  std::uint64_t file = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t missing = 0;       // The commit that isn't found where this record isn't.
  std::uint64_t acknowledged = 0;  // Up to which commit all were durable before it was made.
};

// What the store has to do. The commit that it opens with; none: kCorruption.
using Expected = std::optional<std::uint64_t>;

// How the log ends.
enum class End : std::uint8_t {
  kCommit,  // Nothing tells that the last one was acknowledged.
  kMark,    // That does.
  kClosed,  // The newest checkpoint holds everything.
  kParts,   // As kCommit; one commit is so large that it has parts, in several files.
};

constexpr std::uint64_t kEnds = 4;

// All files of a store, by name.
using Files = std::map<std::string, std::vector<std::byte>>;

class Damaged {
 public:
  explicit Damaged(End end) {
    build(end == End::kParts);
    if (end == End::kMark) add_mark();
    if (end == End::kClosed) {
      value_of(store_.engine().checkpoint());
      records_.clear();
      note(last() + 1, last());
    }
    checkpoint_ = store_.engine().pager().checkpointed().log;
    if (end == End::kClosed) {
      value_of(store_.close());
    } else {
      store_.kill();
    }
    locate();
    whole_ = files_of(store_);
  }

  std::uint64_t last_file() const { return records_.empty() ? 1 : records_.back().file; }
  std::uint64_t first_file() const { return checkpoint_.file; }
  std::uint64_t file_size(std::uint64_t file) const { return whole_.at(log_path(file)).size(); }
  const std::vector<Record>& records() const { return records_; }
  const std::vector<Model>& states() const { return states_; }

  // What follows from damage at a byte.
  Expected expected_at(std::uint64_t file, std::uint64_t at) const {
    // RECOVER-5: the file that the meta names has to be whole in this.
    if (file == checkpoint_.file && at < kHeaderSize) return std::nullopt;
    return expected_without([&](const Record& record, const Record* previous) {
      const bool follows = previous != nullptr && previous->file == file;
      const std::uint64_t from = follows                    ? previous->end
                                 : file == checkpoint_.file ? checkpoint_.offset
                                                            : 0;    // LOG-1 with it, elsewhere.
      return record.file == file && at >= from && at < record.end;  // LOG-7: zeros in between.
    });
  }

  // Opens the store with such damage, and says what is wrong; "" if nothing is.
  std::string judge(const std::function<void(EngineStore&)>& damage, const Expected& expected) {
    if (!copy_) copy_.emplace(store_.copy(1));
    EngineStore& store = *copy_;
    damage(store);
    const Files damaged = files_of(store);
    const auto opened = store.open();
    std::string wrong = judge(store, opened, damaged, expected);
    if (opened) {
      copy_.reset();
    } else {
      // Nothing has changed, so it serves for the next damage too.
      for (const auto& [path, bytes] : whole_) {
        if (bytes == damaged.at(path)) continue;
        io::sim::FileImage& image = *store.machine().image(path);
        image.resize(bytes.size());
        image.flush();
        image.overwrite(0, bytes);
      }
    }
    return wrong;
  }

 private:
  std::uint64_t last() const { return states_.size() - 1; }

  void note(std::uint64_t missing, std::uint64_t acknowledged) {
    records_.push_back({.missing = missing, .acknowledged = acknowledged});
  }

  void add_mark() {
    value_of(store_.engine().log().mark_idle());
    // It is no commit. What isn't found without it is the one that comes next.
    note(last() + 1, last());
  }

  // A commit of some keys.
  void commit(std::size_t size, Durability durability, int keys = 1) {
    WriteTxn txn = value_of(store_.engine().begin_write());
    const TreeId tree = tree_in(txn, "t");
    Model model = states_.back();
    for (int i = 0; i < keys; ++i) {
      const std::string key = std::to_string(states_.size()) + "." + std::to_string(i);
      const std::string value(size, static_cast<char>('a' + states_.size() % 26));
      value_of(txn.put(tree, bytes_of(key), bytes_of(value)));
      model["t"][key] = value;
    }
    value_of(txn.commit(durability));
    states_.push_back(std::move(model));
  }

  void build(bool in_parts) {
    // In the older checkpoint, in the newer one, and behind both.
    commit(100, Durability::kSync);
    value_of(store_.engine().checkpoint());
    commit(100, Durability::kSync);
    value_of(store_.engine().checkpoint());
    commit(100, Durability::kSync);
    note(3, 2);
    // Two of one batch: neither acknowledges the other.
    commit(30, Durability::kQueued);
    note(4, 3);
    commit(40, Durability::kSync);
    note(5, 3);
    if (in_parts) {
      const std::uint64_t records = store_.engine().log().stats().records;
      commit(1000, Durability::kSync, 150);
      const std::uint64_t parts = store_.engine().log().stats().records - records;
      for (std::uint64_t i = 0; i < parts; ++i) note(6, 5);
    } else {
      commit(5000, Durability::kSync);  // More than a block.
      note(6, 5);
    }
    add_mark();
    commit(200, Durability::kSync);
    note(7, 6);
    commit(10, Durability::kSync);
    note(8, 7);
  }

  // Reads no more of the log than where its records begin and how long they are.
  void locate() {
    std::uint64_t file = checkpoint_.file;
    std::uint64_t at = checkpoint_.offset;
    for (Record& record : records_) {
      while (true) {
        const auto bytes = store_.machine().image(log_path(file))->cached();
        if (begins(bytes, at)) break;
        at = (at + kHeaderSize - 1) / kHeaderSize * kHeaderSize;
        if (begins(bytes, at)) break;
        ++file;
        at = kHeaderSize;
      }
      std::uint32_t payload = 0;
      std::memcpy(&payload, store_.machine().image(log_path(file))->cached().data() + at + 12, 4);
      record.file = file;
      record.begin = at;
      record.end = at = at + (152 + payload + 7) / 8 * 8 + 8;
    }
  }

  static bool begins(Bytes bytes, std::uint64_t at) {
    return at + 4 <= bytes.size() && std::memcmp(bytes.data() + at, "CRec", 4) == 0;
  }

  // RECOVER-2, RECOVER-3: the log ends before the first record that can't be followed, unless a
  // batch behind it says more.
  template <typename Lost>
  Expected expected_without(Lost lost) const {
    const Record* previous = nullptr;
    for (const Record& record : records_) {
      if (lost(record, previous)) return expected_behind(record);
      previous = &record;
    }
    return last();
  }

  Expected expected_behind(const Record& lost) const {
    for (const Record& record : records_) {
      const bool behind = record.file > lost.file || record.begin >= batch_behind(lost);
      if (behind && record.acknowledged >= lost.missing) return std::nullopt;
    }
    return lost.missing - 1;
  }

  // Where the first batch begins that the record isn't part of.
  std::uint64_t batch_behind(const Record& lost) const {
    for (const Record& record : records_) {
      const bool behind = record.file == lost.file && record.begin > lost.begin;
      if (behind && record.begin % kHeaderSize == 0) return record.begin;
    }
    return ~std::uint64_t{0};
  }

  static Files files_of(EngineStore& store) {
    Files files;
    const auto add = [&](const std::string& path) {
      const auto bytes = store.machine().image(path)->cached();
      files[path].assign(bytes.begin(), bytes.end());
    };
    add(std::string(kStorePath) + "/pages");
    const auto logs =
        value_of(store.machine().vfs().open_directory(std::string(kStorePath) + "/log"));
    for (const std::string& name : value_of(logs->list())) {
      add(std::string(kStorePath) + "/log/" + name);
    }
    return files;
  }

  std::string judge(EngineStore& store, const Result<void>& opened, const Files& damaged,
                    const Expected& expected) {
    if (!opened) {
      const Error& error = opened.error();
      if (expected) return "it does not open: " + error.to_string();
      if (error.code() != Code::kCorruption) return error.to_string();
      return files_of(store) == damaged ? "" : "it does not open, and has changed a file";
    }
    const std::uint64_t found = to_u64(store.engine().recovery().recovered);
    if (!expected) return "it opens, with commit " + std::to_string(found);
    if (found != *expected) {
      return "it opens with commit " + std::to_string(found) + ", not " + std::to_string(*expected);
    }
    const auto contents = read_all(value_of(store.engine().snapshot()));
    if (!contents) return "it opens, and can't be read: " + contents.error().to_string();
    if (*contents != states_[found]) return "it opens, and something else is there";
    if (++opened_ % 8 != 0) return "";
    // And it goes on from there.
    value_of(put(store.engine(), "t", "more", "m"));
    store.kill();
    const auto again = store.open();
    if (!again) return "it does not open again: " + again.error().to_string();
    Model model = states_[found];
    model["t"]["more"] = "m";
    const bool same = value_of(read_all(value_of(store.engine().snapshot()))) == model;
    return same ? "" : "what was committed next isn't there";
  }

  EngineStore store_;
  std::vector<Model> states_ = {Model{}};
  std::vector<Record> records_;
  LogPosition checkpoint_;  // What the newest meta names.
  Files whole_;
  std::optional<EngineStore> copy_;
  std::uint64_t opened_ = 0;
};

// Which bytes of a file are taken: in the long run all that are in use, unless there are parts;
// else records but for their payloads, and every so many of what is left.
bool in_sample(const Damaged& store, End end, std::uint64_t file, std::uint64_t at) {
  if (at % 509 == 0) return true;
  if (long_run() && end != End::kParts) return at < store.records().back().end + 4096;
  return std::ranges::any_of(store.records(), [&](const Record& record) {
    if (record.file != file || at + 4 < record.begin || at >= record.end + 4) return false;
    return at < record.begin + 156 || at + 12 >= record.end;
  });
}

TEST(LogDamage, AFlippedBitEndsTheLogOrIsReportedAsItsPlaceSays) {  // LOG-7, RECOVER-2, RECOVER-3
  const Replay replay = Replay::from_environment({"end", "file", "bit"});
  std::uint64_t opened = 0;
  std::uint64_t refused = 0;
  for (const std::uint64_t end : replay.range("end", 0, kEnds)) {
    Damaged store(static_cast<End>(end));
    for (const std::uint64_t file : replay.range("file", 1, store.last_file() + 1)) {
      const std::string path = log_path(file);
      const std::uint64_t step = long_run() ? 1 : 5 * stride(29);
      for (const std::uint64_t bit : replay.range("bit", 0, store.file_size(file) * 8, step)) {
        if (replay.everything() && !in_sample(store, static_cast<End>(end), file, bit / 8))
          continue;
        const Expected expected = store.expected_at(file, bit / 8);
        ASSERT_EQ(store.judge(
                      [&](EngineStore& copy) {
                        copy.machine().image(path)->flip_bit(bit / 8,
                                                             static_cast<unsigned>(bit % 8));
                      },
                      expected),
                  "")
            << replay.command({end, file, bit});
        ++(expected ? opened : refused);
      }
    }
  }
  std::cout << "opened=" << opened << " refused=" << refused << " failures=0\n";
  if (replay.everything()) {
    EXPECT_GT(opened, 20U);
    EXPECT_GT(refused, 20U);
  }
}

TEST(LogDamage, ALastFileThatIsCutIsReported) {  // LOG-1, RECOVER-3, RECOVER-5
  const Replay replay = Replay::from_environment({"end", "size"});
  std::uint64_t refused = 0;
  for (const std::uint64_t end : replay.range("end", 0, kEnds)) {
    Damaged store(static_cast<End>(end));
    const std::uint64_t file = store.last_file();
    for (const std::uint64_t size : replay.range("size", 0, store.file_size(file), stride(13))) {
      const bool taken =
          long_run() || size % 61 == 0 || in_sample(store, static_cast<End>(end), file, size);
      if (replay.everything() && !taken) continue;
      ASSERT_EQ(store.judge(
                    [&](EngineStore& copy) {
                      io::sim::FileImage& image = *copy.machine().image(log_path(file));
                      image.resize(size);
                      image.flush();
                    },
                    std::nullopt),
                "")
          << replay.command({end, size});
      ++refused;
    }
  }
  std::cout << "refused=" << refused << " failures=0\n";
  if (replay.everything()) {
    EXPECT_GT(refused, 20U);
  }
}

}  // namespace
}  // namespace caisson::mvcc
