#include "agent/host_acl.h"

#include <algorithm>

namespace reeve {

namespace {

const AclEntry* entry_of(const Acl& acl, AclTag tag) {
  auto found =
      std::find_if(acl.begin(), acl.end(), [&](const AclEntry& entry) { return entry.tag == tag; });
  return found == acl.end() ? nullptr : &*found;
}

std::uint32_t bits_of(const Acl& acl, AclTag tag) {
  const AclEntry* entry = entry_of(acl, tag);
  return entry == nullptr ? 0 : entry->bits;
}

}  // namespace

bool is_named(const AclEntry& entry) {
  return entry.tag == AclTag::user || entry.tag == AclTag::group;
}

bool is_extended_acl(const Acl& acl) {
  return std::any_of(acl.begin(), acl.end(), [](const AclEntry& entry) {
    return is_named(entry) || entry.tag == AclTag::mask;
  });
}

bool is_valid_acl(const Acl& acl) {
  for (AclTag tag : {AclTag::owner, AclTag::owning_group, AclTag::other})
    if (entry_of(acl, tag) == nullptr) return false;
  if (std::any_of(acl.begin(), acl.end(), is_named) && entry_of(acl, AclTag::mask) == nullptr)
    return false;
  auto out_of_order = [](const AclEntry& one, const AclEntry& next) {
    return one.tag > next.tag || (one.tag == next.tag && (!is_named(one) || one.id >= next.id));
  };
  return std::adjacent_find(acl.begin(), acl.end(), out_of_order) == acl.end();
}

Acl acl_of_mode(std::uint32_t mode) {
  return {{AclTag::owner, 0, mode >> 6 & 7},
          {AclTag::owning_group, 0, mode >> 3 & 7},
          {AclTag::other, 0, mode & 7}};
}

std::uint32_t mode_of_acl(const Acl& acl) {
  const AclEntry* mask = entry_of(acl, AclTag::mask);
  std::uint32_t group = mask == nullptr ? bits_of(acl, AclTag::owning_group) : mask->bits;
  return bits_of(acl, AclTag::owner) << 6 | group << 3 | bits_of(acl, AclTag::other);
}

Acl acl_with_mode(Acl acl, std::uint32_t mode) {
  AclTag group = entry_of(acl, AclTag::mask) == nullptr ? AclTag::owning_group : AclTag::mask;
  for (AclEntry& entry : acl) {
    if (entry.tag == AclTag::owner) entry.bits = mode >> 6 & 7;
    if (entry.tag == group) entry.bits = mode >> 3 & 7;
    if (entry.tag == AclTag::other) entry.bits = mode & 7;
  }
  return acl;
}

Acl acl_without_extension(const Acl& acl) {
  const AclEntry* mask = entry_of(acl, AclTag::mask);
  std::uint32_t group = bits_of(acl, AclTag::owning_group) & (mask == nullptr ? 7 : mask->bits);
  return {{AclTag::owner, 0, bits_of(acl, AclTag::owner)},
          {AclTag::owning_group, 0, group},
          {AclTag::other, 0, bits_of(acl, AclTag::other)}};
}

}  // namespace reeve
