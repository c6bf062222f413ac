#include "agent/netfilter/ruleset_reader.h"

#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>

#include "agent/netfilter/attributes.h"
#include "agent/netfilter/chain_look.h"
#include "agent/netfilter/netfilter_limits.h"

namespace reeve {
namespace {

using Told = Answer::Told;

// In every message of nf_tables this is the name of the table that it speaks of.
constexpr std::uint16_t table_attribute = NFTA_TABLE_NAME;
static_assert(NFTA_CHAIN_TABLE == table_attribute && NFTA_RULE_TABLE == table_attribute &&
              NFTA_SET_TABLE == table_attribute && NFTA_OBJ_TABLE == table_attribute &&
              NFTA_SET_ELEM_LIST_TABLE == table_attribute &&
              NFTA_FLOWTABLE_TABLE == table_attribute);

Result<std::uint8_t> family_of(const TableId& table) {
  if (const auto number = family_number(table.family)) return *number;
  return Error{"check_failed", fmt::format("there is no family `{}`", table.family)};
}

Question elements_question(std::uint8_t family, const TableId& table, const std::string& set) {
  return {NFT_MSG_GETSETELEM,
          family,
          true,
          {{{NFTA_SET_ELEM_LIST_TABLE, table.name}, {NFTA_SET_ELEM_LIST_SET, set}}}};
}

Error changed_too_often() {
  return {"check_failed", "the packet filter is changed faster than it can be read",
          "find out who changes it: `nft monitor`"};
}

bool has_made_up_chain(const std::vector<Message>& chains, const NetlinkChannel& channel) {
  return std::ranges::any_of(
      chains, [&](const Message& chain) { return is_made_up_chain(channel.view(chain)); });
}

}  // namespace

Result<std::unique_ptr<RulesetReader>> RulesetReader::open() {
  auto channel = NetlinkChannel::open();
  if (!channel.ok()) return channel.error();
  return std::make_unique<RulesetReader>(std::move(*channel));
}

RulesetReader::RulesetReader(std::unique_ptr<NetlinkChannel> channel)
    : channel_(std::move(channel)) {}

template <class Attempt>
Result<RulesetReader::Look> RulesetReader::settled(Attempt attempt) {
  for (int i = 0; i < limits::ruleset_look_tries; ++i) {
    channel_->forget();
    Result<Look> look = attempt();
    if (!look.ok() || look->told != Told::interrupted) return look;
  }
  return changed_too_often();
}

Result<std::optional<Digest>> RulesetReader::table(const TableId& table,
                                                   std::span<const std::string> keep) {
  const auto look = settled([&] { return try_table(table, keep, Elements::compared); });
  if (!look.ok()) return look.error();
  if (look->told == Told::absent) return std::optional<Digest>{};
  MadeUpNames sets;
  MadeUpNames chains;
  NormalForm form(sets, chains);
  write_table(form, sets, chains, look->raw, *channel_);
  return std::optional(sha256(form.bytes()));
}

Result<std::optional<Digest>> RulesetReader::exact(const TableId& table) {
  const auto look = settled([&] { return try_table(table, {}, Elements::all); });
  if (!look.ok()) return look.error();
  if (look->told == Told::absent) return std::optional<Digest>{};
  const RawTable& raw = look->raw;
  Bytes all;
  auto add = [&](const Message& message) {
    append_u32(all, static_cast<std::uint32_t>(message.length));
    append(all, channel_->view(message));
  };
  add(raw.table);
  for (const auto* part : {&raw.chains, &raw.rules, &raw.objects, &raw.flowtables})
    std::ranges::for_each(*part, add);
  for (const RawSet& set : raw.sets) {
    add(set.set);
    std::ranges::for_each(set.elements, add);
  }
  return std::optional(sha256(all));
}

Result<std::optional<std::vector<ChainRule>>> RulesetReader::chain(const TableId& table,
                                                                   const std::string& chain) {
  const auto look = settled([&] { return try_chain(table, chain); });
  if (!look.ok()) return look.error();
  if (look->told == Told::absent) return std::optional<std::vector<ChainRule>>{};
  return std::optional(ChainLook(look->raw, *channel_).rules_of(chain));
}

Result<std::vector<TableId>> RulesetReader::tables() {
  for (int i = 0; i < limits::ruleset_look_tries; ++i) {
    channel_->forget();
    const auto answer = channel_->ask({NFT_MSG_GETTABLE, 0, true, {}});
    if (!answer.ok()) return answer.error();
    if (answer->told == Told::interrupted) continue;
    std::vector<TableId> out;
    for (const Message& message : answer->messages)
      out.push_back({std::string(family_name(message.family)),
                     std::string(text_attribute(channel_->view(message), table_attribute))});
    std::ranges::sort(out);
    return out;
  }
  return changed_too_often();
}

// Kernels differ in which dumps they narrow to one table; what is of another is left out here.
Result<Told> RulesetReader::ask_into(std::vector<Message>& into, const Question& question,
                                     const TableId& table) {
  auto answer = channel_->ask(question);
  if (!answer.ok()) return answer.error();
  for (const Message& message : answer->messages)
    if (message.family == question.family &&
        text_attribute(channel_->view(message), table_attribute) == table.name)
      into.push_back(message);
  return answer->told;
}

Result<RulesetReader::Look> RulesetReader::try_table(const TableId& table,
                                                     std::span<const std::string> keep,
                                                     Elements elements) {
  const auto family = family_of(table);
  if (!family.ok()) return family.error();
  RawTable raw;
  std::vector<Message> head;
  std::vector<Message> sets;
  struct Step {
    std::vector<Message>& into;
    std::uint16_t type;
    bool is_dump;
  };
  const Step steps[] = {
      {head, NFT_MSG_GETTABLE, false},      {sets, NFT_MSG_GETSET, true},
      {raw.chains, NFT_MSG_GETCHAIN, true}, {raw.rules, NFT_MSG_GETRULE, true},
      {raw.objects, NFT_MSG_GETOBJ, true},  {raw.flowtables, NFT_MSG_GETFLOWTABLE, true}};
  for (const Step& step : steps) {
    const auto told =
        ask_into(step.into,
                 {step.type, *family, step.is_dump, {{{table_attribute, table.name}, {}}}}, table);
    if (!told.ok()) return told.error();
    if (*told == Told::complete) continue;
    // A part that is gone while the table was there is a change, too.
    if (&step.into == &head && *told == Told::absent) return Look{Told::absent, {}};
    return Look{Told::interrupted, {}};
  }
  if (head.empty()) return Look{Told::interrupted, {}};
  raw.table = head.front();
  for (const Message& set : sets) raw.sets.push_back({set, {}});
  const auto told = add_elements(raw, table, keep, elements);
  if (!told.ok()) return told.error();
  const auto still = is_generation(raw.table.generation);
  if (!still.ok()) return still.error();
  if (*told != Told::complete || !*still) return Look{Told::interrupted, {}};
  return Look{Told::complete, std::move(raw)};
}

Result<Told> RulesetReader::add_elements(RawTable& raw, const TableId& table,
                                         std::span<const std::string> keep, Elements elements) {
  for (RawSet& set : raw.sets) {
    const ByteView view = channel_->view(set.set);
    if (elements == Elements::compared && !has_compared_elements(view, keep)) continue;
    const std::string name(text_attribute(view, NFTA_SET_NAME));
    const auto told = ask_into(set.elements, elements_question(set.set.family, table, name), table);
    if (!told.ok() || *told != Told::complete) return told;
  }
  return Told::complete;
}

Result<RulesetReader::Look> RulesetReader::try_chain(const TableId& table,
                                                     const std::string& chain) {
  const auto family = family_of(table);
  if (!family.ok()) return family.error();
  std::vector<Message> head;
  const auto found = ask_into(head,
                              {NFT_MSG_GETCHAIN,
                               *family,
                               false,
                               {{{NFTA_CHAIN_TABLE, table.name}, {NFTA_CHAIN_NAME, chain}}}},
                              table);
  if (!found.ok()) return found.error();
  if (*found == Told::absent) return Look{Told::absent, {}};
  RawTable raw;
  std::vector<Message> sets;
  const std::pair<std::vector<Message>*, std::uint16_t> steps[] = {
      {&sets, NFT_MSG_GETSET}, {&raw.chains, NFT_MSG_GETCHAIN}, {&raw.rules, NFT_MSG_GETRULE}};
  for (const auto& [into, type] : steps) {
    // Rules of other chains are of interest only where one may be bound to a rule of this one.
    const bool all = type != NFT_MSG_GETRULE || has_made_up_chain(raw.chains, *channel_);
    const TextAttribute narrow = all ? TextAttribute{} : TextAttribute{NFTA_RULE_CHAIN, chain};
    const auto told =
        ask_into(*into, {type, *family, true, {{{table_attribute, table.name}, narrow}}}, table);
    if (!told.ok()) return told.error();
    if (*told != Told::complete) return Look{Told::interrupted, {}};
  }
  for (const Message& set : sets) raw.sets.push_back({set, {}});
  const auto told = add_used_elements(raw, table, chain);
  if (!told.ok()) return told.error();
  const auto still = is_generation(head.empty() ? 0 : head.front().generation);
  if (!still.ok()) return still.error();
  if (*told != Told::complete || !*still) return Look{Told::interrupted, {}};
  return Look{Told::complete, std::move(raw)};
}

Result<Told> RulesetReader::add_used_elements(RawTable& raw, const TableId& table,
                                              const std::string& chain) {
  const std::vector<std::string> used = ChainLook(raw, *channel_).made_up_sets_of(chain);
  for (RawSet& set : raw.sets) {
    const std::string name(text_attribute(channel_->view(set.set), NFTA_SET_NAME));
    if (std::ranges::find(used, name) == used.end()) continue;
    const auto told = ask_into(set.elements, elements_question(set.set.family, table, name), table);
    if (!told.ok() || *told != Told::complete) return told;
  }
  return Told::complete;
}

// The same at the first message and after the last: nothing was changed in between.
Result<bool> RulesetReader::is_generation(std::uint16_t generation) {
  const auto answer = channel_->ask({NFT_MSG_GETGEN, 0, false, {}});
  if (!answer.ok()) return answer.error();
  return !answer->messages.empty() && answer->messages.front().generation == generation;
}

}  // namespace reeve
