// Pager::checkpoint: K1 to K4 of spec/pages.md, section 5.

#include <algorithm>
#include <span>
#include <utility>

#include "base/codec.h"
#include "io/memory.h"
#include "pager/mutants.h"
#include "pager/page_writer.h"
#include "pager/pager.h"

namespace caisson::pager {
namespace {

// Splits the blob over its pages, the last first, since each names the next one's checksum.
// `buffer` receives the pages, one behind the other.
PageRef make_blob_pages(Bytes blob, std::span<const PageId> ids, TxnId txn, std::uint32_t seed,
                        std::uint32_t page_size, MutableBytes buffer) {
  const std::size_t per_page = allocation_bytes_per_page(page_size);
  PageRef next;
  for (std::size_t i = ids.size(); i-- > 0;) {
    const MutableBytes page = buffer.subspan(i * page_size, page_size);
    write_header({.type = PageType::kAllocation, .level = 0, .id = ids[i], .txn = txn}, page);
    const std::size_t begin = std::min(blob.size(), i * per_page);
    const Bytes part = blob.subspan(begin, std::min(per_page, blob.size() - begin));
    Encoder out(page.subspan(kPageHeaderSize));
    out.u64(to_u64(next.id));
    out.u32(next.checksum);
    out.u32(static_cast<std::uint32_t>(part.size()));
    out.bytes(part);
    const std::uint32_t checksum = page_checksum(seed, page);
    store_checksum(checksum, page.data());
    next = {ids[i], checksum};
  }
  return next;
}

}  // namespace

struct Pager::CheckpointPlan {
  MetaSlot slot = MetaSlot::kA;       // The one to overwrite (CKPT-2).
  Meta meta;                          // Complete but for the root's checksum.
  std::vector<std::uint32_t> frames;  // Dirty pages that the root reaches.
  std::vector<PageImage> images;      // Those and the blob's.
  std::vector<PageId> blob_pages;
  std::optional<io::AlignedBuffer> blob_buffer;
};

Result<CheckpointResult> Pager::checkpoint(const CheckpointRequest& request) {
  CAISSON_RETURN_IF_ERROR(prepare_to_write());
  const MutexLock writing(write_mutex_);
  CAISSON_RETURN_IF_ERROR(check_writable());  // Again: a spill may have failed meanwhile.
  CAISSON_ASSIGN_OR_RETURN(CheckpointPlan plan, plan_checkpoint(request));
  if (auto written = write_checkpoint(request, plan); !written) {
    abandon(plan);
    return fail(std::move(written).error());
  }
  complete(plan);
  return CheckpointResult{.meta = plan.meta, .pages_written = plan.images.size()};
}

Result<Pager::CheckpointPlan> Pager::plan_checkpoint(const CheckpointRequest& request) {
  const MutexLock lock(mutex_);
  const Meta& last = *metas_[static_cast<std::size_t>(current_)];
  if (request.txn < last.txn || (request.txn == last.txn && request.root != last.root.id)) {
    return fail(Error(Code::kInvalidArgument,
                      "a checkpoint of txn " + std::to_string(to_u64(request.txn)) +
                          " can't follow that of txn " + std::to_string(to_u64(last.txn)))
                    .with_rule("CKPT-6"));
  }
  if (last_sequence_ >= kSequenceMax) {
    return fail(Error(Code::kResourceExhausted, "no number is left for another checkpoint")
                    .with_rule("META-5"));
  }
  if (request.txn > sealed_txn_) {
    return fail(Code::kInvalidArgument, "the checkpoint's txn has not been sealed");
  }
  if (pins_known_ && !last_pins_.empty() && request.txn < last_pins_.back() &&
      !std::ranges::binary_search(last_pins_, request.txn)) {
    return fail(Code::kInvalidArgument, "the checkpoint's txn was not pinned");
  }
  CAISSON_RETURN_IF_ERROR(check_root(request));
  CheckpointPlan plan;
  plan.slot = mutated(Mutant::kSameSlotTwice) ? MetaSlot::kA : other(current_);
  plan.meta = {.uuid = uuid_,
               .slot = plan.slot,
               .page_size = page_size_,
               .sequence = last_sequence_ + 1,
               .txn = request.txn,
               .root = {request.root, 0},
               .apply_version = request.apply_version,
               .page_count = 0,
               .allocation = {},
               .log = request.log,
               .limits = limits_};
  CAISSON_RETURN_IF_ERROR(take_blob_pages(plan, request.attachment));
  checkpoint_pin_ = request.txn;
  for (std::uint32_t index = 0; index < frames_.touched(); ++index) {
    const Frame& frame = frames_.frame(index);
    if (frame.state != FrameState::kDirty) continue;
    if (frame.birth > request.txn || frame.death <= request.txn) continue;
    plan.frames.push_back(index);
    plan.images.push_back({frame.id, frames_.data(index)});
  }
  return plan;
}

// A root of another transaction would make a meta that no open accepts.
Result<void> Pager::check_root(const CheckpointRequest& request) const {
  if (request.root == PageId{}) return {};
  CAISSON_RETURN_IF_ERROR(check_range(request.root));
  const std::optional<std::uint32_t> frame = dirty_frame(request.root);
  if (!allocator_.is_free(request.root) &&
      (!frame ||
       (frames_.frame(*frame).birth <= request.txn && request.txn < frames_.frame(*frame).death))) {
    return {};
  }
  return fail(Error(Code::kInvalidArgument, "the root is not one of the checkpoint's txn")
                  .at_page(to_u64(request.root)));
}

// The blob says which pages are free, and takes some of them itself. So pages are taken until
// what is to be said fits them: most of what is missing at once, since taking pages from the
// lowest runs makes the blob shorter rather than longer, and the last ones singly.
Result<void> Pager::take_blob_pages(CheckpointPlan& plan, Bytes attachment) {
  const std::vector<PageId>& earlier = blob_pages_[static_cast<std::size_t>(current_)];
  const std::vector<PageId>& overwritten =
      plan.slot == current_ ? earlier : blob_pages_[static_cast<std::size_t>(plan.slot)];
  std::vector<PageId> open_txn_pages;
  if (open_txn_) {
    open_txn_pages = open_txn_->allocated.pages();
    for (const std::uint32_t frame : open_txn_->reserved) {
      open_txn_pages.push_back(frames_.frame(frame).id);
    }
  }
  const auto state = [&] {
    mutex_.assume_held();
    AllocationState now = allocator_.as_of(plan.meta.txn, open_txn_pages, plan.blob_pages, earlier,
                                           overwritten, [this](PageId id) {
                                             mutex_.assume_held();
                                             return dirty_frame(id).has_value();
                                           });
    now.attachment.assign(attachment.begin(), attachment.end());
    return now;
  };
  AllocationState said = state();
  std::vector<std::byte> blob;
  if (!said.empty()) {
    const std::size_t per_page = allocation_bytes_per_page(page_size_);
    blob = encode_allocation(said, first_page(page_size_));
    while (blob.size() > plan.blob_pages.size() * per_page) {
      const std::size_t missing = (blob.size() - 1) / per_page + 1 - plan.blob_pages.size();
      const std::size_t count = std::max<std::size_t>(1, missing - missing / 16);
      for (std::size_t i = 0; i < count; ++i) {
        auto id = take_page(AllocationUse::kEmergency);
        if (!id) {
          give_back_blob(plan);
          return fail(std::move(id).error());
        }
        plan.blob_pages.push_back(*id);
      }
      said = state();
      blob = encode_allocation(said, first_page(page_size_));
    }
    // A page freed twice, or one of the root's, shows here: better no checkpoint than one that no
    // open accepts.
    auto checked = decode_allocation(blob, {.first_page = first_page(page_size_),
                                            .page_count = allocator_.page_count(),
                                            .txn = plan.meta.txn});
    Result<void> in_use = check_in_use(said, plan.blob_pages, plan.meta.root.id);
    if (!checked || !in_use) {
      give_back_blob(plan);
      return fail(Error(Code::kInvalidArgument,
                        "the pages freed are not what they should be: " +
                            (checked ? in_use.error() : checked.error()).to_string()));
    }
    std::ranges::sort(plan.blob_pages);
    plan.blob_buffer.emplace(plan.blob_pages.size() * page_size_);
    plan.meta.allocation = {
        .first = make_blob_pages(blob, plan.blob_pages, plan.meta.txn, checksum_seed_, page_size_,
                                 plan.blob_buffer->bytes()),
        .page_count = static_cast<std::uint32_t>(plan.blob_pages.size()),
        .size_bytes = blob.size()};
    for (std::size_t i = 0; i < plan.blob_pages.size(); ++i) {
      plan.images.push_back({plan.blob_pages[i], plan.blob_buffer->data() + i * page_size_, true});
    }
  }
  plan.meta.page_count = allocator_.page_count();
  return {};
}

void Pager::give_back_blob(CheckpointPlan& plan) {
  for (const PageId id : plan.blob_pages) {
    forget_page(id);
    allocator_.give_back(id);
  }
  plan.blob_pages.clear();
}

Result<void> Pager::write_checkpoint(const CheckpointRequest& request, CheckpointPlan& plan) {
  PageWriter writer(*file_, table_, options_.layout, page_size_, checksum_seed_);
  CAISSON_RETURN_IF_ERROR(writer.compute_checksums(plan.images));
  Result<void> written = writer.write(plan.images);
  for (const PageImage& image : plan.images) note_written(image.id);
  if (written) written = reach_end(plan.meta);
  if (!written) {
    // Lack of space leaves the file as it was: what has been written lies in pages that no meta
    // reaches.
    if (written.error().code() != Code::kOutOfSpace) poison(written.error());
    return written;
  }
  if (request.root != PageId{}) {
    plan.meta.root.checksum = table_.checksum(request.root);
    if (plan.meta.root.checksum == 0) {
      // A root of the last checkpoint that nobody has read: only that meta knows its checksum.
      const Meta last = checkpointed();
      CAISSON_RETURN_IF_ERROR(read({request.root, last.root.checksum}));
      plan.meta.root.checksum = table_.checksum(request.root);
    }
  }
  // As a reader will check it, before anything refers to it.
  CAISSON_RETURN_IF_ERROR(decode_meta(plan.meta.slot, encode_meta(plan.meta)));
  if (auto flushed = flush_and_write_meta(plan.meta); !flushed) {
    poison(flushed.error());
    return fail(Error(Code::kDurabilityUnknown,
                      "the checkpoint may or may not survive: " + flushed.error().message())
                    .in_file(file_->name())
                    .with_rule("CKPT-4")
                    .with_advice("Close the store and open it again."));
  }
  return {};
}

void Pager::note_written(PageId last) { written_end_ = std::max(written_end_, to_u64(last) + 1); }

// CKPT-9: the last pages may all be free ones, of which none is written.
Result<void> Pager::reach_end(const Meta& meta) {
  if (written_end_ >= meta.page_count) return {};
  io::AlignedBuffer zeros(page_size_);
  const PageId last{meta.page_count - 1};
  CAISSON_RETURN_IF_ERROR(file_->write(offset_of(last), zeros.bytes()));
  note_written(last);
  return {};
}

Result<void> Pager::flush_and_write_meta(const Meta& meta) {
  const MetaBlock block = encode_meta(meta);
  if (!mutated(Mutant::kMetaBeforeDataSync)) {
    CAISSON_RETURN_IF_ERROR(file_->sync_data());  // K2
  }
  CAISSON_RETURN_IF_ERROR(file_->write(meta_offset(meta.slot), block));  // K3
  return file_->sync_data();                                             // K4
}

// Everything is as before: what was dirty still is. After a poisoning failure the blob's pages may
// be those of a whole meta, but nothing is written any more that could take their place.
void Pager::abandon(CheckpointPlan& plan) {
  const MutexLock lock(mutex_);
  give_back_blob(plan);
  checkpoint_pin_.reset();
}

void Pager::complete(CheckpointPlan& plan) {
  pages_written_.fetch_add(plan.images.size(), std::memory_order_relaxed);
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  const auto slot = static_cast<std::size_t>(plan.slot);
  for (const PageId id : blob_pages_[slot]) {  // ALLOC-6
    forget_page(id);  // Somebody may have read it, where a damaged tree names it.
    allocator_.give_back(id);
  }
  blob_pages_[slot] = std::move(plan.blob_pages);
  metas_[slot] = plan.meta;
  current_ = plan.slot;
  last_sequence_ = plan.meta.sequence;
  allocator_.forget_young(plan.meta.txn);
  checkpoint_pin_.reset();
  retire_written(plan.frames);
}

}  // namespace caisson::pager
