// Method: operations of all kinds are written and read back; payloads are cut at each length and
// each bit flipped: what is read then is an error or keeps all rules. Limits at limit and limit+1.

#include "log/operations.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using testing::bytes_of;
using testing::value_of;

constexpr OperationLimits kLimits{.key_size_max = 100, .value_size_max = 1000};

std::vector<std::byte> encoded(const std::vector<Operation>& operations) {
  std::size_t size = 0;
  for (const Operation& operation : operations) size += encoded_size(operation);
  std::vector<std::byte> bytes(size);
  Encoder encoder(bytes);
  for (const Operation& operation : operations) encode(operation, encoder);
  EXPECT_EQ(encoder.remaining(), 0U);
  return bytes;
}

bool same(const Operation& a, const Operation& b) {
  return a.code == b.code && a.tree == b.tree && a.number == b.number && a.has_end == b.has_end &&
         std::ranges::equal(a.key, b.key) && std::ranges::equal(a.value, b.value);
}

// One of each.
std::vector<Operation> all_kinds() {
  return {
      {.code = OperationCode::kCreateTree,
       .tree = 300,
       .number = 1,
       .key = bytes_of("name"),
       .value = bytes_of("options")},
      {.code = OperationCode::kDropTree, .tree = 7},
      {.code = OperationCode::kPut, .tree = 7, .key = bytes_of("key"), .value = bytes_of("value")},
      {.code = OperationCode::kPut, .tree = 7},
      {.code = OperationCode::kDelete, .tree = 7, .key = bytes_of("key")},
      {.code = OperationCode::kDeleteRange, .tree = 7, .key = bytes_of("a")},
      {.code = OperationCode::kDeleteRange,
       .tree = 7,
       .key = bytes_of("a"),
       .value = bytes_of("b"),
       .has_end = true},
      {.code = OperationCode::kDeleteRange, .tree = 7, .has_end = true},
      {.code = OperationCode::kPutLong, .tree = 7, .number = 10, .key = bytes_of("key")},
      {.code = OperationCode::kPiece, .value = bytes_of("123456")},
      {.code = OperationCode::kPiece, .value = bytes_of("7890")},
      {.code = OperationCode::kPutLong, .tree = 7, .key = bytes_of("empty")},
      {.code = OperationCode::kNameSnapshot, .number = 1'000'000, .key = bytes_of("monday")},
      {.code = OperationCode::kForgetSnapshot, .key = bytes_of("monday")},
      {.code = OperationCode{200}, .tree = 7, .value = bytes_of("whatever")},
  };
}

TEST(Operations, AreReadAsTheyWereWritten) {
  const std::vector<Operation> expected = all_kinds();
  const auto bytes = encoded(expected);
  OperationReader reader(kLimits);
  reader.read(bytes);
  for (const Operation& operation : expected) {
    const auto read = value_of(reader.next());
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(same(*read, operation)) << to_string(operation.code);
  }
  EXPECT_FALSE(value_of(reader.next()).has_value());
  value_of(reader.finish());
}

TEST(Operations, MayBeSpreadOverPayloads) {
  const std::vector<Operation> expected = all_kinds();
  OperationReader reader(kLimits);
  for (const Operation& operation : expected) {
    const auto bytes = encoded({operation});
    reader.read(bytes);
    EXPECT_TRUE(same(value_of(reader.next()).value(), operation));
    EXPECT_FALSE(value_of(reader.next()).has_value());
  }
}

// All of what can be read, and whether that was everything.
bool reads(Bytes bytes) {
  OperationReader reader(kLimits);
  reader.read(bytes);
  while (true) {
    const auto operation = reader.next();
    if (!operation) {
      EXPECT_EQ(operation.error().code(), Code::kCorruption);
      EXPECT_TRUE(operation.error().rule().starts_with("OP-"));
      return false;
    }
    if (!*operation) return reader.finish().has_value();
    EXPECT_LE((*operation)->key.size(), kNameSizeMax);
    if ((*operation)->code == OperationCode::kCreateTree) {
      EXPECT_LE((*operation)->value.size(), kTreeOptionsSizeMax);
    }
  }
}

TEST(Operations, AreRefusedWhereTheyAreNotWhole) {  // OP-1
  for (const Operation& operation : all_kinds()) {
    if (operation.code == OperationCode::kPiece) continue;
    const auto bytes = encoded({operation});
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      EXPECT_FALSE(reads(Bytes(bytes).first(size))) << to_string(operation.code) << " " << size;
    }
  }
}

