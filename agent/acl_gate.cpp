#include "agent/acl_gate.h"

#include <sys/acl.h>

#include <acl/libacl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "agent/safe_path.h"

namespace reeve {

namespace {

struct FreeAcl {
  void operator()(void* acl) const { acl_free(acl); }
};
using OwnedAcl = std::unique_ptr<__acl_ext, FreeAcl>;

constexpr std::pair<AclTag, acl_tag_t> tags[] = {
    {AclTag::owner, ACL_USER_OBJ}, {AclTag::user, ACL_USER}, {AclTag::owning_group, ACL_GROUP_OBJ},
    {AclTag::group, ACL_GROUP},    {AclTag::mask, ACL_MASK}, {AclTag::other, ACL_OTHER}};

acl_type_t type_of(AclUse use) {
  return use == AclUse::access ? ACL_TYPE_ACCESS : ACL_TYPE_DEFAULT;
}

Error refused(std::string_view name, std::string_view act, const std::string& path, int problem) {
  if (problem == EOPNOTSUPP) return os_error("acl_unsupported", act, path, problem);
  return os_error(name, act, path, problem);
}

// Absent for a tag that this list of tags does not know.
std::optional<AclEntry> entry_from(acl_entry_t raw) {
  acl_tag_t raw_tag{};
  acl_permset_t permissions{};
  if (acl_get_tag_type(raw, &raw_tag) != 0 || acl_get_permset(raw, &permissions) != 0) return {};
  auto known = std::find_if(std::begin(tags), std::end(tags),
                            [&](const auto& pair) { return pair.second == raw_tag; });
  if (known == std::end(tags)) return {};
  AclEntry out;
  out.tag = known->first;
  for (acl_perm_t bit : {ACL_READ, ACL_WRITE, ACL_EXECUTE})
    if (acl_get_perm(permissions, bit) == 1) out.bits |= bit;
  if (is_named(out)) {
    std::unique_ptr<void, FreeAcl> id(acl_get_qualifier(raw));
    if (!id) return {};
    out.id = *static_cast<const id_t*>(id.get());
  }
  return out;
}

bool add_entry(OwnedAcl& acl, const AclEntry& entry) {
  acl_t list = acl.release();
  acl_entry_t raw{};
  // It may move the list to make room, and hands the new place back.
  bool made = acl_create_entry(&list, &raw) == 0;
  acl.reset(list);
  acl_permset_t permissions{};
  if (!made || acl_get_permset(raw, &permissions) != 0) return false;
  auto tag = std::find_if(std::begin(tags), std::end(tags),
                          [&](const auto& pair) { return pair.first == entry.tag; });
  bool done = acl_set_tag_type(raw, tag->second) == 0;
  const id_t id = entry.id;
  if (is_named(entry)) done = done && acl_set_qualifier(raw, &id) == 0;
  acl_clear_perms(permissions);
  for (acl_perm_t bit : {ACL_READ, ACL_WRITE, ACL_EXECUTE})
    if ((entry.bits & bit) != 0) done = done && acl_add_perm(permissions, bit) == 0;
  return done && acl_set_permset(raw, permissions) == 0;
}

}  // namespace

Result<Acl> read_acl(int fd, AclUse use, const std::string& path) {
  OwnedAcl found(acl_get_file(proc_path(fd).c_str(), type_of(use)));
  if (!found) return refused("check_failed", "read the ACL of", path, errno);
  Acl out;
  acl_entry_t raw{};
  for (int which = ACL_FIRST_ENTRY; acl_get_entry(found.get(), which, &raw) == 1;
       which = ACL_NEXT_ENTRY) {
    auto entry = entry_from(raw);
    if (!entry) return os_error("check_failed", "understand the ACL of", path, EINVAL);
    out.push_back(*entry);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Status write_acl(int fd, AclUse use, const Acl& acl, const std::string& path) {
  const std::string name = proc_path(fd);
  if (acl.empty() && use == AclUse::inheritance) {
    if (acl_delete_def_file(name.c_str()) == 0) return {};
    return refused("fix_failed", "remove the default ACL of", path, errno);
  }
  OwnedAcl list(acl_init(static_cast<int>(acl.size())));
  bool built = list != nullptr;
  for (const AclEntry& entry : acl) built = built && add_entry(list, entry);
  if (!built || acl_valid(list.get()) != 0)
    return os_error("fix_failed", "make an ACL for", path, EINVAL);
  if (acl_set_file(name.c_str(), type_of(use), list.get()) == 0) return {};
  return refused("fix_failed", "set the ACL of", path, errno);
}

}  // namespace reeve
