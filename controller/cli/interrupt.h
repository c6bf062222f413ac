// Ctrl-C as an event instead of a death, so that commands can undo or say what stays. While one of
// these lives, SIGINT and SIGTERM are blocked and readable at fd(); child processes must be started
// with an empty signal mask.
#pragma once

#include <csignal>

#include "common/fd.h"

namespace reeve::cli {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  int fd() const { return fd_.get(); }
  // True from the first signal on.
  bool happened();

 private:
  sigset_t before_{};
  Fd fd_;
  bool happened_ = false;
};

}  // namespace reeve::cli
