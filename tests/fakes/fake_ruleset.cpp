#include "tests/fakes/fake_ruleset.h"

#include <fmt/format.h>

#include <algorithm>

namespace reeve {

namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// The next word; `text` is left with what follows it.
std::string word(std::string_view& text) {
  text = trimmed(text);
  const std::size_t length = std::min(text.find(' '), text.size());
  std::string out(text.substr(0, length));
  text = trimmed(text.substr(length));
  return out;
}

std::vector<std::string_view> lines_in(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    out.push_back(trimmed(text.substr(0, length)));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return out;
}

Error refused(std::string_view line) {
  return Error{"fix_failed", "Error: could not process " + std::string(line)};
}

}  // namespace

void FakeRuleset::load(const std::string& text) {
  const Status done = run(tables_, text);
  REEVE_ASSERT(done.ok());
}

void FakeRuleset::allow_all() {
  refusals_.clear();
  refused_words_.clear();
  listed_as_.reset();
}

Status FakeRuleset::refusal(const std::string& act) const {
  const auto found = refusals_.find(act);
  return found == refusals_.end() ? Status() : found->second;
}

FakeRuleset::Line FakeRuleset::line_of(Tables& tables, std::string_view text) {
  Line line{tables.next_handle++, std::string(trimmed(text)), {}};
  const std::size_t at = line.text.rfind(" comment \"");
  if (at != std::string::npos && line.text.ends_with('"')) {
    line.comment = line.text.substr(at + 10, line.text.size() - at - 11);
    line.text.erase(at);
  }
  return line;
}

// Blocks of a table are two levels deep, and every brace that opens or closes one ends its line.
Status FakeRuleset::run(Tables& tables, const std::string& text) {
  Table* table = nullptr;
  std::vector<Line>* block = nullptr;
  for (const std::string_view line : lines_in(text)) {
    std::string_view rest = line;
    if (line.empty()) continue;
    if (table == nullptr && line.starts_with("table ") && line.ends_with(" {")) {
      word(rest);
      const std::string family = word(rest);
      table = &tables.all[{family, word(rest)}];
    } else if (table == nullptr) {
      REEVE_TRY(run_command(tables, line));
    } else if (block == nullptr && line.ends_with(" {")) {
      block = &(*table)[std::string(trimmed(line.substr(0, line.size() - 1)))];
    } else if (line == "}") {
      if (block == nullptr) table = nullptr;
      block = nullptr;
    } else {
      (block == nullptr ? (*table)[""] : *block).push_back(line_of(tables, line));
    }
  }
  return table == nullptr ? Status() : refused("the end");
}

Status FakeRuleset::run_command(Tables& tables, std::string_view line) {
  std::string_view rest = line;
  std::string act = word(rest);
  if (act != "table") act += " " + word(rest);
  const std::string family = word(rest);
  const TableId id{family, word(rest)};
  if (act == "table") return tables.all.try_emplace(id), Status();
  const auto table = tables.all.find(id);
  if (table == tables.all.end()) return refused(line);
  if (act == "delete table") return tables.all.erase(table), Status();
  const bool is_element = act == "add element";
  const auto block = table->second.find((is_element ? "set " : "chain ") + word(rest));
  if (block == table->second.end()) return refused(line);
  std::vector<Line>& lines = block->second;
  if (is_element) {
    lines.push_back(line_of(tables, "elements = " + std::string(rest)));
  } else if (act == "insert rule") {
    lines.insert(lines.begin(), line_of(tables, rest));
  } else if (act == "add rule") {
    lines.push_back(line_of(tables, rest));
  } else {
    word(rest);
    const auto old = std::find_if(lines.begin(), lines.end(), [&](const Line& one) {
      return act == "delete rule" && std::to_string(one.handle) == rest;
    });
    if (old == lines.end()) return refused(line);
    lines.erase(old);
  }
  return {};
}

