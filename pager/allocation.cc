#include "pager/allocation.h"

#include <algorithm>
#include <string>

#include "base/codec.h"

namespace caisson::pager {
namespace {

// Collects varints; the encoder of fixed size in base needs to know the size beforehand.
class VarintWriter {
 public:
  void put(std::uint64_t value) {
    std::array<std::byte, kVarintSizeMax> buffer;
    Encoder out(buffer);
    out.varint(value);
    bytes_.insert(bytes_.end(), buffer.begin(),
                  buffer.begin() + static_cast<std::ptrdiff_t>(out.position()));
  }

  void put_run(const PageRun& run) {
    put(to_u64(run.first) - end_);
    put(run.count);
    end_ = to_u64(run.first) + run.count;
  }

  // Starts a list: gaps count from `first_page` again.
  void begin_list(std::size_t count, PageId first_page) {
    put(count);
    end_ = to_u64(first_page);
  }

  void put(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::uint64_t end_ = 0;
};

std::unexpected<Error> broken(const char* rule, std::string what) {
  return fail(Error(Code::kCorruption, "allocation blob: " + std::move(what)).with_rule(rule));
}

// What a varint that can't be read means: the blob is cut off, or a number has not its one form.
Result<void> check_varints(const Decoder& in) {
  if (in.ok()) return {};
  return broken("ALLOC-1", in.status().error().message());
}

// Reads the runs of one list in order and checks each against the bounds and the run before.
class ListReader {
 public:
  ListReader(Decoder& in, const AllocationBounds& bounds)
      : in_(in), bounds_(bounds), end_(to_u64(bounds.first_page)) {}

  // The number of runs. Each takes at least two bytes, so a count that can't be is refused
  // before anything is allocated for it.
  Result<std::uint64_t> count() {
    const std::uint64_t count = in_.varint();
    CAISSON_RETURN_IF_ERROR(check_varints(in_));
    if (count > in_.remaining() / 2) return broken("ALLOC-1", "a list is longer than the blob");
    return count;
  }

  Result<PageRun> run() {
    const std::uint64_t gap = in_.varint();
    const std::uint64_t count = in_.varint();
    CAISSON_RETURN_IF_ERROR(check_varints(in_));
    // end_ <= page_count, so neither difference wraps.
    if (gap >= bounds_.page_count - end_) return broken("ALLOC-2", "a run begins out of range");
    const std::uint64_t first = end_ + gap;
    if (count == 0 || count > bounds_.page_count - first) {
      return broken("ALLOC-2", "a run has a length out of range");
    }
    touches_last_ = started_ && gap == 0;
    started_ = true;
    end_ = first + count;
    return PageRun{PageId{first}, count};
  }

  // Whether the run read last begins where the one before it ended.
  bool touches_last() const { return touches_last_; }

 private:
  Decoder& in_;
  const AllocationBounds& bounds_;
  std::uint64_t end_;
  bool started_ = false;
  bool touches_last_ = false;
};

Result<std::vector<PageRun>> read_plain_list(Decoder& in, const AllocationBounds& bounds) {
  ListReader list(in, bounds);
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t count, list.count());
  std::vector<PageRun> runs;
  for (std::uint64_t i = 0; i < count; ++i) {
    CAISSON_ASSIGN_OR_RETURN(const PageRun run, list.run());
    if (list.touches_last()) return broken("ALLOC-2", "two runs touch");
    runs.push_back(run);
  }
  return runs;
}

Result<std::vector<DeadRun>> read_dead_list(Decoder& in, const AllocationBounds& bounds) {
  ListReader list(in, bounds);
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t count, list.count());
  std::vector<DeadRun> runs;
  for (std::uint64_t i = 0; i < count; ++i) {
    CAISSON_ASSIGN_OR_RETURN(const PageRun run, list.run());
    const std::uint64_t birth = in.varint();
    const std::uint64_t age = in.varint();
    CAISSON_RETURN_IF_ERROR(check_varints(in));
    if (birth == 0 || age == 0 || birth > to_u64(bounds.txn) || age > to_u64(bounds.txn) - birth) {
      return broken("ALLOC-4", "a page's birth or death is out of range");
    }
    const DeadRun dead{run, TxnId{birth}, TxnId{birth + age}};
    if (list.touches_last() && runs.back().birth == dead.birth && runs.back().death == dead.death) {
      return broken("ALLOC-2", "two equal runs touch");
    }
    runs.push_back(dead);
  }
  return runs;
}

Result<void> check_disjoint(const AllocationState& state) {
  std::vector<PageRun> all = state.free;
  for (const DeadRun& dead : state.dead) all.push_back(dead.run);
  all.insert(all.end(), state.earlier_blob.begin(), state.earlier_blob.end());
  std::ranges::sort(all, {}, &PageRun::first);
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (to_u64(all[i - 1].first) + all[i - 1].count > to_u64(all[i].first)) {
      return fail(Error(Code::kCorruption, "allocation blob: a page stands in two lists")
                      .at_page(to_u64(all[i].first))
                      .with_rule("ALLOC-3"));
    }
  }
  return {};
}

}  // namespace

std::vector<std::byte> encode_allocation(const AllocationState& state, PageId first_page) {
  VarintWriter out;
  out.begin_list(state.free.size(), first_page);
  for (const PageRun& run : state.free) out.put_run(run);
  out.begin_list(state.dead.size(), first_page);
  for (const DeadRun& dead : state.dead) {
    out.put_run(dead.run);
    out.put(to_u64(dead.birth));
    out.put(to_u64(dead.death) - to_u64(dead.birth));
  }
  out.begin_list(state.earlier_blob.size(), first_page);
  for (const PageRun& run : state.earlier_blob) out.put_run(run);
  out.put(state.attachment);
  return out.take();
}

Result<AllocationState> decode_allocation(Bytes blob, const AllocationBounds& bounds) {
  AllocationState state;
  Decoder in(blob);
  CAISSON_ASSIGN_OR_RETURN(state.free, read_plain_list(in, bounds));
  CAISSON_ASSIGN_OR_RETURN(state.dead, read_dead_list(in, bounds));
  CAISSON_ASSIGN_OR_RETURN(state.earlier_blob, read_plain_list(in, bounds));
  const Bytes attachment = in.bytes(in.remaining());
  state.attachment.assign(attachment.begin(), attachment.end());
  CAISSON_RETURN_IF_ERROR(check_disjoint(state));
  return state;
}

Result<void> check_in_use(const AllocationState& state, std::span<const PageId> blob, PageId root) {
  PageSet used;
  for (const PageRun& run : state.free) used.insert(run);
  for (const DeadRun& dead : state.dead) used.insert(dead.run);
  for (const PageRun& run : state.earlier_blob) used.insert(run);
  std::vector<PageId> pages(blob.begin(), blob.end());
  if (root != PageId{}) pages.push_back(root);
  for (const PageId id : pages) {
    if (used.contains(id)) {
      return fail(Error(Code::kCorruption, "a page in use stands in the allocation blob's lists")
                      .at_page(to_u64(id))
                      .with_rule("ALLOC-3"));
    }
    used.insert(id);
  }
  return {};
}

}  // namespace caisson::pager
