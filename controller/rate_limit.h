// Buckets of requests by source and for all sources together, in bounded memory. Pure; time is
// given. A source that nothing is known of has a full bucket.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace reeve {

struct Rate {
  std::int64_t at_once = 0;
  std::int64_t per_s = 0;
};

class Bucket {
 public:
  Bucket(const Rate& rate, std::int64_t now_ns)
      : rate_(rate), parts_(rate.at_once * parts_each), at_ns_(now_ns) {}
  bool take(std::int64_t now_ns);
  bool is_full(std::int64_t now_ns) const;

 private:
  static constexpr std::int64_t parts_each = 1'000'000'000;  // so that a nanosecond is whole parts
  std::int64_t parts_at(std::int64_t now_ns) const;

  Rate rate_;
  std::int64_t parts_;
  std::int64_t at_ns_;
};

class RateLimit {
 public:
  RateLimit(const Rate& rate, std::size_t sources_max) : rate_(rate), sources_max_(sources_max) {}
  // False beyond the source's rate, and for a source too many while all others are busy.
  bool allows(std::string_view source, std::int64_t now_ns);

 private:
  Rate rate_;
  std::size_t sources_max_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// Whom a request is counted for: an IPv4 address, or the network of an IPv6 address, since whoever
// has one address there has 2^64.
std::string source_of(const std::string& address);

}  // namespace reeve