Digest FakeRuleset::digest_of(const Table& table, std::span<const std::string> keep) {
  std::string all;
  for (const auto& [name, lines] : table) {
    const bool is_kept = std::any_of(keep.begin(), keep.end(), [&block = name](const auto& set) {
      return block == "set " + set;
    });
    all += name + "\n";
    for (const Line& line : lines)
      if (!is_kept || !line.text.starts_with("elements = "))
        all += line.text + "\n" + line.comment + "\n";
  }
  return sha256(view_of(all));
}

std::vector<ChainRule> FakeRuleset::rules_of(const std::vector<Line>& lines) {
  std::vector<ChainRule> out;
  for (const Line& line : lines)
    if (!line.text.starts_with("type "))
      out.push_back({line.handle, line.comment, sha256(view_of(line.text))});
  return out;
}

std::string FakeRuleset::text_of(const TableId& table) const {
  const auto found = tables_.all.find(table);
  if (found == tables_.all.end()) return {};
  std::string out = fmt::format("table {} {{\n", to_text(table));
  for (const auto& [name, lines] : found->second) {
    out += fmt::format("\t{} {{\n", name);
    for (const Line& line : lines)
      out += line.comment.empty() ? fmt::format("\t\t{}\n", line.text)
                                  : fmt::format("\t\t{} comment \"{}\"\n", line.text, line.comment);
    out += "\t}\n";
  }
  return out + "}\n";
}

Result<std::optional<Digest>> FakeRuleset::table(const TableId& table,
                                                 std::span<const std::string> keep) const {
  ++looks_;
  REEVE_TRY(refusal("table"));
  const auto found = tables_.all.find(table);
  if (found == tables_.all.end()) return std::optional<Digest>();
  return std::optional(digest_of(found->second, keep));
}

Result<std::optional<std::vector<ChainRule>>> FakeRuleset::chain(const TableId& table,
                                                                 const std::string& chain) const {
  ++looks_;
  REEVE_TRY(refusal("chain"));
  const auto found = tables_.all.find(table);
  if (found == tables_.all.end()) return std::optional<std::vector<ChainRule>>();
  const auto block = found->second.find("chain " + chain);
  if (block == found->second.end()) return std::optional<std::vector<ChainRule>>();
  return std::optional(rules_of(block->second));
}

Result<FakeRuleset::Table> FakeRuleset::scratch(const ScratchText& text) const {
  REEVE_TRY(refusal("canonical"));
  Tables tables;
  if (const Status loaded = run(tables, text.text); !loaded.ok())
    return Error{"ruleset_refused", loaded.error().detail};
  if (tables.all.size() != 1 || !tables.all.contains(text.table))
    return Error{"firewall_escape", "it made another table than " + to_text(text.table)};
  return tables.all.at(text.table);
}

Result<Digest> FakeRuleset::canonical_table(const ScratchText& text,
                                            std::span<const std::string> keep) const {
  auto made = scratch(text);
  if (!made.ok()) return made.error();
  return digest_of(*made, keep);
}

Result<std::vector<ChainRule>> FakeRuleset::canonical_chain(const ScratchText& text,
                                                            const std::string& chain) const {
  auto made = scratch(text);
  if (!made.ok()) return made.error();
  return rules_of((*made)["chain " + chain]);
}

Result<std::optional<std::string>> FakeRuleset::listing(const TableId& table) const {
  ++listings_;
  REEVE_TRY(refusal("listing"));
  if (listed_as_) return listed_as_;
  if (!tables_.all.contains(table)) return std::optional<std::string>();
  return std::optional(text_of(table));
}

Status FakeRuleset::apply(const std::string& text) {
  applied_.push_back(text);
  REEVE_TRY(refusal("apply"));
  if (!refused_words_.empty() && text.find(refused_words_) != std::string::npos)
    return refused(refused_words_);
  Tables after = tables_;
  REEVE_TRY(run(after, text));
  tables_ = std::move(after);
  return {};
}

}  // namespace reeve
