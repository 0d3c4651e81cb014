// One commit made durable by the log in each way that it has, beside the two calls that the system
// needs for it at least.
//
// Method. A commit is one record with a payload of 100 bytes, and each is flushed alone, by one
// thread: so it is a write of one block of 4 KiB, and a flush. Limits write such blocks into a file
// that was written before, as log files are (calibration/disk is one of them). "encode" is the
// record alone, without a log: its payload copied and hashed, its header, its checksum; nothing is
// written.

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/hash.h"
#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/keep.h"
#include "bench/support/raw_log.h"
#include "io/posix.h"
#include "log/record.h"
#include "log/testing/harness.h"

namespace caisson::bench {
namespace {

using io::SyncMethod;
using log::testing::LogStore;
using log::testing::value_of;

constexpr std::size_t kPayloadSize = 100;
constexpr std::size_t kBatch = 1000;
constexpr std::uint64_t kFileSize = RawLog::kFileSize;
static_assert(RawLog::kBlockSize == log::kBatchAlignment);

// --- The record alone ----------------------------------------------------------------------------

void encode(Run& run) {
  std::vector<std::byte> payload(kPayloadSize);
  Random(1).fill(payload);
  std::vector<std::byte> record(log::record_size(kPayloadSize));
  log::RecordHeader header;
  header.type = log::RecordType::kCommit;
  header.payload_size = kPayloadSize;
  run.batches(kBatch, [&] {
    header.txn = TxnId{to_u64(header.txn) + 1};
    header.hash = chain(header.hash, payload);
    std::ranges::copy(payload, record.begin() + log::kRecordHeaderSize);
    header.previous_checksum = log::encode_record(header, 1, record);
  });
  keep(record);
}

// Its bytes copied, and their checksum.
void copy_and_sum(Run& run) {
  std::vector<std::byte> from(log::record_size(kPayloadSize));
  Random(1).fill(from);
  std::vector<std::byte> to(from.size());
  run.batches(kBatch, [&] {
    std::ranges::copy(from, to.begin());
    keep(crc32c(to));
  });
}

// --- Durable commits -----------------------------------------------------------------------------

void commit(Run& run, bool direct, SyncMethod method) {
  run.need_disk();
  LogStore store(io::posix_vfs(), run.new_path("log"),
                 {.file_size_min = kFileSize,
                  .file_size_max = kFileSize,
                  .direct = direct,
                  .sync_method = method});
  value_of(store.open());
  const std::string payload(kPayloadSize, 'p');
  value_of(store.commit(payload));
  const log::WriterStats before = store.writer().stats();
  if (before.direct != direct || before.sync_method != method) {
    throw std::runtime_error("this system has no such way to the disk");
  }
  run.each([&] { value_of(store.commit(payload)); });
  if (method != SyncMethod::kUring) return;
  // The kernel does these without a call that could be counted.
  const log::WriterStats after = store.writer().stats();
  run.add_uncounted({.writes = after.flushes - before.flushes,
                     .bytes_written = after.bytes_written - before.bytes_written,
                     .syncs = after.flushes - before.flushes});
}

// --- Names ---------------------------------------------------------------------------------------

void add_commit(const std::string& name, bool direct, SyncMethod method, bool quick = false) {
  About about{.name = "log/append_commit_record/" + name,
              .about = "a commit of 100 bytes, appended and flushed alone",
              .operation = "commit",
              .bound = Bound::kDisk,
              .gate = quick ? Gate::kCritical : Gate::kAdvisory,
              .quick = quick,
              .iterations = 2000};
  about.against = {calibration_of(Bound::kDisk)};
  if (method == SyncMethod::kDsync) about.against.emplace_back("limit/direct_write_dsync_4k");
  add(std::move(about), [direct, method](Run& run) { commit(run, direct, method); });
}

[[maybe_unused]] const bool kRegistered = [] {
  add({.name = "log/append_commit_record/encode",
       .about = "the record of a commit of 100 bytes, without a log: copied, hashed, summed",
       .operation = "record",
       .gate = Gate::kCritical,
       .against = {"limit/copy_and_crc32c_of_record"},
       .quick = true},
      encode);
  add({.name = "limit/copy_and_crc32c_of_record",
       .about = "as many bytes copied and summed",
       .operation = "record",
       .gate = Gate::kNone},
      copy_and_sum);
  add_commit("direct", true, SyncMethod::kTwoCalls, true);
  add_commit("direct_dsync", true, SyncMethod::kDsync);
  add_commit("direct_uring", true, SyncMethod::kUring);
  add_commit("buffered", false, SyncMethod::kTwoCalls, true);
  add_commit("buffered_dsync", false, SyncMethod::kDsync);
  add_commit("buffered_uring", false, SyncMethod::kUring);
  return add({.name = "limit/direct_write_dsync_4k",
              .about = "4 KiB written past the page cache with RWF_DSYNC",
              .operation = "write",
              .bound = Bound::kDisk,
              .gate = Gate::kNone},
             [](Run& run) {
               run.need_disk();
               RawLog log(run.new_path("log"));
               run.each([&] { log.append_dsync(); });
             });
}();

}  // namespace
}  // namespace caisson::bench
