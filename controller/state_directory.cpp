#include "controller/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/disk.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::uint32_t others_bits = 077;

Result<Fd> take_lock(int directory, const std::string& path) {
  const std::string name(paths::controller_lock);
  Fd lock(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.is_open()) return os_error("state_permissions", "open", path + "/" + name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_error("state_permissions", "lock", path, errno);
    return Error{"state_in_use", fmt::format("another controller uses {}", path),
                 "stop it first; two on one ledger would part its history"};
  }
  return lock;
}

// What is secret must be ours alone: a copy made with a careless umask is refused, not repaired.
Status check_private(int directory, std::string_view name, const std::string& path) {
  struct stat facts {};
  const std::string file(name);
  if (::fstatat(directory, file.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid() && (facts.st_mode & others_bits) == 0) {
    return {};
  }
  return Error{
      "state_permissions",
      fmt::format("{}/{} must be a file of this user that nobody else can read", path, name),
      fmt::format("chmod 600 {}/{}", path, name)};
}

Result<Bytes> read_required(const Disk& disk, std::string_view name, std::string_view error,
                            const std::string& path) {
  auto bytes = disk.read(name, limits::message_bytes_max);
  if (!bytes.ok()) return bytes.error();
  if (!*bytes) {
    return Error{std::string(error), fmt::format("{}/{} does not exist", path, name),
                 "reeve init makes it in the fleet's directory controller"};
  }
  return std::move(**bytes);
}

// Where one key comes from: a directory and the name that it has there.
struct KeyPlace {
  const Disk& disk;
  std::string directory;
  std::string name;
};

// The service manager has judged who may read its directory, and made it anew for this start.
std::unique_ptr<SystemDisk> open_credentials(const std::string& path) {
  if (path.empty()) return nullptr;
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.is_open() ? std::make_unique<SystemDisk>(std::move(directory)) : nullptr;
}

Result<KeyFile> read_key(const KeyPlace& place, KeyKind kind) {
  const auto& [disk, directory, name] = place;
  const auto bytes = read_required(disk, name, "key_missing", directory);
  if (!bytes.ok()) return bytes.error();
  auto key = decode_key_file(*bytes);
  if (!key.ok()) {
    return Error{key.error().name, fmt::format("{}/{}: {}", directory, name, key.error().detail)};
  }
  if (key->kind != kind) {
    return Error{"key_mismatch", fmt::format("{}/{} is a key of another kind", directory, name)};
  }
  return key;
}

}  // namespace

std::string StateDirectory::store_path() const {
  return fmt::format("{}/{}", path, paths::controller_store);
}

Result<StateDirectory> open_state_directory(const std::string& path,
                                            const std::string& credentials) {
  const auto disk = SystemDisk::open_directory(path);
  if (!disk.ok()) return disk.error();
  const int directory = (*disk)->directory_fd();
  for (const auto name : {paths::ledger_key, paths::controller_transport_key,
                          paths::controller_root, paths::controller_store}) {
    REEVE_TRY(check_private(directory, name, path));
  }
  auto lock = take_lock(directory, path);
  if (!lock.ok()) return lock.error();
  const auto handed = open_credentials(credentials);
  const auto place_of = [&](std::string_view name) -> KeyPlace {
    std::string credential = std::string(paths::controller_credential_prefix) + std::string(name);
    const auto found =
        handed ? handed->read(credential, limits::message_bytes_max) : std::optional<Bytes>();
    if (found.ok() && !*found) return {**disk, path, std::string(name)};
    return {*handed, credentials, std::move(credential)};
  };
  const auto ledger = read_key(place_of(paths::ledger_key), KeyKind::ed25519);
  if (!ledger.ok()) return ledger.error();
  const auto transport = read_key(place_of(paths::controller_transport_key), KeyKind::x25519);
  if (!transport.ok()) return transport.error();
  auto root = read_required(**disk, paths::controller_root, "root_missing", path);
  if (!root.ok()) return root.error();
  return StateDirectory{path,
                        std::move(*lock),
                        SigningKey::from_seed(ledger->secret.bytes()),
                        {transport->public_key, Secret(transport->secret.bytes())},
                        std::move(*root)};
}

}  // namespace reeve
