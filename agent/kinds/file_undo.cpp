#include "agent/kinds/file_undo.h"

#include "agent/kind_limits.h"
#include "common/limits.h"

namespace reeve {
namespace {

bool is_nothing(const FileReference& reference) { return reference.facts.inode == 0; }

// As much as a rule itself may hold; of more nothing is kept.
std::optional<std::string> content_of(const std::string& path, const Eyes& eyes) {
  const auto bytes = eyes.read_head(path, limits::body_bytes_max + 1);
  if (!bytes.ok() || bytes->size() > limits::body_bytes_max) return std::nullopt;
  return std::string(text_of(*bytes));
}

std::optional<Acl> list_of(const std::string& path, AclUse use, const Eyes& eyes) {
  auto list = eyes.acl(path, use);
  return list.ok() ? std::move(*list) : std::nullopt;
}

Error object_changed() {
  return {"object_changed", "the object is not as the fix left it any more",
          "look at it, and put it back by hand"};
}

Error content_not_kept() {
  return {"content_not_kept", "the fix replaced content, and the rule keeps none",
          "put it back from a backup; `keep_content: true` in policy keeps it the next time"};
}

class FileUndo {
 public:
  FileUndo(const FileRule& rule, const Kept& kept, Hands& hands, const Eyes& eyes)
      : rule_(rule), kept_(kept), was_(kept.was.facts), hands_(hands), eyes_(eyes) {}

  Status run() const {
    // Whoever may write it may have put other content there since.
    if (was_.type == FileType::file && (was_.mode & 06000) != 0)
      return Error{"cannot_undo", "setuid and setgid are not given back to a file",
                   "look at what is in it, and set them by hand"};
    auto found = eyes_.look(kept_.was.path);
    if (!found.ok()) return found.error();
    if (rule_.absent) return *found ? Status(object_changed()) : make_again();
    if (!*found) return object_changed();
    const FileReference now{kept_.was.path, **found};
    if (is_nothing(kept_.was)) return hands_.remove(now);
    if (now.facts.type != was_.type || has_strange_attributes(now.facts)) return object_changed();
    if (kept_.was.is_same_object(now.facts)) return restore_attributes(now);
    if (!rule_.content) return object_changed();
    return restore_content(now);
  }

 private:
  // What the rule does not speak of was not the fix's to change. A change of owner makes the kernel
  // clear setuid and setgid.
  bool has_strange_attributes(const FileFacts& now) const {
    const bool owner = !rule_.owner && now.uid != was_.uid;
    const bool group = !rule_.group && now.gid != was_.gid;
    const bool is_mode_ours = rule_.mode_for(was_.type).is_set() || rule_.acl;
    const std::uint32_t kept_bits = rule_.owner || rule_.group || rule_.content ? 01777 : 07777;
    return owner || group || (!is_mode_ours && ((now.mode ^ was_.mode) & kept_bits) != 0);
  }

  // The owner first: the mode that policy wants is no more than either of them may see.
  Status restore_attributes(const FileReference& now) const {
    if (now.facts.uid != was_.uid || now.facts.gid != was_.gid)
      REEVE_TRY(hands_.set_owner(now, was_.uid, was_.gid));
    if (kept_.replaced.acl) REEVE_TRY(hands_.set_acl(now, AclUse::access, *kept_.replaced.acl));
    if (kept_.replaced.default_acl)
      REEVE_TRY(hands_.set_acl(now, AclUse::inheritance, *kept_.replaced.default_acl));
    const auto after = eyes_.look(now.path);
    if (!after.ok()) return after.error();
    if (!*after || !now.is_same_object(**after)) return object_changed();
    return (*after)->mode == was_.mode ? Status() : hands_.set_mode(now, was_.mode);
  }

  Status restore_content(const FileReference& now) const {
    if (!kept_.replaced.text) return content_not_kept();
    return hands_.put_file(now, old_file());
  }

  Status make_again() const {
    const FileReference nothing{kept_.was.path, {}};
    if (was_.type == FileType::file)
      return kept_.replaced.text ? hands_.put_file(nothing, old_file())
                                 : Status(content_not_kept());
    if (was_.type != FileType::directory)
      return Error{"cannot_undo", "only files and directories that were removed are made again"};
    const auto made = hands_.make_directory(nothing.path);
    return made.ok() ? restore_attributes(*made) : Status(made.error());
  }

  NewFile old_file() const {
    NewFile out;
    out.content = *kept_.replaced.text;
    out.uid = was_.uid;
    out.gid = was_.gid;
    out.mode = was_.mode;
    out.acl = kept_.replaced.acl;
    return out;
  }

  const FileRule& rule_;
  const Kept& kept_;
  const FileFacts& was_;
  Hands& hands_;
  const Eyes& eyes_;
};

}  // namespace

Replaced replaced_file(const FileRule& rule, const Deviation& deviation, const Eyes& eyes) {
  Replaced out;
  out.can_be_undone = true;
  const FileReference& was = deviation.reference;
  if (is_nothing(was)) return out;
  const bool is_lost = rule.absent || rule.content.has_value();
  if (rule.acl || is_lost) out.acl = list_of(was.path, AclUse::access, eyes);
  if (rule.asks_default_acl(was.facts.type) ||
      (rule.absent && was.facts.type == FileType::directory))
    out.default_acl = list_of(was.path, AclUse::inheritance, eyes);
  if (rule.keep_content && is_lost && was.facts.type == FileType::file)
    out.text = content_of(was.path, eyes);
  return out;
}

Status undo_file(const FileRule& rule, const Kept& kept, Hands& hands, const Eyes& eyes) {
  return FileUndo(rule, kept, hands, eyes).run();
}

}  // namespace reeve
