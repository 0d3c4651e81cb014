// Method: logs on a simulated machine, whose power is cut (what was not flushed survives by chance,
// torn at any byte) or whose process is killed at each call to the system, recovery's own included,
// over several lives. What is found then is compared by value: every commit that was acknowledged,
// and behind them only such as were queued. Then damage: each bit of a log flipped, the log cut at
// each length, sectors exchanged; what is found is right or an error that says so. And states that
// chance rarely makes, built by hand.

#include "log/recovery.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "log/testing/crash_workload.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::bytes_of;
using testing::Commits;
using testing::History;
using testing::judge;
using testing::kSmallFiles;
using testing::live;
using testing::LogStore;
using testing::path_of;
using testing::read_commits;
using testing::value_of;

std::string payload_of(std::uint64_t number, std::size_t size) {
  return std::to_string(number) + std::string(size, static_cast<char>('a' + number % 26));
}

// --- Power cuts ----------------------------------------------------------------------------------

class LogCrash : public ::testing::TestWithParam<bool> {
 protected:
  // Three lives of a log, with the power cut at the n-th call.
  static std::unique_ptr<LogStore> run(std::uint64_t seed, std::uint64_t call, History& history) {
    auto store = std::make_unique<LogStore>(kSmallFiles, seed);
    store->machine().set_direct_supported(GetParam());
    store->machine().inject({store->machine().calls() + call, FaultKind::kPowerCut, false});
    Random random(seed);
    for (int life = 0; life < 3 && !store->machine().down(); ++life) {
      EXPECT_EQ(live(*store, history, random, 12), "");
      if (!store->machine().down()) store->machine().kill();
    }
    return store;
  }

  static std::uint64_t calls_of(std::uint64_t seed) {
    History history;
    const std::uint64_t before = LogStore(kSmallFiles, seed).machine().calls();
    return run(seed, 1'000'000, history)->machine().calls() - before;
  }
};

TEST_P(LogCrash, LosesNothingThatWasAcknowledged) {
  const Replay replay = Replay::from_environment({"seed", "call", "mode", "second"});
  std::uint64_t cases = 0;
  std::uint64_t cut_behind_recovery = 0;
  const std::uint64_t last_seed = caisson::testing::long_run() ? 40 : 3;
  for (const std::uint64_t seed : replay.seeds("seed", 1, last_seed)) {
    const std::uint64_t calls = calls_of(seed);
    ASSERT_GT(calls, 50U);
    for (const std::uint64_t call : replay.range("call", 0, calls, stride(7))) {
      History history;
      const auto store = run(seed, call, history);
      ASSERT_TRUE(store->machine().down());
      for (const std::uint64_t mode : replay.range("mode", 0, io::sim::kCrashModeCount)) {
        // Then the next life is cut off as well, at a call of its own, or not.
        for (const std::uint64_t second : replay.range("second", 0, 4)) {
          const std::string command = replay.command({seed, call, mode, second});
          LogStore after(store->machine().clone(seed + 100 * mode + call), kSmallFiles);
          after.machine().set_direct_supported(GetParam());
          after.machine().cut_power(static_cast<CrashMode>(mode));
          History next = history;
          if (second > 0) {
            const std::uint64_t at = (call * 7 + mode * 11) % 20 + 20 * (second - 1);
            after.machine().inject({after.machine().calls() + at, FaultKind::kPowerCut, false});
            Random random(seed + call);
            ASSERT_EQ(live(after, next, random, 6), "") << command;
            cut_behind_recovery += next.acknowledged > history.acknowledged ? 1 : 0;
            after.machine().clear_faults();
            after.machine().cut_power(CrashMode::kTorn);
          }
          ASSERT_EQ(judge(after, next), "") << command;
          // What was found has been told to somebody, and stays.
          after.machine().cut_power(CrashMode::kNothing);
          ASSERT_EQ(judge(after, next), "") << command;
          ++cases;
        }
      }
    }
  }
  std::cout << "cases=" << cases << " failures=0\n";
  if (replay.everything()) {
    EXPECT_GT(cases, 500U);
    EXPECT_GT(cut_behind_recovery, 50U);
  }
}

