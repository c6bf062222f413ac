#include "agent/identity.h"

#include "common/limits.h"
#include "common/paths.h"
#include "common/transport_key.h"

namespace reeve {
namespace {

Result<Bytes> need(const Disk& disk, std::string_view name) {
  auto bytes = disk.read(name, limits::message_bytes_max);
  if (!bytes.ok()) return bytes.error();
  if (!bytes->has_value())
    return Error{"state_incomplete", std::string(name) + " is missing",
                 "make a state directory: reeve-agent join TOKEN"};
  return std::move(**bytes);
}

Result<KeyFile> load_key(const Disk& disk, std::string_view name, KeyKind kind) {
  auto bytes = need(disk, name);
  if (!bytes.ok()) return bytes.error();
  auto key = decode_key_file(*bytes);
  if (key.ok() && key->kind != kind)
    return Error{"malformed_key", std::string(name) + " holds another kind of key"};
  return key;
}

Result<NodeCertificate> verify_under_kept_root(const Disk& disk, ByteView object) {
  const auto root_object = need(disk, paths::certificate_root);
  if (!root_object.ok()) return root_object.error();
  const auto root = verify_first_root(*root_object);
  if (!root.ok()) return root.error();
  return verify_certificate(object, *root);
}

// Operators come and go: a certificate that held when it was taken goes on holding on this host,
// under the root of that time, which is kept beside it. A later certificate may have been written
// without its root (PolicyStore::write_certificate): while the newest root vouches for it, it is
// kept here; what the disk refuses now is tried again by the next start.
Result<NodeCertificate> verify_own_certificate(Disk& disk, ByteView object, const Root& root,
                                               ByteView root_object) {
  auto certificate = verify_certificate(object, root);
  auto then = verify_under_kept_root(disk, object);
  if (certificate.ok() && !then.ok())
    static_cast<void>(replace_file(disk, paths::certificate_root, root_object));
  return certificate.ok() || !then.ok() ? std::move(certificate) : std::move(then);
}

Result<std::optional<ControllerContact>> load_contact(const Disk& disk) {
  auto bytes = disk.read(paths::controller_contact, limits::message_bytes_max);
  if (!bytes.ok()) return bytes.error();
  if (!bytes->has_value()) return std::optional<ControllerContact>{};
  auto contact = decode_contact(text_of(**bytes));
  if (!contact.ok()) return contact.error();
  return std::optional<ControllerContact>(std::move(*contact));
}

Result<std::optional<TransportStatement>> load_statement(const Disk& disk,
                                                         const NodeCertificate& certificate) {
  auto bytes = disk.read(paths::transport_statement, limits::message_bytes_max);
  if (!bytes.ok()) return bytes.error();
  if (!bytes->has_value()) return std::optional<TransportStatement>{};
  auto statement = read_transport_statement(**bytes);
  if (!statement.ok()) return statement.error();
  if (statement->node != certificate.node)
    return Error{"key_mismatch", "identity/transport is another node's"};
  return std::optional(std::move(*statement));
}

}  // namespace

Result<Identity> load_identity(Disk& disk) {
  auto transport_key = load_key(disk, paths::transport_key, KeyKind::x25519);
  if (!transport_key.ok()) return transport_key.error();
  auto root_object = need(disk, paths::trusted_root);
  if (!root_object.ok()) return root_object.error();
  auto root = verify_first_root(*root_object);
  if (!root.ok()) return root.error();
  auto certificate_object = need(disk, paths::certificate);
  if (!certificate_object.ok()) return certificate_object.error();
  auto certificate = verify_own_certificate(disk, *certificate_object, *root, *root_object);
  if (!certificate.ok()) return certificate.error();
  auto contact = load_contact(disk);
  if (!contact.ok()) return contact.error();
  auto statement = load_statement(disk, *certificate);
  if (!statement.ok()) return statement.error();
  // A rotation may have been cut off between the statement and the key: either is this node's.
  const bool is_certified = certificate->transport_key == transport_key->public_key;
  if (!is_certified && !*statement)
    return Error{"key_mismatch", "the certificate is for another transport key"};
  return Identity{{transport_key->public_key, std::move(transport_key->secret)},
                  std::move(*certificate),
                  std::move(*root),
                  std::move(*root_object),
                  std::move(*contact),
                  *statement ? (*statement)->version : 0};
}

}  // namespace reeve
