// The small parts of an agent in a world of fakes: a sensor that says what a test tells it to,
// notes that are kept, and a rule about a file's mode.
#pragma once

#include <functional>
#include <utility>

#include "agent/notes.h"
#include "agent/sensor.h"

namespace reeve::testing {

class FakeSensor final : public Sensor {
 public:
  std::string_view name() const override { return "fake"; }
  int fd() const override { return 1'000; }
  std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) override {
    watched = all;
    return blind;
  }
  SensorReport drain() override { return std::exchange(next, {}); }
  std::vector<std::string> renew() override {
    ++renewals;
    if (on_renewal) on_renewal();
    return {};
  }

  std::vector<std::pair<WatchId, Watch>> watched;
  std::vector<std::string> blind;
  SensorReport next;
  std::size_t renewals = 0;
  std::function<void()> on_renewal;
};

class KeptNotes final : public Notes {
 public:
  void note(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

inline Rule file_rule(std::string id, std::string path, std::string mode = "0600",
                      Severity severity = Severity::high) {
  Rule rule;
  rule.id = std::move(id);
  rule.title = "a file's mode";
  rule.severity = severity;
  rule.owner = "security";
  rule.mode = Mode::enforce;
  rule.kind = "file";
  rule.fields = Value::Map{{"path", std::move(path)}, {"mode", std::move(mode)}};
  return rule;
}

}  // namespace reeve::testing
