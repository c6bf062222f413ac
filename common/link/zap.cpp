#include "common/link/zap.h"

#include <algorithm>

namespace reeve {
namespace {

// The frames of a request after the delimiter, by their place.
constexpr std::size_t frame_version = 0;
constexpr std::size_t frame_request_id = 1;
constexpr std::size_t frame_domain = 2;
constexpr std::size_t frame_mechanism = 5;
constexpr std::size_t frame_client_key = 6;
constexpr std::size_t curve_frames = 7;

// The key of a peer that may enter; absent for everybody else.
std::optional<TransportKey> admitted_key(const std::vector<std::string>& request,
                                         const std::vector<ZapDomain>& domains) {
  if (request.size() != curve_frames) return std::nullopt;
  if (request[frame_version] != "1.0" || request[frame_mechanism] != "CURVE") return std::nullopt;
  const auto key = fixed<TransportKey::size()>(view_of(request[frame_client_key]));
  if (!key) return std::nullopt;
  const auto domain = std::find_if(domains.begin(), domains.end(), [&](const ZapDomain& candidate) {
    return candidate.name == request[frame_domain];
  });
  if (domain == domains.end() || !domain->admits || !domain->admits(*key)) return std::nullopt;
  return key;
}

}  // namespace

std::vector<std::string> zap_reply(const std::vector<std::string>& request,
                                   const std::vector<ZapDomain>& domains) {
  if (request.size() <= frame_request_id) return {};
  const std::string& id = request[frame_request_id];
  const auto key = admitted_key(request, domains);
  if (!key) return {"1.0", id, "400", "not registered", "", ""};
  return {"1.0", id, "200", "registered", hex(key->view()), ""};
}

}  // namespace reeve
