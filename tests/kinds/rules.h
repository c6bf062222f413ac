// Rules and checks for the tests of kinds, in one line each.
#pragma once

#include <doctest/doctest.h>

#include "agent/kind.h"
#include "tests/fakes/fake_host.h"

namespace reeve {

inline Rule rule_of(Value::Map fields, std::string kind = "file") {
  Rule rule;
  rule.id = "test-rule";
  rule.kind = std::move(kind);
  rule.fields = Value(std::move(fields));
  return rule;
}

inline std::unique_ptr<Resource> bound(Value::Map fields) {
  auto resource = bind_rule(rule_of(std::move(fields)));
  REQUIRE_MESSAGE(resource.ok(), (resource.ok() ? "" : resource.error().detail));
  return std::move(*resource);
}

// The error that a rule is refused with, or an empty one.
inline Error refusal_of(Value::Map fields, std::string kind = "file") {
  auto resource = bind_rule(rule_of(std::move(fields), std::move(kind)));
  return resource.ok() ? Error{} : resource.error();
}

inline CheckResult checked(const Resource& resource, const FakeHost& host,
                           std::optional<std::string> object = {}) {
  auto result = resource.check(host, Scope{std::move(object)});
  REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().detail));
  return std::move(*result);
}

// The single deviation of a check.
inline Deviation only_deviation(const Resource& resource, const FakeHost& host) {
  CheckResult result = checked(resource, host);
  REQUIRE(result.deviations.size() == 1);
  return result.deviations[0];
}

inline std::vector<std::string> deviating(const Resource& resource, const FakeHost& host,
                                          std::optional<std::string> object = {}) {
  std::vector<std::string> out;
  for (const Deviation& one : checked(resource, host, std::move(object)).deviations)
    out.push_back(one.refusal.empty() ? one.object : one.object + " " + one.refusal);
  return out;
}

using Objects = std::vector<std::string>;

}  // namespace reeve
