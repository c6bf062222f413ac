#include "agent/kinds/file_details.h"

#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "common/text.h"

namespace reeve {

namespace {

bool is_unsupported(const Result<std::optional<Acl>>& found) {
  return !found.ok() && found.error().name == "acl_unsupported";
}

bool wants_none(const std::optional<AclWish>& wish) { return wish && wish->is_none(); }

// Asks only for the list's own existence: a filesystem without lists has none.
Result<std::optional<Acl>> inherited_acl(const FileRule& rule, const Eyes& eyes,
                                         const FileSighting& seen) {
  auto found = eyes.acl(seen.path, AclUse::inheritance);
  if (is_unsupported(found) && wants_none(rule.default_acl)) return std::optional(Acl{});
  return found;
}

// Bytes of another number need no digest to differ; and a digest of what somebody made too large
// to be digested must not keep the right bytes from coming back.
bool differs_by_size(const FileRule& rule, const FileFacts& facts) {
  return rule.content->bytes && rule.content->bytes->size() != facts.size;
}

bool is_unreadable(const Result<std::optional<ContentFacts>>& found) {
  return !found.ok() && found.error().name != "unsafe_path";
}

std::string shown(std::string_view bytes) {
  return fmt::format(": \"{}\"", shortened(printable(bytes), limits::content_shown_bytes_max));
}

}  // namespace

Result<std::optional<Acl>> access_acl(const FileRule& rule, const Eyes& eyes,
                                      const FileSighting& seen) {
  auto found = eyes.acl(seen.path, AclUse::access);
  if (is_unsupported(found) && wants_none(rule.acl))
    return std::optional(acl_of_mode(seen.facts.mode));
  return found;
}

Result<bool> content_differs(const FileRule& rule, const Eyes& eyes, const FileSighting& seen) {
  if (differs_by_size(rule, seen.facts)) return true;
  auto found = eyes.content(seen.path);
  if (is_unreadable(found)) return true;
  if (!found.ok()) return found.error();
  return !*found || (*found)->sha256 != rule.content->sha256;
}

Result<std::optional<FileDetails>> look_closer(const FileWish& wish, const Eyes& eyes,
                                               const FileSighting& seen) {
  const FileRule& rule = wish.rule;
  std::optional<FileDetails> gone;
  FileDetails out;
  if (rule.acl) {
    auto acl = access_acl(rule, eyes, seen);
    if (!acl.ok()) return acl.error();
    if (!*acl) return gone;
    out.acl = std::move(*acl);
  }
  if (rule.asks_default_acl(seen.facts.type)) {
    auto acl = inherited_acl(rule, eyes, seen);
    if (!acl.ok()) return acl.error();
    if (!*acl) return gone;
    out.default_acl = std::move(*acl);
  }
  if (!rule.content) return std::optional(std::move(out));
  bool by_size = differs_by_size(rule, seen.facts);
  if (!by_size || seen.facts.size <= limits::digested_bytes_max) {
    auto content = eyes.content(seen.path);
    if (is_unreadable(content))
      out.unreadable = content.error();
    else if (!content.ok())
      return content.error();
    else if (!*content)
      return gone;
    else
      out.content = *content;
  }
  out.content_differs = !out.content || by_size || out.content->sha256 != rule.content->sha256;
  return std::optional(std::move(out));
}

bool acl_differs(const FileWish& wish, const FileDetails& details) {
  if (!details.acl) return false;
  if (wish.rule.acl->is_none()) return is_extended_acl(*details.acl);
  return wish.acl != details.acl;
}

bool default_acl_differs(const FileWish& wish, const FileDetails& details) {
  if (!details.default_acl) return false;
  if (wish.rule.default_acl->is_none()) return !details.default_acl->empty();
  return wish.default_acl != details.default_acl;
}

FilePermissions wanted_permissions(const FileWish& wish, FileType type, std::uint32_t mode,
                                   const std::optional<Acl>& acl) {
  const FileRule& rule = wish.rule;
  const ModeWish& bits = rule.mode_for(type);
  if (!rule.acl) return {bits.applied_to(mode), std::nullopt};
  std::uint32_t special = bits.applied_to(mode) & 07000;
  if (!rule.acl->is_none()) return {special | mode_of_acl(*wish.acl), wish.acl};
  Acl plain = acl ? acl_without_extension(*acl) : acl_of_mode(mode);
  std::uint32_t wanted = bits.applied_to((mode & 07000) | mode_of_acl(plain));
  return {wanted, acl_of_mode(wanted)};
}

std::string wanted_content_words(const FileRule& rule) {
  const ContentWish& content = *rule.content;
  std::string out = "content sha256 " + hex(content.sha256.view());
  if (!content.bytes) return out;
  out += fmt::format(", {} bytes", content.bytes->size());
  return rule.show_content ? out + shown(*content.bytes) : out;
}

std::string found_content_words(const FileRule& rule, const Eyes& eyes, const FileSighting& seen,
                                const FileDetails& details) {
  const std::string unread = fmt::format("content of {} bytes", seen.facts.size);
  if (details.unreadable) return unread + " that cannot be read: " + details.unreadable->detail;
  if (!details.content) return unread;
  std::string out = fmt::format("content sha256 {}, {} bytes", hex(details.content->sha256.view()),
                                details.content->size);
  if (!rule.show_content || !details.content_differs) return out;
  auto head = eyes.read_head(seen.path, limits::content_shown_bytes_max);
  return head.ok() ? out + shown(text_of(*head)) : out;
}

}  // namespace reeve
