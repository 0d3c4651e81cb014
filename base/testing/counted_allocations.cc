#include "base/testing/counted_allocations.h"

#include "base/sanitizers.h"

#ifndef CAISSON_SANITIZED

#include <cstdlib>
#include <new>

namespace caisson::testing {

std::atomic<std::uint64_t> allocations{0};

namespace {

void* count_and_allocate(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace
}  // namespace caisson::testing

void* operator new(std::size_t size) { return caisson::testing::count_and_allocate(size); }
void* operator new[](std::size_t size) { return caisson::testing::count_and_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

#endif  // CAISSON_SANITIZED
