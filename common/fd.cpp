#include "common/fd.h"

#include <unistd.h>

namespace reeve {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this == &other) return *this;
  if (is_open()) ::close(fd_);
  fd_ = other.release();
  return *this;
}

// An error of close() cannot be acted on here: Linux has released the descriptor in any case, and
// what must last was synced before (close(2), "Dealing with error returns from close()").
Fd::~Fd() {
  if (is_open()) ::close(fd_);
}

}  // namespace reeve
