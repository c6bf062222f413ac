#include "controller/cli/session.h"

#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/files.h"

namespace reeve::cli {

Session::Session(Fleet fleet, KnownNodes known, SigningKey key, std::unique_ptr<ZmqClient> link,
                 const Clock& clock)
    : fleet_(std::move(fleet)),
      known_nodes_(std::move(known)),
      key_(std::move(key)),
      link_(std::move(link)),
      clock_(clock),
      client_(
          *link_,
          [this](std::int64_t timeout_ns) {
            link_->wait(timeout_ns, interrupt_.fd());
            return !interrupt_.happened();
          },
          clock_, key_, key_hash(fleet_.contact.key)) {}

Result<std::unique_ptr<Session>> Session::open(const Environment& environment,
                                               const Arguments& arguments) {
  auto fleet = open_fleet(arguments);
  if (!fleet.ok()) return fleet.error();
  auto known = load_known_nodes(fleet->path(paths::fleet_known_nodes));
  if (!known.ok()) return known.error();
  auto key = signing_key(*fleet, paths::fleet_operator_key);
  if (!key.ok()) return key.error();
  const auto secret = transport_secret(*fleet, paths::fleet_operator_transport_key);
  if (!secret.ok()) return secret.error();
  auto link = environment.connect(fleet->contact, transport_public_key(*secret), *secret);
  if (!link.ok()) return link.error();
  return std::make_unique<Session>(*std::move(fleet), *std::move(known), *std::move(key),
                                   *std::move(link), environment.clock);
}

Status Session::keep_known_nodes() {
  known_nodes_are_kept_ = true;
  return write_file(fleet_.path(paths::fleet_known_nodes), encode_known_nodes(known_nodes_));
}

Status Session::take_up_roots() {
  for (std::int64_t taken = 0; taken < limits::session_roots_max;) {
    const auto items = client_.request("roots", {{"after", fleet_.root.version}});
    if (!items.ok()) return items.error();
    if (items->empty()) break;
    for (const Value& item : *items) {
      const Value* object = item.find("root");
      if (object == nullptr || object->binary() == nullptr)
        return Error{.name = "malformed", .detail = "the controller's root is no signed object"};
      REEVE_TRY(take_up_root(fleet_, *object->binary()));
      ++taken;
    }
  }
  return {};
}

}  // namespace reeve::cli
