#include "pager/open.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "io/memory.h"
#include "pager/mutants.h"
#include "pager/scrub.h"

namespace caisson::pager {
namespace {

constexpr std::array<MetaSlot, 2> kSlots = {MetaSlot::kA, MetaSlot::kB};

// With fewer frames than this a transaction could not hold a path of a tree and its siblings.
constexpr std::uint64_t kFramesMin = 64;

// On a network file system: no writing unless it is asked for, and no mapping.
Result<void> adapt_to_file_system(const io::Directory& directory, PagerOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(const io::FileSystemKind kind, directory.file_system());
  if (kind == io::FileSystemKind::kLocal) return {};
  options.access = PageAccess::kPrivate;
  if (options.read_only || options.allow_network_file_system) return {};
  return fail(Error(Code::kUnsupported,
                    "the store lies on a network file system, whose locks and "
                    "mappings can't be trusted")
                  .in_file(directory.name())
                  .with_advice("Move it to a local disk, open it read-only, or set "
                               "allow_network_file_system."));
}

std::unexpected<Error> somebody_else_creates() {
  return fail(Error(Code::kBusy, "somebody else is creating the page file")
                  .in_file(kPageFileNewName)
                  .with_advice("Try again; then open the file that the other has made."));
}

// That the name still means the file which this process has locked: another creator may have
// removed that and made a new one between the opening and the lock. Once it is so, it stays so:
// nobody removes a file that is locked.
Result<void> check_still_ours(io::Directory& directory, const io::File& file) {
  const auto named = directory.open_file(kPageFileNewName, {io::OpenMode::kRead, false});
  if (named) {
    CAISSON_ASSIGN_OR_RETURN(const io::FileIdentity found, (*named)->identity());
    CAISSON_ASSIGN_OR_RETURN(const io::FileIdentity ours, file.identity());
    if (found == ours) return {};
  } else if (named.error().code() != Code::kNotFound) {
    return fail(named.error());
  }
  return somebody_else_creates();
}

// Removes what a creation that was cut off left behind, but not under somebody who is creating
// the file at this moment: that one holds the lock.
Result<void> remove_abandoned(io::Directory& directory) {
  const auto file = directory.open_file(kPageFileNewName, {io::OpenMode::kReadWrite, false});
  if (!file && file.error().code() == Code::kNotFound) return {};  // It has just been finished.
  if (!file) return fail(file.error());
  CAISSON_RETURN_IF_ERROR((*file)->try_lock(io::LockKind::kExclusive, kLockOffset, 1));
  CAISSON_RETURN_IF_ERROR(check_still_ours(directory, **file));
  return directory.unlink(kPageFileNewName);
}

Result<std::unique_ptr<io::File>> create_new_name(io::Directory& directory) {
  const io::OpenOptions options{io::OpenMode::kCreate, false};
  auto file = directory.open_file(kPageFileNewName, options);
  if (file || file.error().code() != Code::kAlreadyExists) return file;
  CAISSON_RETURN_IF_ERROR(remove_abandoned(directory));
  file = directory.open_file(kPageFileNewName, options);
  if (!file && file.error().code() == Code::kAlreadyExists) return somebody_else_creates();
  return file;
}

// The area of the metas for an empty store, with both metas whole: the loss of one costs nothing
// from the first day on.
Result<void> write_empty_file(io::File& file, const CreateOptions& options, const Uuid& uuid) {
  io::AlignedBuffer area(kMetaAreaSize);
  Meta meta;
  meta.uuid = uuid;
  meta.page_size = options.page_size;
  meta.page_count = to_u64(first_page(options.page_size));
  meta.limits = options.limits.value_or(default_limits(options.page_size));
  for (const MetaSlot slot : kSlots) {
    meta.slot = slot;
    meta.sequence = slot == MetaSlot::kA ? 1 : 2;
    std::ranges::copy(encode_meta(meta), area.data() + meta_offset(slot));
  }
  CAISSON_RETURN_IF_ERROR(file.write(0, area.bytes()));
  return file.sync_all();
}

Error combine(const std::array<Candidate, 2>& candidates) {
  const Error& a = *candidates[0].reason;
  const Error& b = *candidates[1].reason;
  const bool same = a.code() == b.code();
  const Code code = same ? a.code()
                    : (a.code() == Code::kIoError || b.code() == Code::kIoError)
                        ? Code::kIoError
                        : Code::kCorruption;
  return Error(code, "neither checkpoint can be read: " + a.to_string() + "; and " + b.to_string())
      .in_file(kPageFileName)
      .with_advice("Copy the store's files away before anything else, and restore a backup.");
}

// The body of an allocation page.
struct BlobPart {
  PageRef next;
  Bytes bytes;
};

Result<BlobPart> parse_blob_page(Bytes page, std::size_t expected_size) {
  const PageHeader header = read_header(page.data());
  Decoder in(page.subspan(kPageHeaderSize));
  BlobPart part;
  part.next.id = PageId{in.u64()};
  part.next.checksum = in.u32();
  const std::uint32_t size = in.u32();
  part.bytes = in.bytes(expected_size);
  in.zeros(in.remaining());
  if (!in.ok() || size != expected_size || header.type != PageType::kAllocation ||
      header.level != 0) {
    return fail(Error(Code::kCorruption, "not the page of an allocation blob that its meta says")
                    .at_page(to_u64(header.id))
                    .with_rule("ALLOC-1"));
  }
  return part;
}

}  // namespace

Result<void> create_page_file(io::Vfs& vfs, io::Directory& directory,
                              const CreateOptions& options) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  if (auto existing = directory.open_file(kPageFileName, {}); existing) {
    return fail(Error(Code::kAlreadyExists, "there is a page file already")
                    .in_file(kPageFileName)
                    .with_advice("Open it, or choose another directory."));
  }
  Uuid uuid = options.uuid.value_or(Uuid{});
  if (!options.uuid) CAISSON_RETURN_IF_ERROR(vfs.random(uuid.bytes));
  CAISSON_ASSIGN_OR_RETURN(const auto file, create_new_name(directory));
  CAISSON_RETURN_IF_ERROR(file->try_lock(io::LockKind::kExclusive, kLockOffset, 1));
  CAISSON_RETURN_IF_ERROR(check_still_ours(directory, *file));
  Result<void> done = write_empty_file(*file, options, uuid);
  if (done) {
    done = directory.rename(kPageFileNewName, kPageFileName, io::Directory::IfTargetExists::kFail);
  }
  if (!done) {
    (void)directory.unlink(kPageFileNewName);  // The next creation would remove it as well.
    return done;
  }
  return directory.sync();
}

