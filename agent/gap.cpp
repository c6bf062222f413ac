#include "agent/gap.h"

namespace reeve {

std::size_t place_of(std::optional<Severity> severity) {
  return severity ? static_cast<std::size_t>(*severity) : 4;
}

Value::Map severity_counts(const std::array<std::uint64_t, 5>& counts) {
  Value::Map out;
  for (std::size_t i = 0; i < 4; ++i)
    out.emplace_back(std::string(name_of(static_cast<Severity>(i))), counts[i]);
  out.emplace_back("none", counts[4]);
  return out;
}

void Gap::count(std::optional<Severity> severity, ByteView record, const Circumstances& around) {
  if (count_ == 0) {
    reason_ = around.reason;
    began_ns_ = around.now.mono_ns;
    first_wall_ns_ = around.now.wall_ns;
    first_place_ = around.place;
  }
  last_wall_ns_ = around.now.wall_ns;
  last_place_ = around.place;
  ++count_;
  ++by_severity_[place_of(severity)];
  chained_ = sha256({chained_.view(), record});
}

Value::Map Gap::fields(Stream stream) const {
  return {{"stream", name_of(stream)}, {"reason", reason_},
          {"first", first_place_},     {"last", last_place_},
          {"count", count_},           {"by_severity", severity_counts(by_severity_)},
          {"since", first_wall_ns_},   {"until", last_wall_ns_},
          {"hash", chained_}};
}

}  // namespace reeve
