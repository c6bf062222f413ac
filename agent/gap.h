// Records that a stream could not take, until one `gap` record tells of all of them
// (docs/formats.md). A value; the Recorder's.
#pragma once

#include <array>

#include "agent/moment.h"
#include "common/record.h"
#include "common/seal.h"

namespace reeve {

class Gap {
 public:
  // `place` is the sequence that the next record of the stream will have.
  struct Circumstances {
    std::string reason;
    std::uint64_t place = 0;
    Moment now;
  };
  void count(std::optional<Severity> severity, ByteView record, const Circumstances& around);
  bool is_empty() const { return count_ == 0; }
  std::int64_t began_ns() const { return began_ns_; }  // CLOCK_MONOTONIC
  const std::string& reason() const { return reason_; }
  // The fields of its record.
  Value::Map fields(Stream stream) const;

 private:
  std::uint64_t count_ = 0;
  std::array<std::uint64_t, 5> by_severity_{};  // the last: without one
  std::string reason_;                          // of the first
  std::int64_t began_ns_ = 0;
  std::int64_t first_wall_ns_ = 0;
  std::int64_t last_wall_ns_ = 0;
  std::uint64_t first_place_ = 0;
  std::uint64_t last_place_ = 0;
  Digest chained_;  // SHA-256 over the previous value and the record, from 32 zero bytes
};

// A map from severity, or `none`, to a count.
Value::Map severity_counts(const std::array<std::uint64_t, 5>& counts);
std::size_t place_of(std::optional<Severity> severity);

}  // namespace reeve
