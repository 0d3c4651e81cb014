// A value that was read.

#ifndef CAISSON_VALUE_H_
#define CAISSON_VALUE_H_

#include <caisson/error.h>
#include <caisson/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace caisson {

// A value of a key. Values of up to a quarter of the page size (and some beyond) lie in one piece;
// longer ones have pages of their own, which are read when they are asked for, so that a value may
// be larger than memory.
//
// How long it is good depends on where it came from:
//   Tree::get()           As long as this object, whatever becomes of the tree and its snapshot.
//                         Unless it is a copy (PageAccess::kPrivate), the store can't be closed
//                         meanwhile, and the state's pages are not used again: where it is kept
//                         for long, copy it.
//   Cursor::value()       Until the cursor moves, or ends.
//   WriteTree::get(),     One in one piece: as long as this object. A longer one: until the
//   WriteCursor::value()  transaction changes something or ends; kInvalidArgument then.
//
// Movable; one that was moved from can only be destroyed or assigned to. Used by one thread at a
// time. No call of a value in one piece allocates memory, but to_string().
class CAISSON_API Value {
 public:
  Value(Value&& other) noexcept;
  Value& operator=(Value&& other) noexcept;
  ~Value();

  // In bytes. O(1).
  std::uint64_t size() const;

  // Whether it lies in one piece, so that bytes() costs nothing and can't fail.
  bool in_one_piece() const;

  // All of it, for as long as the value is good and isn't moved. One that is not in one piece is
  // read as a whole into memory that this object keeps: for large ones, use piece() or read().
  // Errors: as piece().
  [[nodiscard]] Result<Bytes> bytes();

  // A copy of all of it. Errors: as piece().
  [[nodiscard]] Result<std::string> to_string();

  // The bytes from `offset` on, as many as lie side by side: in one piece all that is left, else to
  // the end of a page. Empty at the end. Good until the next call of this object. Errors:
  // kInvalidArgument behind the end, or where the value is not good any more; kCorruption;
  // kIoError; kResourceExhausted (private copies only: memory_budget_bytes is used up by readers).
  // O(height of the value's index), next to nothing in one piece.
  [[nodiscard]] Result<Bytes> piece(std::uint64_t offset);

  // Copies out.size() bytes from `offset` on. kInvalidArgument if the value ends before; others as
  // piece().
  [[nodiscard]] Result<void> read(std::uint64_t offset, MutableBytes out);

  // What it holds; known to the library alone.
  struct Body;
  explicit Value(Body&& body);

 private:
  Body& body();
  const Body& body() const;

  // The body lies within, not on the heap: reading a value is what a store does most.
  alignas(8) std::byte storage_[128];
};

}  // namespace caisson

#endif  // CAISSON_VALUE_H_
