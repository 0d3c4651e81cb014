// Creating and opening a page file: spec/pages.md, sections 1, 2 and 6.

#ifndef CAISSON_PAGER_OPEN_H_
#define CAISSON_PAGER_OPEN_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/vfs.h"
#include "pager/allocation.h"
#include "pager/meta.h"
#include "pager/options.h"
#include "pager/pager.h"

namespace caisson::pager {

// The name of the page file in a store's directory, and the one that it has while it is created.
inline constexpr const char* kPageFileName = "pages";
inline constexpr const char* kPageFileNewName = "pages.new";

// Creates an empty page file, whole and durable, or nothing at all (FILE-4); but where only the
// last step fails, the flush of the directory, the file has its name, and a power cut may take it
// away. Opening it to write flushes the directory again. What an earlier attempt that was cut off
// left behind is removed. Errors: kAlreadyExists, kBusy (somebody is creating it now),
// kInvalidArgument, kOutOfSpace, kReadOnly, kPermissionDenied, kIoError.
Result<void> create_page_file(io::Vfs& vfs, io::Directory& directory, const CreateOptions& options);

// What to do about the other meta where it could not be read: an I/O error, not damage.
enum class UnreadMeta : std::uint8_t {
  kRefuse,  // To write behind it: it may be the newer, and be readable tomorrow.
  kGiveUp,  // It is erased before the first change (CKPT-7). Only for the owner of a log that
            // reaches from the checkpoint chosen to the last commit: then nothing is lost with it.
};

// One of the two checkpoints that a page file may hold.
struct Candidate {
  std::optional<Meta> meta;        // Present if the meta itself is whole (META-1 to META-5).
  std::optional<Error> reason;     // Why this checkpoint can't be offered; absent if it can.
  AllocationState allocation;      // Of an offered checkpoint,
  std::vector<PageId> blob_pages;  // and the pages that say so.

  bool offered() const { return !reason.has_value(); }

  // Broken for good. What is neither offered nor damaged may be readable tomorrow.
  bool damaged() const { return reason.has_value() && reason->code() == Code::kCorruption; }
};

// A checkpoint that no meta names any more, and that whoever wrote the file has retained.
struct CheckpointRoot {
  TxnId txn{};
  PageRef root;  // Id 0: no tree.
  std::uint64_t page_count = 0;
};

// An opened and locked page file whose checkpoint has not been chosen. Nothing has been written.
// Gives the file up, and the lock with it, when destroyed.
class OpenAttempt {
 public:
  // Steps 1 and 2 of section 6. Errors, besides those of opening a file: kBusy (another process
  // writes it), kUnsupportedVersion, kWrongStore, kReadOnly, kUnsupported (a network file
  // system), kCorruption where the two metas contradict each other (META-6). A checkpoint that
  // can't be read is no error here: the candidate says so.
  //
  // To write, what an earlier process left of the file and its name is made durable before the
  // metas are read; or, with `flush_later`, before anything is changed (OPEN-1): the file's bytes
  // by the pager, and then all the rest by that function, which is called once at most. This only
  // for the owner of a log which says that the checkpoint was durable.
  static Result<OpenAttempt> begin(io::Directory& directory, const PagerOptions& options,
                                   std::function<Result<void>()> flush_later = {});

  bool read_only() const { return options_.read_only; }

  const Candidate& candidate(MetaSlot slot) const {
    return candidates_[static_cast<std::size_t>(slot)];
  }

  // The offered checkpoint with the higher sequence: the answer where no log has a say.
  // kCorruption naming both reasons when none is offered. When one is damaged the other is the
  // answer; when one could not be read (kIoError) or does not fit (kResourceExhausted), that is
  // the error, unless its meta says that it is the older: it may be the newest.
  Result<MetaSlot> newest() const;

  // Whether the metas are still those that were read: else they are being written now, or have
  // been since.
  Result<bool> still_so();

 private:
  friend Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                                   UnreadMeta unread);
  friend Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                                   const CheckpointRoot& checkpoint);

  OpenAttempt() = default;
  Result<void> open_past_cache(io::Directory& directory);
  Result<std::size_t> read_meta_area(std::uint64_t offset, MutableBytes into);
  Result<void> read_metas();
  Result<void> compare_metas() const;
  void check_checkpoint(Candidate& candidate);
  void check_earlier_blob();
  Result<void> read_allocation(Candidate& candidate);
  Result<void> read_page(const Meta& meta, const PageRef& ref, MutableBytes into) const;

  PagerOptions options_;
  std::unique_ptr<io::File> file_;
  std::unique_ptr<io::File> past_cache_;  // The same, read directly; null where that can't be.
  std::function<Result<void>()> flush_later_;
  std::uint64_t file_size_ = 0;
  std::array<Candidate, 2> candidates_;
};

// Beside a writer. A read-only opening takes no lock, so another process may have the file open for
// writing, now or later. The opening itself is sound: it finds the newest checkpoint, or one that
// was the newest a moment ago. But this file tells that writer nothing of it: unless its owner does
// (spec/store.md, section 8), the writer writes over pages of the one that is being read, after two
// more checkpoints at the latest. A page that is read for the first time after that fails its
// checks (kCorruption that is none), and one that was verified before changes in a mapping under
// its reader.

// Step 3: opens the file at the checkpoint of `slot`. kInvalidArgument if it is not offered, or the
// memory budget is below 64 pages. To write, the other meta has to be whole or damaged: where it
// could not be read, that error comes back unless `unread` gives it up. An older checkpoint that is
// not damaged stays protected, offered or not (CKPT-8).
Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                          UnreadMeta unread = UnreadMeta::kRefuse);

// The same for a checkpoint that is retained, read-only (OPEN-5), by the word of whoever retained
// it; its pages are checked as they are read. kInvalidArgument unless the attempt is read-only, or
// where the checkpoint of `slot`, which says what file this is, can't come behind it.
Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                          const CheckpointRoot& checkpoint);

// All of it, at the newest checkpoint that is offered.
Result<std::unique_ptr<Pager>> open_pager(io::Directory& directory, const PagerOptions& options);

// For files from strangers (OPEN-3): read-only, never mapped, and every page that is neither free
// nor dead is read and checked before this returns. Takes time in proportion to the file's size.
Result<std::unique_ptr<Pager>> open_untrusted(io::Directory& directory, PagerOptions options);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_OPEN_H_
