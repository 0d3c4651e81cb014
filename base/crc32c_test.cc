// Method: the table kernel is compared with the definition, bit by bit, and with published
// answers; every other kernel that this processor supports is compared with the table kernel over
// all small sizes and alignments, around the sizes where kernels change their ways, and over long
// random ones. Inputs end where their allocation ends, so that a sanitizer sees a read beyond.

#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/crc32c_fold.h"
#include "base/crc32c_kernels.h"
#include "base/random.h"

namespace caisson {
namespace {

// Computed before main(), as a static object of a user's program might.
const std::uint32_t kBeforeMain = crc32c(std::as_bytes(std::span("123456789", 9)));

std::uint32_t bit_by_bit(std::uint32_t crc, Bytes bytes) {
  std::uint32_t state = ~crc;
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<std::uint32_t>(byte);
    for (int i = 0; i < 8; ++i) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~state;
}

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  std::vector<std::byte> result(size);
  Random(seed).fill(result);
  return result;
}

TEST(Crc32cTable, AgreesWithTheDefinitionBitByBit) {
  const auto bytes = random_bytes(300, 1);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Bytes input = Bytes(bytes).first(size);
    EXPECT_EQ(crc32c_internal::table_extend(0, input), bit_by_bit(0, input)) << size;
    EXPECT_EQ(crc32c_internal::table_extend(0xdeadbeef, input), bit_by_bit(0xdeadbeef, input));
  }
}

class Crc32cEveryKernel : public testing::TestWithParam<Crc32cKernel> {
 protected:
  void SetUp() override {
    if (!GetParam().supported()) GTEST_SKIP() << "not supported by this processor";
  }

  static std::uint32_t extend(std::uint32_t crc, Bytes bytes) {
    return GetParam().extend(crc, bytes);
  }

  // Compares this kernel with the table kernel on `size` bytes of `source`, placed `alignment`
  // bytes after a multiple of 64 and right before the end of their allocation.
  static void compare(const std::vector<std::byte>& source, std::size_t alignment,
                      std::size_t size) {
    struct Free {
      void operator()(void* p) const { std::free(p); }
    };
    void* memory = nullptr;
    ASSERT_EQ(posix_memalign(&memory, 64, alignment + size), 0);
    const std::unique_ptr<void, Free> owner(memory);
    std::byte* const start = static_cast<std::byte*>(memory) + alignment;
    std::memcpy(start, source.data(), size);
    const Bytes input(start, size);
    const auto crc = static_cast<std::uint32_t>(size * 0x9e3779b1);
    ASSERT_EQ(extend(crc, input), crc32c_internal::table_extend(crc, input))
        << size << " bytes at alignment " << alignment;
  }
};

