#include "controller/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "common/bytes.h"

namespace reeve {

std::int64_t Bucket::parts_at(std::int64_t now_ns) const {
  // A full bucket gains nothing by a longer wait, and the product below stays small.
  const std::int64_t full_ns = rate_.at_once * parts_each / rate_.per_s + 1;
  const std::int64_t waited_ns = std::clamp<std::int64_t>(now_ns - at_ns_, 0, full_ns);
  return std::min(parts_ + waited_ns * rate_.per_s, rate_.at_once * parts_each);
}

bool Bucket::take(std::int64_t now_ns) {
  parts_ = parts_at(now_ns);
  at_ns_ = now_ns;
  if (parts_ < parts_each) return false;
  parts_ -= parts_each;
  return true;
}

bool Bucket::is_full(std::int64_t now_ns) const {
  return parts_at(now_ns) == rate_.at_once * parts_each;
}

bool RateLimit::allows(std::string_view source, std::int64_t now_ns) {
  auto bucket = buckets_.find(source);
  if (bucket == buckets_.end()) {
    if (buckets_.size() >= sources_max_) {
      std::erase_if(buckets_, [now_ns](const auto& one) { return one.second.is_full(now_ns); });
    }
    if (buckets_.size() >= sources_max_) return false;
    bucket = buckets_.emplace(std::string(source), Bucket(rate_, now_ns)).first;
  }
  return bucket->second.take(now_ns);
}

std::string source_of(const std::string& address) {
  std::array<std::uint8_t, 16> bytes{};
  constexpr std::size_t network_bytes = 8;
  const std::string mapped = "::ffff:";
  if (address.starts_with(mapped)) return address.substr(mapped.size());
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
  return hex(ByteView(bytes).first(network_bytes));
}

}  // namespace reeve
