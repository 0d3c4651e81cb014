// A stream that is read in large pieces, and looked at in small ones.

#ifndef CAISSON_TOOLS_ROWS_INPUT_BUFFER_H_
#define CAISSON_TOOLS_ROWS_INPUT_BUFFER_H_

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace caisson::tools {

// Used by one thread.
class InputBuffer {
 public:
  // `may_wait`: reading more may take for ever, as from a terminal or a pipe. The stream has to
  // outlive this.
  InputBuffer(std::istream& from, bool may_wait) : from_(from), may_wait_(may_wait) {}

  // What was read and isn't used yet. Lives until fill().
  std::string_view unread() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }

  // Reads more behind it; false at the end of the stream. Needs room for all that is unread.
  bool fill();

  // Uses up so many of the bytes that are unread.
  void use(std::size_t size) { begin_ += size; }

  // Whether all is used, and no more comes, as far as can be told without waiting.
  bool at_end();

  // How many bytes were used, and their CRC-32C.
  std::uint64_t position() const { return dropped_ + begin_; }
  std::uint32_t checksum();

 private:
  std::istream& from_;
  const bool may_wait_;
  bool ended_ = false;
  std::string buffer_;
  std::size_t begin_ = 0;    // Of what is unread,
  std::size_t end_ = 0;      // and its end.
  std::size_t checked_ = 0;  // Up to here, the checksum is of.
  std::uint64_t dropped_ = 0;
  std::uint32_t checksum_ = 0;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_INPUT_BUFFER_H_