Result<OpenAttempt> OpenAttempt::begin(io::Directory& directory, const PagerOptions& options,
                                       std::function<Result<void>()> flush_later) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  OpenAttempt attempt;
  attempt.options_ = options;
  CAISSON_RETURN_IF_ERROR(adapt_to_file_system(directory, attempt.options_));
  const io::OpenMode mode = options.read_only ? io::OpenMode::kRead : io::OpenMode::kReadWrite;
  CAISSON_ASSIGN_OR_RETURN(attempt.file_, directory.open_file(kPageFileName, {mode, false}));
  if (!options.read_only) {
    CAISSON_RETURN_IF_ERROR(attempt.file_->try_lock(io::LockKind::kExclusive, kLockOffset, 1));
    attempt.flush_later_ = std::move(flush_later);
    if (!attempt.flush_later_) {
      CAISSON_RETURN_IF_ERROR(Pager::flush_opened(*attempt.file_));
      // A creator that was killed before its last step may have left a name that isn't durable.
      CAISSON_RETURN_IF_ERROR(directory.sync());
    }
  }
  CAISSON_RETURN_IF_ERROR(attempt.open_past_cache(directory));
  CAISSON_RETURN_IF_ERROR(attempt.read_metas());
  // Not before the metas: a writer beside us makes the file longer first.
  CAISSON_ASSIGN_OR_RETURN(attempt.file_size_, attempt.file_->size());
  CAISSON_RETURN_IF_ERROR(attempt.compare_metas());
  for (Candidate& candidate : attempt.candidates_) attempt.check_checkpoint(candidate);
  attempt.check_earlier_blob();
  return attempt;
}

Result<void> OpenAttempt::open_past_cache(io::Directory& directory) {
  auto opened = directory.open_file(kPageFileName, {io::OpenMode::kRead, true});
  if (opened) {
    past_cache_ = std::move(*opened);
  } else if (!options_.read_only && opened.error().code() != Code::kUnsupported) {
    return fail(std::move(opened).error());
  }
  return {};
}

