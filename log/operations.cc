#include "log/operations.h"

#include <string>
#include <utility>

namespace caisson::log {
namespace {

constexpr std::uint8_t kNoEnd = 0;
constexpr std::uint8_t kEnd = 1;

// Which fields an operation has, in the order in which they are written.
struct Shape {
  bool tree = false;
  bool number = false;
  bool key = false;
  bool end = false;  // A byte that says whether a value follows.
  bool value = false;
};

std::optional<Shape> shape_of(OperationCode code) {
  switch (code) {
    case OperationCode::kCreateTree:
      return Shape{.tree = true, .number = true, .key = true, .value = true};
    case OperationCode::kDropTree:
      return Shape{.tree = true};
    case OperationCode::kPut:
      return Shape{.tree = true, .key = true, .value = true};
    case OperationCode::kDelete:
      return Shape{.tree = true, .key = true};
    case OperationCode::kDeleteRange:
      return Shape{.tree = true, .key = true, .end = true};
    case OperationCode::kPutLong:
      return Shape{.tree = true, .number = true, .key = true};
    case OperationCode::kPiece:
      return Shape{.value = true};
    case OperationCode::kNameSnapshot:
      return Shape{.number = true, .key = true};
    case OperationCode::kForgetSnapshot:
      return Shape{.key = true};
    case OperationCode::kOwn:
      return Shape{.tree = true, .value = true};
  }
  if (code > OperationCode::kOwn) return shape_of(OperationCode::kOwn);
  return std::nullopt;
}

std::size_t size_of(Bytes bytes) { return varint_size(bytes.size()) + bytes.size(); }

void put(Bytes bytes, Encoder& encoder) {
  encoder.varint(bytes.size());
  encoder.bytes(bytes);
}

Bytes take(Decoder& decoder) { return decoder.bytes(decoder.varint()); }

std::unexpected<Error> broken(std::string what, const char* rule) {
  return fail(Error(Code::kCorruption, std::move(what)).with_rule(rule));
}

std::unexpected<Error> too_long(const char* what, std::uint64_t size, std::uint64_t most) {
  return broken(std::string("an operation in the log has ") + what + " of " + std::to_string(size) +
                    " bytes; at most " + std::to_string(most) + " are allowed",
                "OP-2");
}

}  // namespace

std::string_view to_string(OperationCode code) {
  switch (code) {
    case OperationCode::kCreateTree:
      return "create tree";
    case OperationCode::kDropTree:
      return "drop tree";
    case OperationCode::kPut:
      return "put";
    case OperationCode::kDelete:
      return "delete";
    case OperationCode::kDeleteRange:
      return "delete range";
    case OperationCode::kPutLong:
      return "put long";
    case OperationCode::kPiece:
      return "piece";
    case OperationCode::kNameSnapshot:
      return "name snapshot";
    case OperationCode::kForgetSnapshot:
      return "forget snapshot";
    case OperationCode::kOwn:
      return "own";
  }
  return code > OperationCode::kOwn ? "own" : "unknown";
}

std::size_t encoded_size(const Operation& operation) {
  const Shape shape = shape_of(operation.code).value_or(Shape{});
  std::size_t size = 1;
  if (shape.tree) size += varint_size(operation.tree);
  if (shape.number) size += varint_size(operation.number);
  if (shape.key) size += size_of(operation.key);
  if (shape.end) size += 1 + (operation.has_end ? size_of(operation.value) : 0);
  if (shape.value) size += size_of(operation.value);
  return size;
}

void encode(const Operation& operation, Encoder& encoder) {
  const Shape shape = shape_of(operation.code).value_or(Shape{});
  encoder.u8(static_cast<std::uint8_t>(operation.code));
  if (shape.tree) encoder.varint(operation.tree);
  if (shape.number) encoder.varint(operation.number);
  if (shape.key) put(operation.key, encoder);
  if (shape.end) {
    encoder.u8(operation.has_end ? kEnd : kNoEnd);
    if (operation.has_end) put(operation.value, encoder);
  }
  if (shape.value) put(operation.value, encoder);
}

void OperationReader::read(Bytes payload) { payload_ = payload; }

Result<std::optional<Operation>> OperationReader::next() {
  if (payload_.empty()) return std::optional<Operation>();
  Decoder decoder(payload_);
  Operation operation;
  operation.code = static_cast<OperationCode>(decoder.u8());
  const auto shape = shape_of(operation.code);
  if (!shape) {
    return broken("an operation in the log has code " +
                      std::to_string(static_cast<unsigned>(operation.code)) + ", which is unknown",
                  "OP-1");
  }
  if (shape->tree) operation.tree = decoder.varint();
  if (shape->number) operation.number = decoder.varint();
  if (shape->key) operation.key = take(decoder);
  if (shape->end) {
    const std::uint8_t end = decoder.u8();
    if (end > kEnd) return broken("a range in the log ends in no known way", "OP-1");
    operation.has_end = end == kEnd;
    if (operation.has_end) operation.value = take(decoder);
  }
  if (shape->value) operation.value = take(decoder);
  if (const auto status = decoder.status(); !status) {
    return broken("an operation in the log is not whole: " + status.error().message(), "OP-1");
  }
  CAISSON_RETURN_IF_ERROR(check(operation));
  payload_ = payload_.subspan(decoder.position());
  return operation;
}

Result<void> OperationReader::check(const Operation& operation) {
  const bool piece = operation.code == OperationCode::kPiece;
  if (piece ? operation.value.empty() || operation.value.size() > missing_ : missing_ > 0) {
    return broken("the pieces of a long value in the log don't add up", "OP-3");
  }
  switch (operation.code) {
    case OperationCode::kCreateTree:
    case OperationCode::kNameSnapshot:
    case OperationCode::kForgetSnapshot:
      if (operation.key.empty() || operation.key.size() > kNameSizeMax) {
        return too_long("a name", operation.key.size(), kNameSizeMax);
      }
      if (operation.value.size() > kTreeOptionsSizeMax) {
        return too_long("options", operation.value.size(), kTreeOptionsSizeMax);
      }
      return {};
    case OperationCode::kPiece:
      missing_ -= operation.value.size();
      return {};
    case OperationCode::kPutLong:
      if (operation.number > limits_.value_size_max) {
        return too_long("a value", operation.number, limits_.value_size_max);
      }
      missing_ = operation.number;
      break;
    case OperationCode::kPut:
      if (operation.value.size() > limits_.value_size_max) {
        return too_long("a value", operation.value.size(), limits_.value_size_max);
      }
      break;
    case OperationCode::kDeleteRange:
      if (operation.value.size() > limits_.key_size_max) {
        return too_long("a key", operation.value.size(), limits_.key_size_max);
      }
      break;
    default:
      break;
  }
  if (operation.key.size() > limits_.key_size_max) {
    return too_long("a key", operation.key.size(), limits_.key_size_max);
  }
  return {};
}

Result<void> OperationReader::finish() const {
  if (missing_ == 0) return {};
  return broken("a commit in the log ends within a long value", "OP-3");
}

}  // namespace caisson::log
