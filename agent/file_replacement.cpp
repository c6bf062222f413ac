#include "agent/file_replacement.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "agent/acl_gate.h"
#include "agent/kind_limits.h"
#include "agent/path_pattern.h"
#include "common/paths.h"
#include "common/seal.h"

namespace reeve {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

Error refused(std::string_view act, const std::string& path) {
  return os_error("fix_failed", act, path, errno);
}

Error object_changed(const std::string& path) {
  return Error{"object_changed", path + ": something else has the name than was looked at"};
}

// Where the file belongs, and the file that is there.
struct Place {
  Fd directory;  // O_PATH
  std::string name;
  std::string path;
  Fd old;  // O_PATH; not open where nothing was
  FileFacts facts;
};

Result<Place> place_of_new(const SafePath& paths, const std::string& path) {
  auto directory = paths.walk(std::string(directory_of(path)), FinalLink::follow);
  if (!directory.ok()) return directory.error();
  if (!*directory) return os_error("fix_failed", "make", path, ENOENT);
  return Place{std::move((*directory)->object), std::string(file_name_of(path)), path, Fd(), {}};
}

Result<Place> place_of(const SafePath& paths, const FileReference& object) {
  if (object.facts.inode == 0) return place_of_new(paths, object.path);
  auto reached = paths.walk(object.path, FinalLink::keep);
  if (!reached.ok()) return reached.error();
  if (!*reached) return object_changed(object.path);
  auto facts = facts_of((*reached)->object.get(), object.path);
  if (!facts.ok()) return facts.error();
  if (!object.is_same_object(*facts) || facts->type != FileType::file)
    return object_changed(object.path);
  if (!may_replace(*facts, (*reached)->around))
    return Error{"unsafe_path",
                 object.path + ": the file has other names, which would keep the old content",
                 "remove the other names, or keep the file in a directory that is root's alone"};
  return Place{std::move((*reached)->directory), std::move((*reached)->name), object.path,
               std::move((*reached)->object), *facts};
}

// Drafts of one name all begin so; the name itself may be as long as a name can be.
std::string draft_prefix(const std::string& name) {
  return fmt::format("{}{}.", paths::replacement_prefix,
                     hex(sha256(view_of(name)).view().first(8)));
}

bool is_draft(std::string_view name, const std::string& prefix) {
  return name.starts_with(prefix) && name.ends_with(paths::temporary_suffix) &&
         name.size() == prefix.size() + 32 + paths::temporary_suffix.size();
}

// What a kill left behind is of use to nobody. One that cannot be removed stands in nobody's way
// and is tried again by the next fix, so errors are not told.
void remove_leftovers(const Place& place) {
  Fd fd(openat(place.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, CloseDirectory> entries(fd.is_open() ? fdopendir(fd.get()) : nullptr);
  if (!entries) return;
  fd.release();  // closedir closes it
  const std::string prefix = draft_prefix(place.name);
  for (std::size_t seen = 0; seen < limits::rule_objects_max; ++seen) {
    const dirent* entry = readdir(entries.get());
    if (entry == nullptr) return;
    if (!is_draft(entry->d_name, prefix)) continue;
    struct stat found {};
    const int directory = place.directory.get();
    bool is_file = fstatat(directory, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISREG(found.st_mode);
    if (is_file) unlinkat(directory, entry->d_name, 0);
  }
}

// The new file under its draft's name, which goes unless it is committed.
class Draft {
 public:
  explicit Draft(const Place& place)
      : place_(place),
        name_(draft_prefix(place.name) + hex(random_bytes<16>().view()) +
              std::string(paths::temporary_suffix)) {}
  Draft(const Draft&) = delete;
  ~Draft() {
    if (fd_.is_open() && !committed_) unlinkat(place_.directory.get(), name_.c_str(), 0);
  }

  // Readable by us alone: also where the directory's default ACL would let others in, since its
  // mask becomes the mode's group bits.
  Status make() {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    fd_ = Fd(openat(place_.directory.get(), name_.c_str(), flags, 0600));
    return fd_.is_open() ? Status() : refused("make a file beside", place_.path);
  }

  Status write_all(std::string_view content) {
    while (!content.empty()) {
      ssize_t done = write(fd_.get(), content.data(), content.size());
      if (done < 0) return refused("write the content of", place_.path);
      content.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
  }

  Status set_owner(std::uint32_t uid, std::uint32_t gid) {
    auto now = facts_of(fd_.get(), place_.path);
    if (!now.ok()) return now.error();
    if (now->uid == uid && now->gid == gid) return {};
    return fchown(fd_.get(), uid, gid) == 0 ? Status() : refused("chown the new", place_.path);
  }

  // A filesystem without lists has none to take off.
  Status set_acl(const Acl& wanted) {
    auto now = read_acl(fd_.get(), AclUse::access, place_.path);
    bool is_without = !now.ok() && now.error().name == "acl_unsupported";
    if (is_without && !is_extended_acl(wanted)) return {};
    if (now.ok() && *now == wanted) return {};
    return write_acl(fd_.get(), AclUse::access, wanted, place_.path);
  }

  Status set_mode(std::uint32_t mode) {
    return fchmod(fd_.get(), mode) == 0 ? Status() : refused("chmod the new", place_.path);
  }

  Status set_attribute(const std::string& name, ByteView value) {
    if (fsetxattr(fd_.get(), name.c_str(), value.data(), value.size(), 0) == 0) return {};
    return refused(fmt::format("keep the attribute {} of", name), place_.path);
  }

  // From here on the name stands for the new file, also after a power cut.
  Status commit() {
    if (fsync(fd_.get()) != 0) return refused("sync the new", place_.path);
    REEVE_TRY(check_names());
    const int directory = place_.directory.get();
    // Over nothing: only while there is nothing still.
    unsigned flags = place_.old.is_open() ? 0 : RENAME_NOREPLACE;
    if (renameat2(directory, name_.c_str(), directory, place_.name.c_str(), flags) != 0)
      return refused("replace", place_.path);
    committed_ = true;
    Fd readable(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    bool synced = readable.is_open() && fsync(readable.get()) == 0;
    return synced ? Status() : refused("sync the directory of", place_.path);
  }

 private:
  // Whoever may write the directory could have moved either name since.
  Status check_names() const {
    auto mine = facts_of(fd_.get(), place_.path);
    if (!mine.ok()) return mine.error();
    bool same = has(name_, mine->device, mine->inode);
    if (place_.old.is_open())
      same = same && has(place_.name, place_.facts.device, place_.facts.inode);
    return same ? Status() : object_changed(place_.path);
  }

  bool has(const std::string& name, std::uint64_t device, std::uint64_t inode) const {
    struct stat found {};
    return fstatat(place_.directory.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           found.st_dev == device && found.st_ino == inode;
  }

  const Place& place_;
  std::string name_;
  Fd fd_;
  bool committed_ = false;
};

// What users keep with a file, and the labels without which a service could not read it. Neither
// capabilities, which the kernel takes from a file at every write, nor hashes of the old content
// (security.ima), nor what belongs to the layers of an overlay (trusted.*).
bool is_users(std::string_view attribute) { return attribute.starts_with("user."); }

bool is_handed_on(std::string_view attribute) {
  return is_users(attribute) || attribute == "security.selinux" || attribute == "security.SMACK64";
}

// Empty where the attribute has gone since it was listed.
Result<std::optional<Bytes>> attribute_of(const Place& place, const std::string& old,
                                          const std::string& name) {
  Bytes value(XATTR_SIZE_MAX);
  ssize_t size = getxattr(old.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0 && errno == ENODATA) return std::optional<Bytes>{};
  if (size < 0) return refused(fmt::format("read the attribute {} of", name), place.path);
  value.resize(static_cast<std::size_t>(size));
  return std::optional(std::move(value));
}

std::vector<std::string> attributes_of(const std::string& names) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < names.size();) {
    std::string name = names.substr(at, names.find('\0', at) - at);
    at += name.size() + 1;
    if (is_handed_on(name)) out.push_back(std::move(name));
  }
  return out;
}

// Labels first: no service could read the file without. What users keep with it goes along as far
// as there is room, since whoever may write the old file could otherwise keep the new one from
// coming.
Status hand_on_attributes(const Place& place, Draft& draft) {
  const std::string old = proc_path(place.old.get());
  std::string names(XATTR_LIST_MAX, '\0');
  ssize_t length = listxattr(old.c_str(), names.data(), names.size());
  if (length < 0 && errno == EOPNOTSUPP) return {};
  if (length < 0) return refused("list the attributes of", place.path);
  names.resize(static_cast<std::size_t>(length));
  auto all = attributes_of(names);
  std::stable_partition(all.begin(), all.end(), [](const auto& name) { return !is_users(name); });
  std::size_t total = 0;
  for (const std::string& name : all) {
    auto value = attribute_of(place, old, name);
    if (!value.ok() && !is_users(name)) return value.error();
    if (!value.ok() || !*value) continue;
    total += name.size() + (*value)->size();
    if (is_users(name) && total > limits::attributes_bytes_max) return {};
    const Status kept = draft.set_attribute(name, **value);
    if (!kept.ok() && !is_users(name)) return kept;
  }
  return {};
}

Result<Acl> acl_for(const Place& place, const NewFile& file) {
  if (file.acl) return acl_with_mode(*file.acl, file.mode);
  if (!place.old.is_open()) return acl_of_mode(file.mode);
  auto old = read_acl(place.old.get(), AclUse::access, place.path);
  if (!old.ok() && old.error().name == "acl_unsupported") return acl_of_mode(file.mode);
  if (!old.ok()) return old.error();
  return acl_with_mode(std::move(*old), file.mode);
}

}  // namespace

// The content first, while nobody else can read it; the owner before attributes, list and mode,
// since a change of owner clears setuid.
Status put_new_file(const SafePath& paths, const FileReference& object, const NewFile& file) {
  auto place = place_of(paths, object);
  if (!place.ok()) return place.error();
  remove_leftovers(*place);
  const bool is_new = !place->old.is_open();
  auto acl = acl_for(*place, file);
  if (!acl.ok()) return acl.error();
  Draft draft(*place);
  REEVE_TRY(draft.make());
  REEVE_TRY(draft.write_all(file.content));
  REEVE_TRY(draft.set_owner(file.uid.value_or(is_new ? geteuid() : place->facts.uid),
                            file.gid.value_or(is_new ? getegid() : place->facts.gid)));
  if (!is_new) REEVE_TRY(hand_on_attributes(*place, draft));
  REEVE_TRY(draft.set_acl(*acl));
  REEVE_TRY(draft.set_mode(file.mode));
  return draft.commit();
}

}  // namespace reeve
