#include "agent/trusted_time.h"

#include <algorithm>
#include <cstdlib>

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {

TrustedTime::TrustedTime(const Clock& clock, Disk& disk)
    : clock_(clock), disk_(disk), first_offset_ns_(offset_ns()), last_offset_ns_(offset_ns()) {
  auto bytes = disk.read(paths::trusted_time, 8);
  if (!bytes.ok() || !bytes->has_value() || (*bytes)->size() != 8) return;
  const std::uint64_t kept = ByteReader(**bytes).u64();
  if (kept <= limits::signed_time_s_max) kept_s_ = static_cast<std::int64_t>(kept);
  signed_s_ = kept_s_;
  signed_boot_ns_ = clock.boottime_ns();
}

std::int64_t TrustedTime::now_s() const {
  const std::int64_t offset = std::min(offset_ns(), first_offset_ns_ + limits::clock_jump_ns);
  // A clock set back lets nothing live longer than the time since the start says.
  const std::int64_t local = clock_.boottime_ns() + std::max(offset, first_offset_ns_);
  // What was signed has passed when it was seen, and time has gone on since.
  const std::int64_t since = (clock_.boottime_ns() - signed_boot_ns_) / 1'000'000'000;
  return std::max(local / 1'000'000'000, signed_s_ + since);
}

void TrustedTime::seen_signed(std::int64_t time_s) {
  if (time_s <= kept_s_) return;
  kept_s_ = time_s;
  const std::int64_t boot = clock_.boottime_ns();
  // What boot time has reached already is written down too: the next start knows only the disk.
  if (time_s > signed_s_ + (boot - signed_boot_ns_) / 1'000'000'000) {
    signed_s_ = time_s;
    signed_boot_ns_ = boot;
  }
  Bytes bytes;
  append_u64(bytes, static_cast<std::uint64_t>(time_s));
  static_cast<void>(replace_file(disk_, paths::trusted_time, bytes));
}

std::optional<TrustedTime::Jump> TrustedTime::take_jump() {
  const std::int64_t offset = offset_ns();
  if (std::abs(offset - last_offset_ns_) <= limits::clock_jump_ns) return std::nullopt;
  const std::int64_t boot = clock_.boottime_ns();
  return Jump{boot + std::exchange(last_offset_ns_, offset), boot + offset};
}

}  // namespace reeve
