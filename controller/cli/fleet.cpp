#include "controller/cli/fleet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/limits.h"
#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/files.h"

namespace reeve::cli {
namespace {

std::string former_root_name(std::uint64_t version) {
  return fmt::format("{}-{}", paths::fleet_root, version);
}

Error key_permissions(const std::string& path, const struct stat& seen, mode_t wanted) {
  const bool ours = seen.st_uid == ::geteuid();
  return Error{.name = "key_permissions",
               .detail = ours ? fmt::format("{} has mode {:04o}, not {:04o}: others could reach it",
                                            path, seen.st_mode & 07777, wanted)
                              : fmt::format("{} belongs to user {}, not to you", path, seen.st_uid),
               .next = ours ? fmt::format("chmod {:04o} {}", wanted, path)
                            : std::string("run reeve as the owner of the keys")};
}

Status require_private(int fd, const std::string& path, mode_t wanted) {
  struct stat seen {};
  if (::fstat(fd, &seen) != 0) return os_error("key_missing", "look at", path, errno);
  if (seen.st_uid != ::geteuid() || (seen.st_mode & 07777) != wanted) {
    return key_permissions(path, seen, wanted);
  }
  return {};
}

Error key_missing(const std::string& path, int os_errno) {
  Error error = os_error("key_missing", "open", path, os_errno);
  error.next = "take a fleet directory that holds this key, or --fleet DIR";
  return error;
}

// `directory` is what `name` is relative to: AT_FDCWD, or one that has been judged.
Result<KeyFile> read_key_in(const Fleet& fleet, int directory, const std::string& name,
                            const std::string& path, KeyKind kind) {
  const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) return key_missing(path, errno);
  REEVE_TRY(require_private(file.get(), path, 0600));
  Bytes bytes(limits::key_file_bytes_max);
  const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
  if (count < 0) return os_error("key_missing", "read", path, errno);
  auto decoded =
      fleet.passphrases->open(path, ByteView(bytes).first(static_cast<std::size_t>(count)));
  ::explicit_bzero(bytes.data(), bytes.size());
  if (!decoded.ok()) return decoded.error();
  if (decoded->kind != kind) {
    return Error{.name = "malformed_key", .detail = path + " is a key of another kind"};
  }
  return decoded;
}

// Directory first, then the file through it, so that what was judged is what is read.
Result<KeyFile> read_key(const Fleet& fleet, std::string_view name, KeyKind kind) {
  const std::string directory = fleet.path(paths::fleet_keys);
  const std::string path = fleet.path(name);
  const Fd keys(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!keys.is_open()) return key_missing(directory, errno);
  REEVE_TRY(require_private(keys.get(), directory, 0700));
  return read_key_in(fleet, keys.get(), std::string(name.substr(name.rfind('/') + 1)), path, kind);
}

Error fleet_missing(std::string detail) {
  return Error{.name = "fleet_missing",
               .detail = std::move(detail),
               .next = "reeve init DIR makes one; name it with --fleet DIR or REEVE_FLEET"};
}

}  // namespace

OptionSpec fleet_option() {
  return {"fleet", "DIR", "the fleet directory; else REEVE_FLEET, else ~/.config/reeve"};
}

OptionSpec json_option() { return {"json", "", "one JSON object a line"}; }

Result<std::string> fleet_directory(const Arguments& arguments) {
  if (const auto named = arguments.value("fleet")) return *named;
  if (const char* named = std::getenv("REEVE_FLEET"); named != nullptr && *named != '\0') {
    return std::string(named);
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return fleet_missing("no --fleet, REEVE_FLEET or HOME");
  return std::string(home) + "/.config/reeve";
}

Result<Fleet> open_fleet_offline(const Arguments& arguments) {
  auto directory = fleet_directory(arguments);
  if (!directory.ok()) return directory.error();
  Fleet fleet{.directory = *directory,
              .root_object = {},
              .root = {},
              .contact = {},
              .passphrases = std::make_unique<PassphraseSource>(arguments)};
  auto object = read_file(fleet.path(paths::fleet_root), limits::message_bytes_max);
  if (!object.ok()) return fleet_missing(object.error().detail);
  auto root = verify_first_root(*object);
  if (!root.ok()) return root.error();
  fleet.root_object = *std::move(object);
  fleet.root = *std::move(root);
  return fleet;
}

Result<Fleet> open_fleet(const Arguments& arguments) {
  auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return fleet;
  const auto text = read_file(fleet->path(paths::fleet_contact), limits::message_bytes_max);
  if (!text.ok()) return fleet_missing(text.error().detail);
  auto contact = decode_contact(text_of(*text));
  if (!contact.ok()) return contact.error();
  fleet->contact = *std::move(contact);
  return fleet;
}

Status take_up_root(Fleet& fleet, ByteView object) {
  auto next = verify_next_root(object, fleet.root);
  if (!next.ok()) return next.error();
  REEVE_TRY(write_file(fleet.path(former_root_name(fleet.root.version)), fleet.root_object));
  REEVE_TRY(write_file(fleet.path(paths::fleet_root), object));
  fleet.root = *std::move(next);
  fleet.root_object.assign(object.begin(), object.end());
  return {};
}

Result<SigningKey> signing_key(const Fleet& fleet, std::string_view name) {
  const auto key = read_key(fleet, name, KeyKind::ed25519);
  if (!key.ok()) return key.error();
  return SigningKey::from_seed(key->secret.bytes());
}

Result<SigningKey> signing_key_at(const Fleet& fleet, const std::string& path) {
  const auto key = read_key_in(fleet, AT_FDCWD, path, path, KeyKind::ed25519);
  if (!key.ok()) return key.error();
  return SigningKey::from_seed(key->secret.bytes());
}

Result<Secret> transport_secret(const Fleet& fleet, std::string_view name) {
  auto key = read_key(fleet, name, KeyKind::x25519);
  if (!key.ok()) return key.error();
  return std::move(key->secret);
}

std::vector<Root> former_roots(const Fleet& fleet) {
  std::vector<Root> roots;
  for (std::uint64_t version = fleet.root.version - 1; version > 0; --version) {
    const auto bytes = read_file(fleet.path(former_root_name(version)), limits::message_bytes_max);
    if (!bytes.ok()) break;
    auto root = verify_first_root(*bytes);
    if (!root.ok() || root->fleet != fleet.root.fleet) break;
    roots.push_back(*std::move(root));
  }
  return roots;
}

Result<VerifiedManifest> verify_known_manifest(ByteView object, const Fleet& fleet) {
  auto manifest = verify_stored_manifest(object, fleet.root);
  if (manifest.ok() || manifest.error().name != "too_few_signatures") return manifest;
  for (const Root& root : former_roots(fleet)) {
    auto under = verify_stored_manifest(object, root);
    if (under.ok()) return under;
  }
  return manifest;
}

Result<std::optional<VerifiedManifest>> newest_manifest(const Fleet& fleet) {
  const auto object = read_file(fleet.path(paths::fleet_manifest), limits::message_bytes_max);
  if (!object.ok() && object.error().name == "file_missing")
    return std::optional<VerifiedManifest>{};
  if (!object.ok()) return object.error();
  auto manifest = verify_known_manifest(*object, fleet);
  if (!manifest.ok()) return manifest.error();
  return std::optional(*std::move(manifest));
}

Status keep_newest_manifest(const Fleet& fleet, ByteView object) {
  return write_file(fleet.path(paths::fleet_manifest), object);
}

}  // namespace reeve::cli
