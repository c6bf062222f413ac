// How nodes look: as one JSON object, as one line of `reeve status` and as a page. Everything that
// came from elsewhere is made printable here.
#pragma once

#include <array>

#include "controller/cli/verify.h"

namespace reeve::cli {

inline constexpr std::array all_node_states{
    NodeState::compliant, NodeState::deviating, NodeState::refused, NodeState::stale,
    NodeState::silent,    NodeState::unproven,  NodeState::paused};

// Whether a node's verified heartbeat names an older manifest than `newest`; without a heartbeat
// nothing is known, and state_of() says so.
bool is_ahead(const SeenNode& node, const std::optional<VerifiedManifest>& newest);  // newer
bool is_behind(const SeenNode& node, const std::optional<VerifiedManifest>& newest);

std::string node_json(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns);

// For 80 columns; names that do not fit are cut, remarks that do not fit go to a line of their own.
std::string node_heading();
std::string node_line(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns);

std::string node_page(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns);

std::string labels_text(const Labels& labels);  // "zone=a role=web"

}  // namespace reeve::cli
