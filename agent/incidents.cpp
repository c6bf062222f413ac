#include "agent/incidents.h"

namespace reeve {

Incident* Incidents::find(const std::string& policy, const std::string& rule,
                          const std::string& object) {
  const auto objects = rules_.find({policy, rule});
  if (objects == rules_.end()) return nullptr;
  const auto found = objects->second.find(object);
  return found == objects->second.end() ? nullptr : &found->second;
}

bool Incidents::open(Incident incident) {
  const Receipt& receipt = incident.receipt;
  if (Incident* known = find(receipt.policy.name, receipt.rule, receipt.object)) {
    *known = std::move(incident);
    return true;
  }
  if (is_full(receipt.policy.name, receipt.rule)) return false;
  ByObject& objects = rules_[{receipt.policy.name, receipt.rule}];
  const std::string object = receipt.object;
  objects.emplace(object, std::move(incident));
  ++size_;
  return true;
}

void Incidents::erase(const Receipt& receipt) {
  const auto objects = rules_.find({receipt.policy.name, receipt.rule});
  if (objects == rules_.end()) return;
  size_ -= objects->second.erase(receipt.object);
  if (objects->second.empty()) rules_.erase(objects);
}

const Incidents::ByObject& Incidents::of_rule(const std::string& policy,
                                              const std::string& rule) const {
  static const ByObject none;
  const auto objects = rules_.find({policy, rule});
  return objects == rules_.end() ? none : objects->second;
}

std::vector<const Incident*> Incidents::of_stream(Stream stream) const {
  std::vector<const Incident*> out;
  for (const auto& [rule, objects] : rules_)
    for (const auto& [object, incident] : objects)
      if (stream_for(incident.receipt.severity) == stream) out.push_back(&incident);
  return out;
}

std::vector<Receipt> Incidents::contested() const {
  std::vector<Receipt> out;
  for (const auto& [rule, objects] : rules_)
    for (const auto& [object, incident] : objects)
      if (incident.is_contested()) out.push_back(incident.receipt);
  return out;
}

}  // namespace reeve