TEST(Operations, AreErrorsOrKeepTheRulesWithAnyBitFlipped) {
  const auto whole = encoded(all_kinds());
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    refused += reads(bytes) ? 0U : 1U;
  }
  EXPECT_GT(refused, whole.size());
}

TEST(Operations, HaveKnownCodes) {  // OP-1
  for (unsigned code = 0; code < 256; ++code) {
    const bool known = (code >= 1 && code <= 9) || code >= 128;
    OperationReader reader(kLimits);
    const std::vector<std::byte> bytes{static_cast<std::byte>(code)};
    reader.read(bytes);
    const auto operation = reader.next();
    ASSERT_FALSE(operation.has_value());
    EXPECT_EQ(operation.error().message().find("unknown") == std::string::npos, known) << code;
  }
}

TEST(Operations, KeepTheStoresLimits) {  // OP-2
  const std::string key(kLimits.key_size_max + 1, 'k');
  const std::string value(kLimits.value_size_max + 1, 'v');
  const std::string name(kNameSizeMax + 1, 'n');
  const std::string options(kTreeOptionsSizeMax + 1, 'o');
  const auto shorter = [](const std::string& text) {
    return bytes_of(text).first(text.size() - 1);
  };
  using enum OperationCode;
  const std::vector<std::pair<Operation, Operation>> pairs = {
      {{.code = kPut, .key = shorter(key)}, {.code = kPut, .key = bytes_of(key)}},
      {{.code = kPut, .value = shorter(value)}, {.code = kPut, .value = bytes_of(value)}},
      {{.code = kDelete, .key = shorter(key)}, {.code = kDelete, .key = bytes_of(key)}},
      {{.code = kDeleteRange, .key = shorter(key)}, {.code = kDeleteRange, .key = bytes_of(key)}},
      {{.code = kDeleteRange, .value = shorter(key), .has_end = true},
       {.code = kDeleteRange, .value = bytes_of(key), .has_end = true}},
      {{.code = kPutLong, .key = shorter(key)}, {.code = kPutLong, .key = bytes_of(key)}},
      {{.code = kCreateTree, .key = shorter(name)}, {.code = kCreateTree, .key = bytes_of(name)}},
      {{.code = kCreateTree, .key = bytes_of("n"), .value = shorter(options)},
       {.code = kCreateTree, .key = bytes_of("n"), .value = bytes_of(options)}},
      {{.code = kCreateTree, .key = bytes_of("n")}, {.code = kCreateTree}},
      {{.code = kNameSnapshot, .key = shorter(name)},
       {.code = kNameSnapshot, .key = bytes_of(name)}},
      {{.code = kForgetSnapshot, .key = bytes_of("n")}, {.code = kForgetSnapshot}},
  };
  for (const auto& [fine, beyond] : pairs) {
    EXPECT_TRUE(reads(encoded({fine}))) << to_string(fine.code);
    EXPECT_FALSE(reads(encoded({beyond}))) << to_string(beyond.code);
  }
  OperationReader reader(kLimits);
  const auto huge = encoded({{.code = kPutLong, .number = kLimits.value_size_max + 1}});
  reader.read(huge);
  EXPECT_EQ(reader.next().error().rule(), "OP-2");
}

TEST(Operations, NameEveryPieceOfALongValueAndNothingElse) {  // OP-3
  using enum OperationCode;
  const Operation begin{.code = kPutLong, .tree = 1, .number = 5, .key = bytes_of("k")};
  const Operation piece{.code = kPiece, .value = bytes_of("123")};
  const Operation rest{.code = kPiece, .value = bytes_of("45")};
  const Operation none{.code = kPiece};
  EXPECT_TRUE(reads(encoded({begin, piece, rest})));
  EXPECT_FALSE(reads(encoded({begin, piece})));
  EXPECT_FALSE(reads(encoded({begin, piece, piece})));
  EXPECT_FALSE(reads(encoded({begin, piece, rest, rest})));
  EXPECT_FALSE(reads(encoded({begin, piece, none, rest})));
  EXPECT_FALSE(
      reads(encoded({begin, {.code = kDelete, .tree = 1, .key = bytes_of("k")}, piece, rest})));
  EXPECT_FALSE(reads(encoded({piece})));
}

}  // namespace
}  // namespace caisson::log
