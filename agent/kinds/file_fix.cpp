#include "agent/kinds/file_fix.h"

#include "agent/kinds/file_details.h"

namespace reeve {

namespace {

constexpr std::uint32_t new_file_mode = 0600;

class FileFix {
 public:
  FileFix(const FileWish& wish, Hands& hands, const Eyes& eyes)
      : wish_(wish), rule_(wish.rule), hands_(hands), eyes_(eyes) {}

  Status make(const FileReference& nothing) const {
    if (rule_.content) return put(nothing, new_file_mode, std::nullopt);
    auto made = hands_.make_directory(nothing.path);
    if (!made.ok()) return made.error();
    return set_attributes(*made);
  }

  Status correct(const FileReference& object) const {
    if (!rule_.content) return set_attributes(object);
    auto differs = content_differs(rule_, eyes_, sighting(object));
    if (!differs.ok()) return differs.error();
    if (*differs && rule_.content->bytes) return replace(object);
    REEVE_TRY(set_attributes(object));
    return *differs ? Status(content_unknown()) : Status();
  }

 private:
  // Owner, mode and list go with the new content: on the old one they could be what an attacker
  // waits for, and the new one without them could be read by everybody.
  Status replace(const FileReference& object) const {
    auto now = look_again(object);
    if (!now.ok()) return now.error();
    std::uint32_t mode = now->mode;
    // As chown(2) does: these rights were given to run as the owner that was.
    if (wish_.owner_differs(*now) || wish_.group_differs(*now)) mode &= 01777;
    std::optional<Acl> acl;
    if (rule_.acl) {
      auto list = access_acl(rule_, eyes_, sighting({object.path, *now}));
      if (!list.ok()) return list.error();
      acl = std::move(*list);
    }
    return put(object, mode, acl);
  }

  Status put(const FileReference& object, std::uint32_t mode, const std::optional<Acl>& acl) const {
    FilePermissions wanted = wanted_permissions(wish_, FileType::file, mode, acl);
    NewFile file;
    file.content = *rule_.content->bytes;
    file.uid = wish_.uid;
    file.gid = wish_.gid;
    file.mode = wanted.mode;
    file.acl = std::move(wanted.acl);
    return hands_.put_file(object, file);
  }

  // The owner before the mode: a change of owner makes the kernel clear setuid and setgid. Then the
  // list, which brings the nine bits of the mode along in one step; then what the list cannot say.
  Status set_attributes(const FileReference& object) const {
    FileFacts facts = object.facts;
    bool owner = wish_.owner_differs(facts);
    bool group = wish_.group_differs(facts);
    if (owner || group) {
      REEVE_TRY(tighten(object));
      std::optional<std::uint32_t> none;
      REEVE_TRY(hands_.set_owner(object, owner ? wish_.uid : none, group ? wish_.gid : none));
    }
    // Bits are only cleared from a mode that is known to be there now; an exact one needs no look.
    if (owner || group || rule_.acl || rule_.mode_for(facts.type).at_most) {
      auto now = look_again(object);
      if (!now.ok()) return now.error();
      facts = *now;
    }
    std::optional<Acl> acl;
    if (rule_.acl) {
      auto list = access_acl(rule_, eyes_, sighting({object.path, facts}));
      if (!list.ok()) return list.error();
      acl = std::move(*list);
    }
    FilePermissions wanted = wanted_permissions(wish_, facts.type, facts.mode, acl);
    if (wanted.acl && wanted.acl != acl) {
      REEVE_TRY(hands_.set_acl(object, AclUse::access, *wanted.acl));
      facts.mode = (facts.mode & 07000) | mode_of_acl(*wanted.acl);
    }
    if (wanted.mode != facts.mode) REEVE_TRY(hands_.set_mode(object, wanted.mode));
    return set_default_acl(object);
  }

  // Before the owner: what the old one's group may do is not what the new one's shall.
  Status tighten(const FileReference& object) const {
    if (object.facts.type == FileType::link) return {};
    auto now = look_again(object);
    if (!now.ok()) return now.error();
    std::optional<Acl> acl;
    if (rule_.acl) {
      auto list = access_acl(rule_, eyes_, sighting({object.path, *now}));
      if (!list.ok()) return list.error();
      acl = std::move(*list);
    }
    const std::uint32_t wanted = wanted_permissions(wish_, now->type, now->mode, acl).mode;
    const std::uint32_t tight = now->mode & (wanted | 07000);
    return tight == now->mode ? Status() : hands_.set_mode(object, tight);
  }

  Status set_default_acl(const FileReference& object) const {
    if (!rule_.asks_default_acl(object.facts.type)) return {};
    auto now = eyes_.acl(object.path, AclUse::inheritance);
    if (!now.ok()) return now.error();
    Acl wanted = wish_.default_acl.value_or(Acl{});
    if (*now == std::optional(wanted)) return {};
    return hands_.set_acl(object, AclUse::inheritance, wanted);
  }

  Result<FileFacts> look_again(const FileReference& object) const {
    auto facts = eyes_.look(object.path);
    if (!facts.ok()) return facts.error();
    if (*facts && object.is_same_object(**facts)) return **facts;
    return Error{"object_changed", "another object has taken the name since it was looked at"};
  }

  static FileSighting sighting(const FileReference& object) {
    return {object.path, object.path, object.facts};
  }

  const FileWish& wish_;
  const FileRule& rule_;
  Hands& hands_;
  const Eyes& eyes_;
};

}  // namespace

Status fix_file(const FileWish& wish, const Deviation& deviation, Hands& hands, const Eyes& eyes) {
  if (!deviation.refusal.empty()) return Error{deviation.refusal, deviation.refusal_detail};
  if (wish.rule.absent) return hands.remove(deviation.reference);
  // Before anything is touched: half of a fix could open what the other half would have closed.
  REEVE_TRY(wish.accounts_known());
  FileFix fix(wish, hands, eyes);
  if (deviation.reference.facts.inode == 0) return fix.make(deviation.reference);
  return fix.correct(deviation.reference);
}

}  // namespace reeve
