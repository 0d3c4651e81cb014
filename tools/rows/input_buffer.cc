#include "tools/rows/input_buffer.h"

#include <algorithm>
#include <istream>

#include "base/crc32c.h"

namespace caisson::tools {
namespace {

constexpr std::size_t kSizeMin = std::size_t{512} << 10U;

}  // namespace

bool InputBuffer::fill() {
  if (ended_) return false;
  checksum();
  // Moves what is unread to the front where that is little, or there is no other room.
  if (begin_ > 0 && (end_ == buffer_.size() || begin_ == end_)) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    dropped_ += begin_;
    end_ -= begin_;
    begin_ = 0;
    checked_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::max(kSizeMin, 2 * buffer_.size()));
  // What is there, and no more: a pipe's writer may wait for what becomes of it.
  std::streambuf& source = *from_.rdbuf();
  if (std::streambuf::traits_type::eq_int_type(source.sgetc(),
                                               std::streambuf::traits_type::eof())) {
    ended_ = true;
    return false;
  }
  const auto room = static_cast<std::streamsize>(buffer_.size() - end_);
  const std::streamsize there = std::clamp<std::streamsize>(source.in_avail(), 1, room);
  end_ += static_cast<std::size_t>(source.sgetn(buffer_.data() + end_, there));
  return true;
}

bool InputBuffer::at_end() {
  if (begin_ < end_) return false;
  return ended_ || (!may_wait_ && !fill());
}

std::uint32_t InputBuffer::checksum() {
  checksum_ = crc32c_extend(checksum_,
                            std::as_bytes(std::span(buffer_).subspan(checked_, begin_ - checked_)));
  checked_ = begin_;
  return checksum_;
}

}  // namespace caisson::tools
