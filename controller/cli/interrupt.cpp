#include "controller/cli/interrupt.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace reeve::cli {

Interrupt::Interrupt() {
  sigset_t wanted{};
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &wanted, &before_);
  fd_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

Interrupt::~Interrupt() {
  // What is still pending was meant for this command and has been answered by its ending.
  happened();
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupt::happened() {
  signalfd_siginfo info{};
  while (fd_.is_open() && ::read(fd_.get(), &info, sizeof info) == ssize_t{sizeof info}) {
    happened_ = true;
  }
  return happened_;
}

}  // namespace reeve::cli
