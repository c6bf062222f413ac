#include "controller/cli/adoption.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/json.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

bool is_newcomer(const SeenNode& node, std::int64_t now_wall_ns) {
  if (!node.certificate || node.heartbeat || !node.unproven.empty()) return false;
  return now_wall_ns / 1'000'000'000 - node.certificate->issued_s <= limits::newcomer_age_s;
}

}  // namespace

Adoption::Adoption(std::uint64_t version, const Digest& digest, const std::vector<SeenNode>& before)
    : version_(version), digest_(digest) {
  for (const SeenNode& node : before) {
    if (node.certificate) before_[node.certificate->node] = node.heartbeat_digest;
  }
}

Adoption::Node Adoption::judge(const SeenNode& node, std::int64_t now_wall_ns) const {
  if (!node.unproven.empty()) return {Stand::waiting, "unproven: " + node.unproven};
  if (!node.heartbeat) return {Stand::waiting, "no heartbeat yet"};
  const Heartbeat& heartbeat = *node.heartbeat;
  if (has_wrong_clock(node, now_wall_ns)) return {Stand::waiting, "unproven: its clock is wrong"};
  if (!is_fresh(heartbeat, now_wall_ns)) return {Stand::waiting, "silent"};
  // A newer manifest than ours is another operator's push on top of it.
  const bool ours = heartbeat.manifest_digest == digest_;
  if (ours || heartbeat.manifest_version > version_) return {Stand::adopted, {}};
  const auto before = before_.find(heartbeat.node);
  const bool spoke_since = before == before_.end() || before->second != node.heartbeat_digest;
  if (!heartbeat.refused.empty() && spoke_since) return {Stand::refused, heartbeat.refused};
  return {Stand::waiting, fmt::format("still at version {}", heartbeat.manifest_version)};
}

bool Adoption::look(const std::vector<SeenNode>& nodes, std::int64_t now_wall_ns) {
  std::map<std::pair<std::string, NodeId>, Node> seen;
  newcomers_ = 0;
  for (const SeenNode& node : nodes) {
    const bool fresh = node.heartbeat && is_fresh(*node.heartbeat, now_wall_ns);
    const NodeId id = node.certificate ? node.certificate->node : NodeId{};
    if (node.connected || fresh) {
      seen.insert_or_assign({node.name(), id}, judge(node, now_wall_ns));
    } else if (is_newcomer(node, now_wall_ns)) {
      ++newcomers_;
    }
  }
  const bool changed = seen != nodes_;
  nodes_ = std::move(seen);
  return changed;
}

std::size_t Adoption::count(Stand stand) const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(),
                    [&](const auto& entry) { return entry.second.stand == stand; }));
}

std::string Adoption::progress(std::size_t columns) const {
  std::string out = fmt::format("adopted {} of {}", adopted(), expected());
  if (refused() > 0) out += fmt::format(", refused by {}", refused());
  if (all_decided()) return out;
  out += ", waiting for";
  for (const auto& [key, node] : nodes_) {
    if (node.stand == Stand::waiting) out += " " + printable(key.first);
  }
  return width_of(out) <= columns ? out : fit(out, columns);
}

std::string Adoption::laggards() const {
  std::string out;
  for (const auto& [key, node] : nodes_) {
    if (node.stand == Stand::adopted) continue;
    out += fmt::format("  {}  {}: {}\n", printable(key.first),
                       node.stand == Stand::refused ? "refused" : "late", printable(node.why));
  }
  return out;
}

std::string Adoption::json_members() const {
  JsonObject refusals;
  std::vector<std::string> late;
  for (const auto& [key, node] : nodes_) {
    if (node.stand == Stand::refused) refusals.text(key.first, node.why);
    if (node.stand == Stand::waiting) late.push_back(key.first);
  }
  JsonObject out;
  out.natural("expected", expected()).natural("adopted", adopted());
  out.raw("refused", refusals.object()).texts("late", late);
  const std::string object = out.object();
  return object.substr(1, object.size() - 2);
}

}  // namespace reeve::cli
