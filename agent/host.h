// The host seam: Eyes look, Hands touch. check() is given Eyes, only fix() is given Hands; a
// program that audits is built without Hands. Files are here, the packet filter and sockets in
// headers of their own. Paths are absolute and as the rule spells them; they
// are resolved component by component under the root (docs/architecture.md section 5), following a
// link only where link and directory are root's and not writable by others. LinuxHost is made only
// in mains.
#pragma once

#include <sys/types.h>

#include "agent/host_acl.h"
#include "common/bytes.h"
#include "common/result.h"

namespace reeve {

enum class FileType : std::uint8_t { file, directory, link, fifo, socket, block, character };
std::string_view name_of(FileType type);

// What lstat says of the object itself, never of what a final link points to.
struct FileFacts {
  FileType type{};
  std::uint32_t mode = 0;  // permission bits with setuid, setgid and sticky: at most 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint64_t size = 0;
  bool operator==(const FileFacts&) const = default;
};

// Who else could have put an object where it is. Asked for apart from the facts, because it costs
// a look at every directory on the way and only links and hard links need it.
struct Surroundings {
  std::uint32_t directory_uid = 0;  // owner of the directory that holds the object
  bool trusted = false;  // every directory from the root on belongs to root (or to us, where we are
                         // not root) and is writable by nobody else, sticky or not
  bool operator==(const Surroundings&) const = default;
};

// True for a file with more than one name: another of its names may lie where it matters more.
bool has_other_names(const FileFacts& facts);
// docs/architecture.md section 5 on hard links. An object with other names may be changed in
// trusted surroundings; elsewhere its mode may be tightened if it belongs to the directory's owner.
bool may_set_owner(const FileFacts& facts, const Surroundings& surroundings);
bool may_set_acl(const FileFacts& facts, const Surroundings& surroundings);
bool may_replace(const FileFacts& facts, const Surroundings& surroundings);
bool may_set_mode(const FileFacts& facts, const Surroundings& surroundings, std::uint32_t mode);

// An object that was looked at, for Hands to refuse when another has taken its name since.
struct FileReference {
  std::string path;
  FileFacts facts;  // as of that look; inode 0 where nothing was there

  bool is_same_object(const FileFacts& other) const {
    return facts.device == other.device && facts.inode == other.inode;
  }
};

// What a regular file holds, without showing it.
struct ContentFacts {
  Digest sha256;
  std::uint64_t size = 0;
  bool operator==(const ContentFacts&) const = default;
};

// A file as a rule wants it, whole: it takes its name with all of this at once.
struct NewFile {
  std::string_view content;
  std::optional<std::uint32_t> uid;  // absent: whose the old one was; root's where there was none
  std::optional<std::uint32_t> gid;
  std::uint32_t mode = 0;
  std::optional<Acl> acl;  // absent: the old one's list with the bits of `mode`, else none
};

class RulesetEyes;
class RulesetHands;
class SocketEyes;
class SocketHands;

class Eyes {
 public:
  virtual ~Eyes() = default;
  virtual const RulesetEyes& ruleset() const = 0;  // host_ruleset.h
  virtual const SocketEyes& sockets() const = 0;   // host_sockets.h
  // Absent when nothing has that name. Errors: `unsafe_path`, `check_failed`.
  virtual Result<std::optional<FileFacts>> look(const std::string& path) const = 0;
  // The same object's path without links: every link on the way, a final one too, is followed
  // where that is safe. Absent when nothing is there. Errors: `unsafe_path`, `check_failed`.
  virtual Result<std::optional<std::string>> resolve(const std::string& path) const = 0;
  // Of the object look() finds; untrusted when nothing is there. Errors: as look().
  virtual Result<Surroundings> surroundings(const std::string& path) const = 0;
  // Names in a directory, sorted, without "." and "..". A missing directory is an empty list.
  // Errors: `unsafe_path`, `check_failed`, `too_many_objects`.
  virtual Result<std::vector<std::string>> list(const std::string& directory) const = 0;
  // The object's own list, or what its mode stands for; links have none. Absent when nothing is
  // there. Errors: `unsafe_path`, `check_failed`, `acl_unsupported` by the filesystem.
  virtual Result<std::optional<Acl>> acl(const std::string& path, AclUse use) const = 0;
  // Of a regular file. Absent when nothing is there. Errors: `unsafe_path`, `check_failed` (also
  // for what is no regular file), `too_large`.
  virtual Result<std::optional<ContentFacts>> content(const std::string& path) const = 0;
  // The first bytes of a regular file, empty when nothing is there. Errors: as content().
  virtual Result<Bytes> read_head(const std::string& path, std::size_t bytes_max) const = 0;
  // From passwd and group under the root, never through NSS (docs/architecture.md section 5).
  virtual std::optional<std::uint32_t> user_id(const std::string& name) const = 0;
  virtual std::optional<std::uint32_t> group_id(const std::string& name) const = 0;
  virtual std::string user_name(std::uint32_t uid) const = 0;  // the number where it has none
  virtual std::string group_name(std::uint32_t gid) const = 0;
};

// Each act reopens the object safely and answers `object_changed` when (device, inode) differ,
// `unsafe_path` when the way there could be redirected, `fix_failed` when the kernel refuses.
class Hands {
 public:
  virtual ~Hands() = default;
  virtual RulesetHands& ruleset_hands() = 0;
  virtual SocketHands& socket_hands() = 0;
  // Nothing has deviated for a while: gives back memory that acts and looks keep for the next ones.
  virtual void rest() = 0;
  // Absent ids stay as they are.
  virtual Status set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                           std::optional<std::uint32_t> gid) = 0;
  virtual Status set_mode(const FileReference& object, std::uint32_t mode) = 0;
  // Exactly this list, and with an access list the nine permission bits, at once. The empty default
  // list removes it. An object with other names only in trusted surroundings. `acl_unsupported`.
  virtual Status set_acl(const FileReference& object, AclUse use, const Acl& acl) = 0;
  // Puts a new regular file in the place of the one that was looked at, or of nothing (inode 0),
  // durably: whoever opens the name finds the old file or the new one, whole. A link is replaced or
  // refused, never written through; other names keep the old file, hence only in trusted
  // surroundings. The labels of SELinux and Smack are handed on, attributes user.* as far as there
  // is room; capabilities are not, as no write leaves them either.
  virtual Status put_file(const FileReference& object, const NewFile& file) = 0;
  // Removes one name of a file or link, or an empty directory: `directory_not_empty`. A file's
  // other names are not touched, so that hard links are no obstacle.
  virtual Status remove(const FileReference& object) = 0;
  // Makes one directory in an existing directory, mode 0700, and gives it back. `fix_failed`.
  virtual Result<FileReference> make_directory(const std::string& path) = 0;
};

}  // namespace reeve
