#include "tests/common/allocation.h"

#include <cstdlib>
#include <new>

namespace {

std::size_t asked_for = 0;

}  // namespace

void* operator new(std::size_t size) {
  asked_for += size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

// std::stable_sort's buffer; what is handed out here is given back there.
void* operator new(std::size_t size, const std::nothrow_t& /*unused*/) noexcept {
  asked_for += size;
  return std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace reeve {

std::size_t allocated_bytes() { return asked_for; }
void reset_allocations() { asked_for = 0; }

}  // namespace reeve
