// Keys and values as bytes: how they are passed, and how they are shown as text.
//
// Thread-safe: values only. Nothing here allocates, copies bytes or fails.

#ifndef CAISSON_BYTES_H_
#define CAISSON_BYTES_H_

#include <caisson/types.h>

#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace caisson {

class ByteView;

// A range of bytes in one piece: std::string, std::string_view, std::vector<std::byte>,
// std::span<const unsigned char>, std::array<char, 8> ... An array of char is none, since the zero
// at the end of a literal is hardly meant.
template <typename R>
concept ByteRange = std::ranges::contiguous_range<const R> && std::ranges::sized_range<const R> &&
                    !std::is_array_v<R> && !std::is_same_v<R, ByteView> &&
                    (std::is_same_v<std::ranges::range_value_t<const R>, std::byte> ||
                     std::is_same_v<std::ranges::range_value_t<const R>, char> ||
                     std::is_same_v<std::ranges::range_value_t<const R>, unsigned char> ||
                     std::is_same_v<std::ranges::range_value_t<const R>, signed char> ||
                     std::is_same_v<std::ranges::range_value_t<const R>, char8_t>);

// What functions take where they want bytes, so that tree.put("key", "value") needs no more than
// that. Borrows: it is meant as a parameter, and what it shows has to live until the call returns.
class ByteView {
 public:
  // No bytes.
  constexpr ByteView() = default;

  // A text up to its terminating zero. For bytes that may be zero, pass a std::string_view.
  // NOLINTNEXTLINE(google-explicit-constructor): to be converted implicitly is what it is for.
  ByteView(const char* text) : ByteView(std::string_view(text)) {}

  // The bytes of any such range.
  template <ByteRange R>
  // NOLINTNEXTLINE(google-explicit-constructor)
  ByteView(const R& bytes)
      : bytes_(reinterpret_cast<const std::byte*>(std::ranges::data(bytes)),
               std::ranges::size(bytes)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator Bytes() const { return bytes_; }

  constexpr const std::byte* data() const { return bytes_.data(); }
  constexpr std::size_t size() const { return bytes_.size(); }
  constexpr bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

// Bytes as text, whatever they are: no encoding is looked at. Lives as long as the bytes do.
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace caisson

#endif  // CAISSON_BYTES_H_