Result<std::size_t> OpenAttempt::read_meta_area(std::uint64_t offset, MutableBytes into) {
  const bool cache_serves = options_.read_only || mutated(Mutant::kCachedMetaTrusted) ||
                            mutated(Mutant::kStaleCleanCacheTrusted);
  if (cache_serves) return file_->read(offset, into);
  if (past_cache_ != nullptr) {
    auto count = past_cache_->read(offset, into);
    if (count || count.error().code() != Code::kUnsupported) return count;
    past_cache_.reset();  // Some systems say so only when it is used.
  }
  file_->advise(0, 0, io::Advice::kDontNeed);  // The next best: what was flushed is clean.
  return file_->read(offset, into);
}

Result<void> OpenAttempt::read_metas() {
  const std::uint64_t end = meta_offset(MetaSlot::kB) + kMetaSize;
  io::AlignedBuffer area(end);
  // Both at once; singly where that fails, since one of them may be readable.
  const auto both = read_meta_area(0, area.bytes());
  for (const MetaSlot slot : kSlots) {
    Candidate& candidate = candidates_[static_cast<std::size_t>(slot)];
    const std::uint64_t begin = meta_offset(slot);
    const MutableBytes block = area.bytes().subspan(begin, kMetaSize);
    auto count =
        both ? std::min(*both - std::min(*both, begin), kMetaSize) : read_meta_area(begin, block);
    if (!count) {
      candidate.reason = std::move(count).error();
      continue;
    }
    auto meta = decode_meta(slot, block.first(*count));
    if (meta) {
      candidate.meta = *meta;
      continue;
    }
    if (meta.error().code() == Code::kUnsupportedVersion) {
      return fail(std::move(meta.error())
                      .in_file(kPageFileName)
                      .with_advice("Open the store with the version of Caisson that wrote it, or "
                                   "a later one."));
    }
    candidate.reason = std::move(meta.error()).in_file(kPageFileName);
  }
  return {};
}

Result<bool> OpenAttempt::still_so() {
  io::AlignedBuffer block(kMetaSize);
  for (const MetaSlot slot : kSlots) {
    CAISSON_ASSIGN_OR_RETURN(const std::size_t count,
                             read_meta_area(meta_offset(slot), block.bytes()));
    const auto meta = decode_meta(slot, block.bytes().first(count));
    const std::optional<Meta>& before = candidate(slot).meta;
    if (before ? !meta || *meta != *before : meta.has_value()) return false;
  }
  return true;
}

Result<void> OpenAttempt::compare_metas() const {
  for (const Candidate& candidate : candidates_) {
    if (candidate.meta && options_.expected_uuid &&
        candidate.meta->uuid != *options_.expected_uuid) {
      return fail(Error(Code::kWrongStore, "the page file belongs to another store")
                      .in_file(kPageFileName)
                      .with_advice("Put back the file that belongs here."));
    }
  }
  if (!candidates_[0].meta || !candidates_[1].meta) return {};
  const Meta& a = *candidates_[0].meta;
  const Meta& b = *candidates_[1].meta;
  const auto contradiction = [](Code code, std::string what) {
    return fail(Error(code, std::move(what)).in_file(kPageFileName).with_rule("META-6"));
  };
  if (a.uuid != b.uuid) return contradiction(Code::kWrongStore, "the metas are of two stores");
  if (a.page_size != b.page_size) {
    return contradiction(Code::kCorruption, "the metas differ in page size");
  }
  if (a.limits != b.limits) {
    return contradiction(Code::kCorruption, "the metas differ in the limits of keys and values");
  }
  if (a.sequence == b.sequence || (a.sequence < b.sequence ? a.txn > b.txn : b.txn > a.txn)) {
    return contradiction(Code::kCorruption, "the metas contradict each other in their order");
  }
  return {};
}