TEST_P(Crc32cEveryKernel, GivesThePublishedAnswers) {
  EXPECT_EQ(extend(0, {}), 0u);
  EXPECT_EQ(extend(0, bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(extend(0, bytes_of("a")), 0xc1d04330u);

  // RFC 3720 (iSCSI), appendix B.4.
  std::vector<std::byte> block(32);
  EXPECT_EQ(extend(0, block), 0x8a9136aau);
  std::ranges::fill(block, std::byte{0xff});
  EXPECT_EQ(extend(0, block), 0x62a8ab43u);
  for (std::size_t i = 0; i < 32; ++i) block[i] = static_cast<std::byte>(i);
  EXPECT_EQ(extend(0, block), 0x46dd794eu);
  std::ranges::reverse(block);
  EXPECT_EQ(extend(0, block), 0x113fdb5cu);
  std::vector<std::byte> read_command(48);
  const auto set = [&read_command](std::size_t at, int value) {
    read_command[at] = static_cast<std::byte>(value);
  };
  set(0, 0x01), set(1, 0xc0), set(16, 0x14), set(22, 0x04), set(27, 0x14), set(31, 0x18);
  set(32, 0x28), set(40, 0x02);
  EXPECT_EQ(extend(0, read_command), 0xd9963a56u);
}

TEST_P(Crc32cEveryKernel, AgreesWithTheTableForAllSmallSizesAndAlignments) {
  const auto source = random_bytes(1100, 2);
  std::vector<std::byte> buffer(64 + 64 + 1100);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  std::byte* const aligned = buffer.data() + (64 - address % 64);
  for (std::size_t alignment = 0; alignment < 64; ++alignment) {
    std::memcpy(aligned + alignment, source.data(), source.size());
    for (std::size_t size = 0; size <= source.size(); ++size) {
      const Bytes input(aligned + alignment, size);
      ASSERT_EQ(extend(7, input), crc32c_internal::table_extend(7, input))
          << size << " bytes at alignment " << alignment;
    }
  }
}

TEST_P(Crc32cEveryKernel, AgreesWithTheTableAroundPagesAndChunks) {
  const auto source = random_bytes(70000, 3);
  for (const std::size_t middle :
       {504u, 1008u, 4080u, 4096u, 8160u, 8192u, 16320u, 16384u, 65536u}) {
    for (std::size_t size = middle - 70; size <= middle + 70; ++size) {
      compare(source, size % 64, size);
    }
  }
}

TEST_P(Crc32cEveryKernel, AgreesWithTheTableOnLongRandomInputs) {
  Random random(4);
  const auto source = random_bytes(200'000, 5);
  for (int i = 0; i < 300; ++i) compare(source, random.below(64), random.below(source.size()));
}

TEST_P(Crc32cEveryKernel, ExtendsAcrossEverySplit) {
  const auto bytes = random_bytes(20'000, 6);
  const std::uint32_t whole = extend(0, bytes);
  for (std::size_t split = 0; split <= bytes.size(); split += split < 600 ? 1 : 97) {
    const std::uint32_t first = extend(0, Bytes(bytes).first(split));
    ASSERT_EQ(extend(first, Bytes(bytes).subspan(split)), whole) << split;
  }
}

TEST_P(Crc32cEveryKernel, NoticesEveryChangedBit) {
  auto bytes = random_bytes(4200, 7);
  const std::uint32_t before = extend(0, bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    ASSERT_NE(extend(0, bytes), before) << bit;
    bytes[bit / 8] ^= mask;
  }
}

std::string kernel_name(const testing::TestParamInfo<Crc32cKernel>& info) {
  std::string name(info.param.name);
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Crc32cEveryKernel, testing::ValuesIn(crc32c_kernels()),
                         kernel_name);

TEST(Crc32c, WorksBeforeMain) { EXPECT_EQ(kBeforeMain, 0xe3069283u); }

TEST(Crc32c, UsesASupportedKernelFromTheList) {
  const auto kernels = crc32c_kernels();
  const auto used = std::ranges::find(kernels, crc32c_kernel_in_use(), &Crc32cKernel::name);
  ASSERT_NE(used, kernels.end());
  EXPECT_TRUE(used->supported());
  const auto bytes = random_bytes(5000, 8);
  EXPECT_EQ(crc32c(bytes), bit_by_bit(0, bytes));
  EXPECT_EQ(crc32c_extend(99, bytes), bit_by_bit(99, bytes));
}

TEST(Crc32c, EndsItsListWithTheScalarKernelThatEveryProcessorSupports) {
  EXPECT_EQ(crc32c_kernels().back().name, "scalar");
  EXPECT_TRUE(crc32c_kernels().back().supported());
}

TEST(Crc32c, LetsANameForceAnySupportedKernelAndIgnoresTheRest) {
  const auto kernels = crc32c_kernels();
  const auto best = std::ranges::find_if(kernels, [](const auto& k) { return k.supported(); });
  for (const Crc32cKernel& kernel : kernels) {
    EXPECT_EQ(crc32c_internal::choose_kernel(kernel.name).name,
              kernel.supported() ? kernel.name : best->name);
  }
  EXPECT_EQ(crc32c_internal::choose_kernel("").name, best->name);
  EXPECT_EQ(crc32c_internal::choose_kernel("scalars").name, best->name);
  EXPECT_EQ(crc32c_internal::choose_kernel("SCALAR").name, best->name);
}

#if defined(__x86_64__)  // Elsewhere the tests may run in an emulator that can't start itself.
TEST(Crc32cDeathTest, TakesTheNameFromTheEnvironment) {
  // A process of its own, because this one has made its choice already.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* before = std::getenv("CAISSON_KERNEL");
  const std::string saved = before == nullptr ? "" : before;
  ASSERT_EQ(setenv("CAISSON_KERNEL", "scalar", 1), 0);
  EXPECT_EXIT(std::exit(crc32c_kernel_in_use() == "scalar" ? 0 : 1), testing::ExitedWithCode(0),
              "");
  ASSERT_EQ(setenv("CAISSON_KERNEL", saved.c_str(), 1), 0);
}
#endif

TEST(Crc32c, GivesEveryThreadTheSameAnswer) {
  const auto bytes = random_bytes(10'000, 9);
  const std::uint32_t expected = bit_by_bit(0, bytes);
  std::vector<std::uint32_t> answers(4);
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t& answer : answers) {
      threads.emplace_back([&answer, &bytes] { answer = crc32c(bytes); });
    }
  }
  for (const std::uint32_t answer : answers) EXPECT_EQ(answer, expected);
}

// The folding constants against polynomial division done the long way.
TEST(Crc32cFold, RaisesXToPowersByDefinition) {
  using crc32c_internal::x_to_the;
  EXPECT_EQ(x_to_the(0), 0x80000000u);
  EXPECT_EQ(x_to_the(31), 1u);
  EXPECT_EQ(x_to_the(32), crc32c_internal::kPolynomial);
  // The state 0x80000000 is x^0; n zero bytes multiply it by x^(8 n), without the inversions.
  for (std::size_t count = 0; count < 100; ++count) {
    const std::vector<std::byte> zeros(count);
    EXPECT_EQ(x_to_the(8 * count), ~bit_by_bit(~0x80000000u, zeros)) << count;
  }
}

}  // namespace
}  // namespace caisson
