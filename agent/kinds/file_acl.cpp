#include "agent/kinds/file_acl.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/kind_limits.h"
#include "agent/kinds/field_values.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

constexpr std::string_view none = "none";

std::optional<std::uint32_t> parse_bits(std::string_view text) {
  constexpr std::string_view letters = "rwx";
  if (text.size() != letters.size()) return std::nullopt;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (text[i] != letters[i] && text[i] != '-') return std::nullopt;
    bits = bits << 1 | (text[i] == '-' ? 0u : 1u);
  }
  return bits;
}

std::string words_of_bits(std::uint32_t bits) {
  return {(bits & 4) != 0 ? 'r' : '-', (bits & 2) != 0 ? 'w' : '-', (bits & 1) != 0 ? 'x' : '-'};
}

std::optional<AclTag> parse_tag(std::string_view word, bool named) {
  auto is = [&](std::string_view whole) { return word == whole || word == whole.substr(0, 1); };
  if (is("user")) return named ? AclTag::user : AclTag::owner;
  if (is("group")) return named ? AclTag::group : AclTag::owning_group;
  if (is("mask") && !named) return AclTag::mask;
  if (is("other") && !named) return AclTag::other;
  return std::nullopt;
}

std::string_view word_of(AclTag tag) {
  switch (tag) {
    case AclTag::owner:
    case AclTag::user:
      return "user";
    case AclTag::owning_group:
    case AclTag::group:
      return "group";
    case AclTag::mask:
      return "mask";
    case AclTag::other:
      return "other";
  }
  return "";
}

std::optional<AclEntryWish> parse_entry(std::string_view text) {
  std::size_t first = text.find(':');
  std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
  if (second == text.npos) return std::nullopt;
  AclEntryWish out;
  out.name = text.substr(first + 1, second - first - 1);
  out.number = parse_id(out.name);
  auto tag = parse_tag(text.substr(0, first), !out.name.empty());
  auto bits = parse_bits(text.substr(second + 1));
  if (!tag || !bits || out.name.size() > limits::name_bytes_max) return std::nullopt;
  if (out.name.find_first_of(std::string_view("/\n\0", 3)) != out.name.npos) return std::nullopt;
  out.tag = *tag;
  out.bits = *bits;
  return out;
}

// The texts of a list, or of one text without brackets.
std::vector<std::string> texts_of(const Value& value) {
  if (auto text = value.any_name()) return {*text};
  std::vector<std::string> out;
  if (value.array() != nullptr)
    for (const Value& item : *value.array()) out.push_back(item.any_name().value_or(""));
  return out;
}

// Empty where nothing is wrong. Names are compared as they are written; that two of them mean one
// account only the host can say.
std::string problem_with(const AclWish& wish) {
  auto count = [&](AclTag tag) {
    return std::count_if(wish.entries.begin(), wish.entries.end(),
                         [&](const AclEntryWish& entry) { return entry.tag == tag; });
  };
  for (AclTag tag : {AclTag::owner, AclTag::owning_group, AclTag::other})
    if (count(tag) != 1) return fmt::format("needs exactly one {}:: entry", word_of(tag));
  if (count(AclTag::mask) > 1) return "has two mask:: entries";
  if (count(AclTag::user) + count(AclTag::group) > 0 && count(AclTag::mask) == 0)
    return "needs a mask:: entry beside those of named users and groups";
  for (auto one = wish.entries.begin(); one != wish.entries.end(); ++one)
    for (auto other = one + 1; other != wish.entries.end(); ++other)
      if (one->tag == other->tag && one->name == other->name)
        return fmt::format("has two entries for {} {}", word_of(one->tag), printable(one->name));
  return {};
}

std::string account_of(const AclEntry& entry, const Eyes& eyes) {
  if (entry.tag == AclTag::user) return eyes.user_name(entry.id);
  return entry.tag == AclTag::group ? eyes.group_name(entry.id) : std::string();
}

void add_words(std::string& out, AclTag tag, std::string_view name, std::uint32_t bits) {
  out += fmt::format("{}{}:{}:{}", out.empty() ? "" : ",", word_of(tag), name, words_of_bits(bits));
}

}  // namespace

std::uint32_t AclWish::mode() const {
  Acl acl;
  for (const AclEntryWish& entry : entries) acl.push_back({entry.tag, 0, entry.bits});
  return mode_of_acl(acl);
}

Result<std::optional<AclWish>> acl_wish(const Rule& rule, std::string_view field) {
  const Value* value = rule.fields.find(field);
  if (value == nullptr) return std::optional<AclWish>{};
  AclWish out;
  std::vector<std::string> texts = texts_of(*value);
  if (texts.size() == 1 && texts.front() == none) return std::optional(std::move(out));
  for (const std::string& text : texts) {
    auto entry = parse_entry(text);
    if (!entry)
      return invalid_rule(
          rule, field,
          fmt::format("is neither none nor an entry such as user:backup:r--: \"{}\"",
                      shortened(printable(text), 80)));
    out.entries.push_back(std::move(*entry));
  }
  if (out.entries.size() > limits::field_items_max)
    return invalid_rule(rule, field, "has too many entries");
  if (auto problem = problem_with(out); !problem.empty()) return invalid_rule(rule, field, problem);
  std::stable_sort(out.entries.begin(), out.entries.end(),
                   [](const auto& one, const auto& other) { return one.tag < other.tag; });
  return std::optional(std::move(out));
}

Result<std::optional<Acl>> resolve_acl(const AclWish& wish, const Eyes& eyes) {
  if (wish.is_none()) return std::optional<Acl>{};
  Acl out;
  for (const AclEntryWish& entry : wish.entries) {
    std::optional<std::uint32_t> id = entry.number;
    bool is_user = entry.tag == AclTag::user;
    if (entry.name.empty()) id = 0;
    if (!id) id = is_user ? eyes.user_id(entry.name) : eyes.group_id(entry.name);
    std::string_view what = word_of(entry.tag);
    if (!id)
      return Error{"fix_failed",
                   fmt::format("unknown_{}: this host has no {} {}", what, what, entry.name),
                   fmt::format("make the {} or correct the rule", what)};
    out.push_back({entry.tag, *id, entry.bits});
  }
  std::sort(out.begin(), out.end());
  if (is_valid_acl(out)) return std::optional(std::move(out));
  return Error{"fix_failed", "invalid_acl: two entries of the rule mean one account on this host",
               "correct the rule"};
}

std::string words_of(const AclWish& wish) {
  std::string out;
  for (const AclEntryWish& entry : wish.entries) add_words(out, entry.tag, entry.name, entry.bits);
  return out.empty() ? std::string(none) : shortened(out, limits::acl_words_bytes_max);
}

std::string words_of(const Acl& acl, const Eyes& eyes) {
  std::string out;
  for (const AclEntry& entry : acl) {
    add_words(out, entry.tag, account_of(entry, eyes), entry.bits);
    if (out.size() > limits::acl_words_bytes_max) break;
  }
  return out.empty() ? std::string(none) : shortened(out, limits::acl_words_bytes_max);
}

}  // namespace reeve