void OpenAttempt::check_checkpoint(Candidate& candidate) {
  if (!candidate.meta) return;
  const Meta& meta = *candidate.meta;
  const auto check = [&]() -> Result<void> {
    if (meta.page_count > file_size_ / meta.page_size) {
      return fail(Error(Code::kCorruption, "the file has " + std::to_string(file_size_) +
                                               " bytes, and " + std::string(to_string(meta.slot)) +
                                               " names " + std::to_string(meta.page_count) +
                                               " pages of " + std::to_string(meta.page_size))
                      .with_rule("FILE-3"));
    }
    if (meta.page_count > options_.address_space_bytes / meta.page_size) {
      return fail(Error(Code::kResourceExhausted, "the page file has more than " +
                                                      std::to_string(options_.address_space_bytes) +
                                                      " bytes")
                      .with_advice("Open the store with a larger address_space_bytes."));
    }
    if (meta.root.id != PageId{}) {
      std::vector<std::byte> page(meta.page_size);
      CAISSON_RETURN_IF_ERROR(read_page(meta, meta.root, page));
    }
    return read_allocation(candidate);
  };
  if (auto checked = check(); !checked) {
    candidate.reason = std::move(checked.error()).in_file(kPageFileName);
  }
}

// ALLOC-6: what the newer checkpoint calls the earlier blob is the blob of the older one. If not,
// the older one is not the checkpoint before it, but one from before that: the meta that took its
// place was lost on the way to the disk. Its pages may have been used again.
void OpenAttempt::check_earlier_blob() {
  if (!candidates_[0].offered() || !candidates_[1].offered()) return;
  const bool a_is_newer = candidates_[0].meta->sequence > candidates_[1].meta->sequence;
  const Candidate& newer = candidates_[a_is_newer ? 0 : 1];
  Candidate& older = candidates_[a_is_newer ? 1 : 0];
  PageSet pages;
  for (const PageId id : older.blob_pages) pages.insert(id);
  if (newer.allocation.earlier_blob == pages.runs()) return;
  older.reason = Error(Code::kCorruption, std::string(to_string(older.meta->slot)) +
                                              " is older than the checkpoint before " +
                                              std::string(to_string(newer.meta->slot)))
                     .in_file(kPageFileName)
                     .with_rule("ALLOC-6");
}

Result<void> OpenAttempt::read_page(const Meta& meta, const PageRef& ref, MutableBytes into) const {
  if (to_u64(ref.id) < to_u64(first_page(meta.page_size)) || to_u64(ref.id) >= meta.page_count) {
    return fail(Error(Code::kCorruption, "a reference to a page that can't be")
                    .at_page(to_u64(ref.id))
                    .with_rule("PAGE-6"));
  }
  CAISSON_RETURN_IF_ERROR(file_->read_exactly(to_u64(ref.id) * meta.page_size, into));
  return check_page(page_checksum_seed(meta.uuid), into,
                    {.id = ref.id, .checksum = ref.checksum, .txn_max = meta.txn});
}

Result<void> OpenAttempt::read_allocation(Candidate& candidate) {
  const Meta& meta = *candidate.meta;
  if (meta.allocation.first.id == PageId{}) return {};
  const std::size_t per_page = allocation_bytes_per_page(meta.page_size);
  std::vector<std::byte> blob;
  std::vector<std::byte> page(meta.page_size);
  PageSet seen;
  PageRef next = meta.allocation.first;
  for (std::uint32_t i = 0; i < meta.allocation.page_count; ++i) {
    if (seen.contains(next.id)) {
      return fail(Error(Code::kCorruption, "the allocation blob's chain comes back to a page")
                      .at_page(to_u64(next.id))
                      .with_rule("ALLOC-3"));
    }
    CAISSON_RETURN_IF_ERROR(read_page(meta, next, page));
    seen.insert(next.id);  // In range: it has been read.
    const std::size_t left = meta.allocation.size_bytes - blob.size();
    CAISSON_ASSIGN_OR_RETURN(const BlobPart part, parse_blob_page(page, std::min(per_page, left)));
    blob.insert(blob.end(), part.bytes.begin(), part.bytes.end());
    candidate.blob_pages.push_back(next.id);
    next = part.next;
    const bool last = i + 1 == meta.allocation.page_count;
    if (last != (next.id == PageId{}) || (last && next.checksum != 0)) {
      return fail(Error(Code::kCorruption, "the allocation blob is longer or shorter than " +
                                               std::string(to_string(meta.slot)) + " says")
                      .with_rule("ALLOC-1"));
    }
  }
  CAISSON_ASSIGN_OR_RETURN(candidate.allocation,
                           decode_allocation(blob, {.first_page = first_page(meta.page_size),
                                                    .page_count = meta.page_count,
                                                    .txn = meta.txn}));
  return check_in_use(candidate.allocation, candidate.blob_pages, meta.root.id);
}