INSTANTIATE_TEST_SUITE_P(Access, LogCrash, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Direct" : "Cached"; });

// --- Damage --------------------------------------------------------------------------------------

// A log of two files, each commit flushed by itself. With a mark at the end, every commit was
// acknowledged by what follows it.
class LogDamage : public ::testing::TestWithParam<bool> {
 protected:
  LogDamage() {
    value_of(store_.open());
    for (std::uint64_t i = 0; i < 12; ++i) {
      expected_.push_back(payload_of(i, i % 5 == 3 ? 9000 : 50));
      value_of(store_.commit(expected_.back()));
    }
    if (marked()) value_of(store_.writer().mark_idle());
    store_.close();
    used_ = store_.machine().image(path_of(1))->cached().size();
    // Nothing but zeros behind the last record.
    while (store_.machine().image(path_of(1))->cached()[used_ - 1] == std::byte{0}) --used_;
  }

  bool marked() const { return GetParam(); }

  // Whether what was acknowledged is all there, or its absence is reported. Without a mark, the
  // last commit may look torn, which nothing can tell from damage.
  std::string judge(LogStore& store) const {
    const auto end = store.open();
    if (!end) {
      const bool says_so = end.error().code() == Code::kCorruption && !end.error().rule().empty();
      return says_so ? "" : end.error().to_string();
    }
    const auto found = read_commits(store.directory());
    if (!found) return "opened, but can't be read: " + found.error().to_string();
    const std::size_t least = expected_.size() - (marked() ? 0 : 1);
    if (found->size() < least) return "a lost commit that nobody tells of";
    if (found->size() > expected_.size()) return "a commit that nobody made";
    if (!std::equal(found->begin(), found->end(), expected_.begin())) return "a wrong commit";
    return "";
  }

  template <typename Damage>
  std::string judge_with(Damage damage) {
    LogStore store(store_.machine().clone(1), kSmallFiles);
    damage(*store.machine().image(path_of(1)));
    return judge(store);
  }

  LogStore store_;
  Commits expected_;
  std::size_t used_ = 0;
};

TEST_P(LogDamage, IsReportedWhateverBitItIs) {
  std::uint64_t cases = 0;
  for (std::size_t bit = 0; bit < used_ * 8; bit += 1 + 12 * (stride(40) + 3)) {
    ASSERT_EQ(judge_with([&](auto& image) { image.flip_bit(bit / 8, bit % 8); }), "") << bit;
    ++cases;
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST_P(LogDamage, IsReportedWhereverTheFileEnds) {
  for (std::size_t size = 0; size < kFileSizeMin; size += 61 * stride(20)) {
    LogStore store(store_.machine().clone(1), kSmallFiles);
    store.machine().image(path_of(1))->resize(size);
    EXPECT_FALSE(store.open().has_value()) << size;
  }
}

TEST_P(LogDamage, IsReportedWhereASectorIsZerosOrAnother) {
  for (std::size_t at = 0; at < used_; at += 512) {
    EXPECT_EQ(judge_with([&](auto& image) { image.overwrite(at, std::vector<std::byte>(512)); }),
              "")
        << at;
    for (std::size_t from = 0; from < used_; from += 512 * (1 + stride(8))) {
      EXPECT_EQ(judge_with([&](auto& image) {
                  const Bytes other = image.cached().subspan(from, 512);
                  image.overwrite(at, std::vector<std::byte>(other.begin(), other.end()));
                }),
                "")
          << at << " from " << from;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Marked, LogDamage, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Yes" : "No"; });

// --- By hand -------------------------------------------------------------------------------------

// Overwrites a batch, as a power cut does that never wrote it.
void lose(LogStore& store, std::uint64_t file, std::uint64_t offset) {
  store.machine().image(path_of(file))->overwrite(offset, std::vector<std::byte>(4096));
}

TEST(LogEnd, IsBeforeABatchThatWasLostThoughTheNextOneWasNot) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  value_of(store.commit("durable"));
  // Two batches, in two files, that are on the way at once: neither acknowledges the other.
  value_of(store.append(std::string(40'000, 'a')));
  value_of(store.append(std::string(30'000, 'b')));
  value_of(store.writer().flush(store.writer().appended()));
  store.close();
  EXPECT_EQ(value_of(store.open()).txn, TxnId{3});
  lose(store, 1, 8192);
  EXPECT_EQ(value_of(store.open()).txn, TxnId{1});
  value_of(store.commit("instead"));
  EXPECT_EQ(value_of(read_commits(store.directory())), (Commits{"durable", "instead"}));
  EXPECT_EQ(value_of(store.open()).txn, TxnId{2});
}

TEST(LogEnd, IsNoneWhereALaterRecordSaysThatMoreWasAcknowledged) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  for (const char* text : {"one", "two", "three"}) value_of(store.commit(text));
  store.close();
  const auto before = store.machine().image(path_of(1))->cached();
  const std::vector<std::byte> whole(before.begin(), before.end());
  lose(store, 1, 8192);
  const auto opened = store.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::kCorruption);
  EXPECT_EQ(opened.error().rule(), "RECOVER-3");
  EXPECT_EQ(opened.error().record(), 2U);
  EXPECT_EQ(opened.error().offset(), 4096U + record_size(3));
}

TEST(LogEnd, IsNoneWhereALaterEpochSaysThatMoreWasAcknowledged) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  value_of(store.commit("one"));
  value_of(store.open());  // A new epoch, which acknowledges what it found.
  value_of(store.commit("two"));
  store.close();
  lose(store, 1, 4096);
  EXPECT_EQ(store.open().error().rule(), "RECOVER-3");
}

TEST(LogEnd, IsNoneWhereAMetaKnowsOfMore) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  value_of(store.commit("one"));
  for (const std::uint64_t known : {0U, 1U, 2U}) {
    const auto end = find_log_end(store.directory(), FileAccess::kRead, {}, {}, TxnId{known});
    EXPECT_EQ(end.has_value(), known < 2) << known;
  }
}

TEST(LogEnd, IsNoneWhereTheHeadOfALaterFileSaysThatMoreWasAcknowledged) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  while (value_of(store.directory().files()).size() < 3) {
    value_of(store.commit(std::string(10'000, 'x')));
  }
  store.close();
  for (const bool header_too : {false, true}) {
    LogStore copy(store.machine().clone(1), kSmallFiles);
    io::sim::FileImage& image = *copy.machine().image(path_of(2));
    image.overwrite(kFileHeaderSize, std::vector<std::byte>(image.cached().size() - 4096));
    if (header_too) image.overwrite(0, std::vector<std::byte>(4096));
    EXPECT_EQ(copy.open().error().rule(), "RECOVER-3");
    // The same where the file is gone.
    LogStore without(store.machine().clone(1), kSmallFiles);
    value_of(without.machine().vfs().open_directory(std::string(testing::kStorePath) + "/log"))
        ->unlink(file_name(2))
        .value();
    EXPECT_EQ(without.open().error().rule(), "RECOVER-3");
  }
}

TEST(LogEnd, IsNoneWhereTheHeaderOfAUsedFileIsDamaged) {  // LOG-1, RECOVER-3
  LogStore store;
  value_of(store.open());
  while (value_of(store.directory().files()).size() < 2) {
    value_of(store.commit(std::string(10'000, 'x')));
  }
  value_of(store.commit("more"));
  store.close();
  store.machine().image(path_of(2))->flip_bit(20, 1);
  EXPECT_EQ(store.open().error().rule(), "RECOVER-3");
}

// What the cut has taken away may have been acknowledged, and nothing else tells.
TEST(LogEnd, IsNoneBeforeAFileThatHasBeenCut) {  // LOG-1, RECOVER-3
  for (const std::uint64_t size :
       std::vector<std::uint64_t>{0, 4095, 4096, 8192, kFileSizeMin - 1}) {
    LogStore store;
    value_of(store.open());
    while (value_of(store.directory().files()).size() < 2) {
      value_of(store.commit(std::string(10'000, 'x')));
    }
    value_of(store.commit("more"));
    store.close();
    io::sim::FileImage& image = *store.machine().image(path_of(2));
    image.resize(size);
    image.flush();
    const auto opened = store.open();
    ASSERT_FALSE(opened.has_value()) << size;
    EXPECT_EQ(opened.error().code(), Code::kCorruption);
    EXPECT_EQ(opened.error().rule(), "LOG-1") << size;
    EXPECT_EQ(opened.error().file(), file_name(2)) << size;
  }
}

TEST(LogEnd, TakesNoNoticeOfAFileThatWasNeverUsed) {  // LOG-2
  LogStore store;
  value_of(store.open());
  value_of(store.commit("one"));
  value_of(store.directory().make_file(2, kFileSizeMin));
  store.close();
  store.machine().image(path_of(2))->flip_bit(20, 1);
  EXPECT_EQ(value_of(store.open()).txn, TxnId{1});
  for (int i = 0; i < 20; ++i) value_of(store.commit(std::string(10'000, 'x')));
  EXPECT_EQ(value_of(read_commits(store.directory())).size(), 21U);
}

// The parts lie whole behind the last commit, and are linked to it. A new epoch begins beside them.
TEST(LogEnd, IsBeforePartsWithoutAnEndWhateverFollowsThem) {  // RECOVER-2, RECOVER-4, LOG-7
  for (const std::size_t size : {10U, 4000U, 9000U, 56'000U}) {
    LogStore store;
    value_of(store.open());
    // In one batch, so that the parts begin within its first block.
    value_of(store.append("one"));
    for (std::uint32_t part = 0; part < 3; ++part) {
      value_of(store.writer().append(RecordType::kPart, TxnId{2}, part,
                                     bytes_of(std::string(size, 'v'))));
    }
    value_of(store.writer().flush(store.writer().appended()));
    Commits expected = {"one"};
    for (int life = 0; life < 3; ++life) {
      ASSERT_EQ(to_u64(value_of(store.open()).txn), expected.size()) << size;
      expected.push_back("life " + std::to_string(life));
      value_of(store.commit(expected.back()));
      ASSERT_EQ(value_of(read_commits(store.directory())), expected) << size;
      expected.push_back(std::string(20'000, 'y'));
      value_of(store.commit(expected.back()));
    }
    EXPECT_EQ(to_u64(value_of(store.open()).txn), expected.size());
  }
}

TEST(LogEnd, OfAClosedStoreIsToldByItsMark) {
  LogStore store;
  value_of(store.open());
  const auto appended = value_of(store.append("one"));
  value_of(store.writer().flush(appended.ticket));
  const auto closed = [&] {
    return value_of(resume_if_closed(store.directory(), FileAccess::kReadDirect, TxnId{1},
                                     appended.position))
        .has_value();
  };
  EXPECT_FALSE(closed());
  value_of(store.writer().mark_idle());
  EXPECT_FALSE(closed());
  store.close();

  value_of(store.open());
  value_of(store.writer().mark_closed());
  EXPECT_TRUE(closed());  // Though the mark of an idle log lies between.
}

// A new epoch is linked to the mark that it goes on behind, not to the commit before that. Its
// first record has no room in the file, so nothing overwrites the mark of the store that was
// closed.
TEST(LogEnd, OfAClosedStoreIsWhereTheNextEpochGoesOnBehindMarks) {
  LogStore store;
  value_of(store.open());
  const auto appended = value_of(store.append("one"));
  value_of(store.writer().flush(appended.ticket));
  value_of(store.writer().mark_idle());
  value_of(store.writer().mark_closed());
  store.close();
  const auto look = [&] {
    return value_of(
        resume_if_closed(store.directory(), FileAccess::kReadDirect, TxnId{1}, appended.position));
  };
  const auto resume = look();
  ASSERT_TRUE(resume);
  const auto writer = value_of(LogWriter::open(store.machine().vfs(), store.directory(), TxnId{1},
                                               *resume, store.options()));
  const std::string large(54'000, 'L');
  const auto next = value_of(writer->append(RecordType::kCommit, TxnId{2}, 0, bytes_of(large)));
  value_of(writer->flush(next.ticket));
  EXPECT_EQ(next.position.file, 2U);
  EXPECT_FALSE(look());
  EXPECT_EQ(value_of(store.open()).txn, TxnId{2});
}

TEST(LogEnd, OfAClosedStoreIsOpenAgainWithTheFirstCommit) {
  LogStore store;
  value_of(store.open());
  const auto appended = value_of(store.append("one"));
  value_of(store.writer().mark_closed());
  const auto closed = [&] {
    return value_of(resume_if_closed(store.directory(), FileAccess::kReadDirect, TxnId{1},
                                     appended.position))
        .has_value();
  };
  EXPECT_TRUE(closed());
  value_of(store.open());
  EXPECT_TRUE(closed());
  value_of(store.commit("two"));
  EXPECT_FALSE(closed());
  EXPECT_EQ(value_of(read_commits(store.directory())), (Commits{"one", "two"}));
}

// The cache shows a commit that the disk perhaps never got: its flush failed.
TEST(LogEnd, DoesNotBelieveThePageCache) {  // RECOVER-1
  WriterOptions options = kSmallFiles;
  options.direct = false;
  for (const bool direct : {true, false}) {
    int found_less = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      LogStore store(options, seed);
      store.machine().set_direct_supported(direct);
      value_of(store.open());
      value_of(store.commit("durable"));
      store.machine().inject({store.machine().calls() + 1, FaultKind::kSyncDrops, false});
      EXPECT_FALSE(store.commit("dropped, or not").has_value());
      store.machine().kill();
      const std::uint64_t found = to_u64(value_of(store.open()).txn);
      found_less += found == 1 ? 1 : 0;
      // Whatever was found is there for good.
      store.machine().cut_power(CrashMode::kNothing);
      EXPECT_EQ(to_u64(value_of(store.open()).txn), found) << seed;
    }
    EXPECT_GT(found_less, 0) << direct;
  }
}

// The first record of the new epoch has no room in the file of the mark, which stays.
TEST(LogEnd, OfAClosedStoreIsNotWhereANewEpochBeganInTheNextFile) {
  LogStore store;
  value_of(store.open());
  value_of(store.append(std::string(30'000, 'x')));
  const auto appended = value_of(store.append("two"));
  value_of(store.writer().mark_closed());
  value_of(store.open());
  value_of(store.commit(std::string(40'000, 'y')));
  EXPECT_EQ(store.writer().stats().files_made, 1U);
  EXPECT_FALSE(value_of(
      resume_if_closed(store.directory(), FileAccess::kReadDirect, TxnId{2}, appended.position)));
  EXPECT_EQ(value_of(read_commits(store.directory())).size(), 3U);
  EXPECT_EQ(value_of(store.open()).txn, TxnId{3});
}

// Parts of a commit that was never finished lead on to the next file. What tells of the commits
// that came instead lies before them.
TEST(LogEnd, IsNoneWhereOldPartsLeadPastWhatIsMissing) {  // RECOVER-3
  LogStore store;
  value_of(store.open());
  value_of(store.commit(std::string(30'000, 'x')));
  value_of(
      store.writer().append(RecordType::kPart, TxnId{2}, 0, bytes_of(std::string(40'000, 'v'))));
  value_of(store.writer().flush(store.writer().appended()));
  value_of(store.open());
  value_of(store.commit("instead"));
  value_of(store.commit("next"));
  store.close();
  lose(store, 1, batch_ceiling(4096 + record_size(30'000)));
  EXPECT_EQ(store.open().error().rule(), "RECOVER-3");
}

// Each part acknowledges the commit before, so there is no evidence among them.
TEST(LogEnd, IsNoneWhereACommitOfManyPartsIsDamagedInItsFirst) {  // RECOVER-3
  const WriterOptions large{.file_size_min = std::uint64_t{16} << 20U,
                            .file_size_max = std::uint64_t{16} << 20U,
                            .direct = true};
  for (const std::uint64_t lost : {4096ULL, 4096ULL + (1ULL << 20U), 4096ULL + (5ULL << 20U)}) {
    LogStore store(large);
    value_of(store.open());
    const std::string payload(store.writer().payload_size_max(), 'p');
    for (std::uint32_t part = 0; part < 8; ++part) {
      value_of(store.writer().append(part == 7 ? RecordType::kCommit : RecordType::kPart, TxnId{1},
                                     part, bytes_of(payload)));
    }
    value_of(store.writer().flush(store.writer().appended()));
    store.set_txn(TxnId{1});
    value_of(store.commit("next"));
    store.close();
    lose(store, 1, lost);
    EXPECT_EQ(store.open().error().rule(), "RECOVER-3") << lost;
  }
}

// Some file systems take the flag when a file is opened, and refuse what it means.
TEST(LogEnd, IsFoundThroughTheCacheWhereDirectReadsAreRefusedOnlyWhenTheyAreMade) {
  LogStore store;
  value_of(store.open());
  for (int i = 0; i < 30; ++i) value_of(store.commit(std::string(5000, 'p')));
  store.close();
  store.machine().set_direct_alignment(65536);  // Larger than a batch.
  const LogEnd end = value_of(store.open());
  EXPECT_EQ(end.txn, TxnId{30});
  EXPECT_FALSE(end.past_cache);
  EXPECT_FALSE(store.writer().stats().direct);
  value_of(store.commit("goes on"));
  EXPECT_EQ(value_of(read_commits(store.directory())).size(), 31U);
}

TEST(LogEnd, CantBeFoundWhereTheLogDoesNotReachBack) {  // RECOVER-5
  LogStore store;
  value_of(store.open());
  const auto appended = value_of(store.append("one"));
  value_of(store.commit("two"));
  value_of(store.commit("three"));
  LogPosition position = appended.position;
  const auto end = [&] {
    return find_log_end(store.directory(), FileAccess::kRead, TxnId{1}, position, TxnId{1});
  };
  EXPECT_EQ(value_of(end()).txn, TxnId{3});
  position.file = 7;
  EXPECT_EQ(end().error().rule(), "RECOVER-5");
  position = appended.position;
  position.record_checksum ^= 1;  // Then "two" is not what follows, and "three" says that it was.
  EXPECT_EQ(end().error().rule(), "RECOVER-3");
}

}  // namespace
}  // namespace caisson::log
