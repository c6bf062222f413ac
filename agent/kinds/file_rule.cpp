#include "agent/kinds/file_rule.h"

#include <fmt/format.h>

#include "agent/kinds/field_values.h"
#include "common/seal.h"

namespace reeve {

namespace {

std::optional<std::string> text_of_field(const Rule& rule, std::string_view field) {
  const Value* value = rule.fields.find(field);
  return value == nullptr ? std::nullopt : value->any_name();
}

bool is_asked(const Rule& rule, std::string_view field) {
  const Value* value = rule.fields.find(field);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

ModeWish mode_wish(const Rule& rule, std::string_view exact, std::string_view at_most) {
  auto bits = [&](std::string_view field) {
    auto text = text_of_field(rule, field);
    return text ? parse_mode(*text) : std::nullopt;
  };
  return ModeWish{bits(exact), bits(at_most)};
}

bool asks_attributes(const FileRule& rule) {
  return rule.owner || rule.group || rule.mode.is_set() || rule.directory_mode.is_set() ||
         rule.acl || rule.default_acl || rule.content;
}

std::optional<ContentWish> content_wish(const Rule& rule) {
  if (auto bytes = text_of_field(rule, "content"))
    return ContentWish{sha256(view_of(*bytes)), std::move(*bytes)};
  auto digest = unhex(text_of_field(rule, "sha256").value_or(""));
  if (!digest || digest->size() != Digest::size()) return std::nullopt;
  return ContentWish{*fixed<32>(*digest), std::nullopt};
}

// A type that goes without saying: only directories have default lists, and only files content.
std::optional<FileType> implied_type(const FileRule& file) {
  if (file.reach != FileReach::path) return std::nullopt;
  if (file.content) return FileType::file;
  return file.default_acl ? std::optional(FileType::directory) : std::nullopt;
}

FileRule read_fields(const Rule& rule) {
  FileRule out;
  constexpr std::pair<std::string_view, FileReach> reaches[] = {
      {"path", FileReach::path}, {"glob", FileReach::glob}, {"tree", FileReach::tree}};
  for (auto [field, reach] : reaches) {
    auto text = text_of_field(rule, field);
    if (!text) continue;
    out.reach = reach;
    out.path = *text;
    if (reach == FileReach::glob) out.pattern.emplace(*text);
  }
  out.owner = text_of_field(rule, "owner");
  out.group = text_of_field(rule, "group");
  out.owner_number = parse_id(out.owner.value_or(""));
  out.group_number = parse_id(out.group.value_or(""));
  out.mode = mode_wish(rule, "mode", "mode_at_most");
  out.directory_mode = mode_wish(rule, "dir_mode", "dir_mode_at_most");
  out.type = file_type_named(text_of_field(rule, "type").value_or(""));
  out.absent = is_asked(rule, "absent");
  out.content = content_wish(rule);
  out.show_content = rule.show_content;
  out.keep_content = rule.keep_content;
  bool is_silent = rule.fields.find("must_exist") == nullptr;
  out.must_exist = is_asked(rule, "must_exist") || (is_silent && out.content && out.content->bytes);
  return out;
}

Status read_lists(const Rule& rule, FileRule& file) {
  auto acl = acl_wish(rule, "acl");
  if (!acl.ok()) return acl.error();
  auto inherited = acl_wish(rule, "default_acl");
  if (!inherited.ok()) return inherited.error();
  file.acl = std::move(*acl);
  file.default_acl = std::move(*inherited);
  return {};
}

// A list sets the nine permission bits, so a mode beside it can only repeat them and add setuid,
// setgid and sticky.
bool contradicts_mode(const FileRule& file) {
  if (!file.acl || file.acl->is_none()) return false;
  std::uint32_t bits = file.acl->mode();
  if (file.mode.exact) return (*file.mode.exact & 0777) != bits;
  return file.mode.at_most && (bits & ~*file.mode.at_most) != 0;
}

Status judge_lists(const Rule& rule, const FileRule& file) {
  if (file.acl && file.reach == FileReach::tree)
    return invalid_rule(rule, "acl", "goes with path and glob: files and directories need others");
  if (file.acl && file.type == FileType::link)
    return invalid_rule(rule, "acl", "does not go with type: link, as links have none");
  if (contradicts_mode(file))
    return invalid_rule(rule, "acl",
                        fmt::format("stands for mode {:04o}, which the rule's mode contradicts "
                                    "(its group bits are the mask's)",
                                    file.acl->mode()));
  bool is_directory = !file.type || *file.type == FileType::directory;
  if (file.default_acl && file.reach != FileReach::tree && !is_directory)
    return invalid_rule(rule, "default_acl", "goes with directories only");
  return {};
}

Status judge_content(const Rule& rule, const FileRule& file) {
  std::string_view field = rule.fields.find("content") != nullptr ? "content" : "sha256";
  if (!file.content) return {};
  if (file.reach != FileReach::path)
    return invalid_rule(rule, field, "goes with path only, not with glob or tree");
  if (file.type != FileType::file) return invalid_rule(rule, field, "goes with type: file only");
  return {};
}

// What the table cannot say: which fields contradict each other.
Status judge(const Rule& rule, const FileRule& file) {
  bool tree = file.reach == FileReach::tree;
  if (file.absent && (file.must_exist || asks_attributes(file)))
    return invalid_rule(rule, "absent", "goes with path, glob and type only");
  if (file.absent && tree)
    return invalid_rule(rule, "absent", "does not go with tree: whole trees are never removed");
  if (file.directory_mode.is_set() && !tree)
    return invalid_rule(rule, "dir_mode", "goes with tree only; elsewhere mode speaks of all");
  if (tree && file.type == FileType::directory)
    return invalid_rule(rule, "type", "speaks of what is not a directory in a tree");
  if (file.type == FileType::link && file.mode.is_set())
    return invalid_rule(rule, "mode", "does not go with type: link, as links have no mode");
  if (!file.absent && !file.must_exist && !file.type && !asks_attributes(file))
    return invalid_rule(rule, "path", "asks nothing: both absent and must_exist are false");
  return {};
}

}  // namespace

bool ModeWish::holds(std::uint32_t mode) const { return applied_to(mode) == mode; }

std::uint32_t ModeWish::applied_to(std::uint32_t mode) const {
  if (exact) return *exact;
  return at_most ? mode & *at_most : mode;
}

std::optional<FileType> file_type_named(std::string_view name) {
  for (FileType type : {FileType::file, FileType::directory, FileType::link, FileType::fifo,
                        FileType::socket, FileType::block, FileType::character})
    if (name_of(type) == name) return type;
  return std::nullopt;
}

Result<FileRule> bind_file_rule(const Rule& rule) {
  FileRule file = read_fields(rule);
  REEVE_TRY(read_lists(rule, file));
  REEVE_TRY(judge(rule, file));
  if (!file.type) file.type = implied_type(file);
  REEVE_TRY(judge_lists(rule, file));
  REEVE_TRY(judge_content(rule, file));
  if (file.reach != FileReach::tree) file.directory_mode = file.mode;
  return file;
}

}  // namespace reeve