Result<MetaSlot> OpenAttempt::newest() const {
  const Candidate& a = candidates_[0];
  const Candidate& b = candidates_[1];
  if (!a.offered() && !b.offered()) return fail(combine(candidates_));
  if (a.offered() && b.offered()) {
    return a.meta->sequence > b.meta->sequence ? MetaSlot::kA : MetaSlot::kB;
  }
  const Candidate& offered = a.offered() ? a : b;
  const Candidate& rest = a.offered() ? b : a;
  // Damage is final. What could not be read this time may be the newest checkpoint all the same,
  // and going back behind it would lose it.
  const bool rest_is_older = rest.meta && rest.meta->sequence < offered.meta->sequence;
  if (!rest.damaged() && !rest_is_older) return fail(*rest.reason);
  return offered.meta->slot;
}

namespace {

// A meta that could not be read may be whole, and newer. A writer can neither protect its pages nor
// give it up (CKPT-7), so it has to be read first.
bool is_unread(const Candidate& candidate) { return !candidate.meta && !candidate.damaged(); }

Result<void> check_may_write_behind(const Candidate& rest, UnreadMeta decision) {
  if (!is_unread(rest) || decision == UnreadMeta::kGiveUp) return {};
  return fail(Error(*rest.reason)
                  .with_advice("Try again: it may have passed. If the meta stays unreadable, copy "
                               "the store's files away and open the store read-only, or let the "
                               "log decide that the other checkpoint is enough."));
}

}  // namespace

Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot, UnreadMeta unread) {
  Candidate& chosen = attempt.candidates_[static_cast<std::size_t>(slot)];
  if (!chosen.offered()) {
    return fail(Error(Code::kInvalidArgument,
                      std::string(to_string(slot)) + " is not offered: " + chosen.reason->message())
                    .in_file(kPageFileName));
  }
  const Meta& meta = *chosen.meta;
  const Candidate& rest = attempt.candidate(other(slot));
  if (!attempt.read_only()) CAISSON_RETURN_IF_ERROR(check_may_write_behind(rest, unread));
  if (attempt.options_.memory_budget_bytes / meta.page_size < kFramesMin) {
    return fail(Code::kInvalidArgument, "memory_budget_bytes has to be at least " +
                                            std::to_string(kFramesMin * meta.page_size) +
                                            " for pages of " + std::to_string(meta.page_size) +
                                            " bytes");
  }
  std::unique_ptr<Pager> pager(
      new Pager(std::move(attempt.file_), std::move(attempt.past_cache_), attempt.options_, meta));
  const std::uint64_t address_space = attempt.options_.address_space_bytes;
  CAISSON_ASSIGN_OR_RETURN(pager->table_, PageTable::create(address_space / meta.page_size));
  if (attempt.options_.access == PageAccess::kMapped) {
    // No mapping is no error: private copies serve as well.
    if (auto mapping = pager->file_->map(address_space)) {
      pager->mapping_ = std::move(*mapping);
      pager->advise(io::Advice::kRandom);
      const std::uint64_t size = meta.page_count * meta.page_size;
      pager->locked_ =
          attempt.options_.lock_in_memory && pager->mapping_->lock(0, size).has_value();
    }
  }
  if (mutated(Mutant::kLoserSlotRewritten)) {
    for (const Candidate& candidate : attempt.candidates_) {
      if (candidate.meta) continue;
      const MetaSlot loser = other(slot);
      MetaBlock block{};
      CAISSON_RETURN_IF_ERROR(pager->file_->read_exactly(meta_offset(loser), block));
      store_u32(block.data() + 8, 0);
      store_u32(block.data() + 8, crc32c(block));
      CAISSON_RETURN_IF_ERROR(pager->file_->write(meta_offset(loser), block));
    }
  }
  const MutexLock writing(pager->write_mutex_);
  pager->written_end_ = meta.page_count;
  const MutexLock lock(pager->mutex_);
  CAISSON_ASSIGN_OR_RETURN(
      pager->frames_,
      FramePool::create(meta.page_size, attempt.options_.memory_budget_bytes / meta.page_size));
  pager->page_count_.store(meta.page_count, std::memory_order_release);
  pager->newest_txn_.store(to_u64(meta.txn), std::memory_order_release);
  pager->sealed_txn_ = meta.txn;
  pager->current_ = slot;
  pager->last_sequence_ = meta.sequence;
  pager->metas_[static_cast<std::size_t>(slot)] = meta;
  pager->blob_pages_[static_cast<std::size_t>(slot)] = chosen.blob_pages;
  // The checkpoint before this one is protected unless it is damaged (CKPT-3, CKPT-8). A later one
  // has been given up by this choice (CKPT-7), and its number stays taken; one that could not be
  // read has been given up in so many words.
  const auto rest_slot = static_cast<std::size_t>(other(slot));
  const bool protects = rest.meta && !rest.damaged() && rest.meta->sequence < meta.sequence;
  if (protects) pager->metas_[rest_slot] = rest.meta;
  if (rest.meta && rest.meta->sequence > meta.sequence) pager->last_sequence_ = rest.meta->sequence;
  const bool given_up = is_unread(rest) || pager->last_sequence_ != meta.sequence;
  pager->newer_meta_left_.store(given_up, std::memory_order_release);
  pager->flush_later_ = std::move(attempt.flush_later_);
  pager->unflushed_.store(pager->flush_later_ != nullptr, std::memory_order_release);
  // The earlier blob is that checkpoint's (ALLOC-6); without it, its pages belong to nobody.
  AllocationState& unused = chosen.allocation;
  for (const PageRun& run : unused.earlier_blob) {
    if (!protects) unused.free.push_back(run);
    for (std::uint64_t i = 0; protects && i < run.count; ++i) {
      pager->blob_pages_[rest_slot].push_back(PageId{to_u64(run.first) + i});
    }
  }
  // The file may have room for more pages than the table has.
  const std::uint64_t file_pages = attempt.file_size_ / meta.page_size;
  pager->allocator_ =
      Allocator(meta.page_count, std::min(file_pages, pager->table_.capacity()), unused,
                attempt.read_only() ? CheckpointIds::kLeftAlone : CheckpointIds::kReused);
  return pager;
}

Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                          const CheckpointRoot& checkpoint) {
  Candidate& chosen = attempt.candidates_[static_cast<std::size_t>(slot)];
  const std::uint64_t page_count = checkpoint.page_count;
  const bool fits = attempt.read_only() && chosen.offered() && checkpoint.txn <= chosen.meta->txn &&
                    page_count <= chosen.meta->page_count &&
                    page_count >= to_u64(first_page(chosen.meta->page_size));
  if (!fits) {
    return fail(Error(Code::kInvalidArgument, "the file can't be opened at a checkpoint of txn " +
                                                  std::to_string(to_u64(checkpoint.txn)))
                    .in_file(kPageFileName));
  }
  chosen.meta->txn = checkpoint.txn;
  chosen.meta->root = checkpoint.root;
  chosen.meta->page_count = page_count;
  chosen.allocation = {};  // It is of another checkpoint, and of no use to a reader.
  // There may be many such readers, and none of them sees the file grow.
  PagerOptions& options = attempt.options_;
  const std::uint64_t frames = options.memory_budget_bytes / chosen.meta->page_size;
  const std::uint64_t pages = page_count + 4 * frames + kEmergencyPages;
  options.address_space_bytes =
      std::min(options.address_space_bytes, pages * chosen.meta->page_size);
  return open_pager(std::move(attempt), slot);
}

Result<std::unique_ptr<Pager>> open_pager(io::Directory& directory, const PagerOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(OpenAttempt attempt, OpenAttempt::begin(directory, options));
  CAISSON_ASSIGN_OR_RETURN(const MetaSlot slot, attempt.newest());
  return open_pager(std::move(attempt), slot);
}

Result<std::unique_ptr<Pager>> open_untrusted(io::Directory& directory, PagerOptions options) {
  options.read_only = true;
  options.access = PageAccess::kPrivate;
  CAISSON_ASSIGN_OR_RETURN(auto pager, open_pager(directory, options));
  CAISSON_ASSIGN_OR_RETURN(ScrubReport report, scrub(*pager, {}));
  if (report.damage_total > 0) return fail(std::move(report.findings.front().error));
  return pager;
}

}  // namespace caisson::pager
