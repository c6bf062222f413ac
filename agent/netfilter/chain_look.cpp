#include "agent/netfilter/chain_look.h"

#include <linux/netfilter/nf_tables.h>

#include "agent/netfilter/attributes.h"

namespace reeve {
namespace {

constexpr std::uint8_t comment_user_data = 0;  // libnftnl's NFTNL_UDATA_RULE_COMMENT

// libnftnl's user data: type, length, bytes.
std::string comment_of(ByteView rule) {
  ByteReader reader(find_attribute(rule, NFTA_RULE_USERDATA).value_or(ByteView{}));
  while (reader.ok() && !reader.at_end()) {
    const std::uint8_t type = reader.u8();
    const std::size_t length = reader.u8();
    const std::string_view text = text_of(reader.take(length));
    if (reader.ok() && type == comment_user_data)
      return std::string(text.substr(0, text.find('\0')));
  }
  return {};
}

}  // namespace

ChainLook::ChainLook(const RawTable& raw, const NetlinkChannel& channel)
    : raw_(raw), channel_(channel), form_(set_names_, chain_names_) {
  for (const RawSet& set : raw_.sets) {
    const ByteView view = channel_.view(set.set);
    if (!is_made_up_set(view)) continue;
    set_names_.add(text_attribute(view, NFTA_SET_NAME));
    sets_.emplace(text_attribute(view, NFTA_SET_NAME), &set);
  }
  for (const Message& chain : raw_.chains) {
    const ByteView view = channel_.view(chain);
    if (is_made_up_chain(view)) chain_names_.add(text_attribute(view, NFTA_CHAIN_NAME));
  }
  for (const Message& message : raw_.rules) {
    const ByteView rule = channel_.view(message);
    rules_[text_attribute(rule, NFTA_RULE_CHAIN)].push_back(rule);
  }
}

std::vector<ChainRule> ChainLook::rules_of(std::string_view chain) {
  std::vector<ChainRule> out;
  for (const ByteView rule : rules_[chain]) {
    write(rule);
    out.push_back({u64_attribute(rule, NFTA_RULE_HANDLE).value_or(0), comment_of(rule),
                   sha256(form_.bytes())});
  }
  return out;
}

std::vector<std::string> ChainLook::made_up_sets_of(std::string_view chain) {
  std::vector<std::string> out;
  for (const ByteView rule : rules_[chain]) {
    write(rule);
    for (const std::string_view name : set_names_.in_order()) out.emplace_back(name);
  }
  return out;
}

void ChainLook::write(ByteView rule) {
  set_names_.forget_order();
  chain_names_.forget_order();
  form_.clear();
  write_rule(form_, rule);
  // Each may bind more while it is written.
  for (std::size_t i = 0; i < chain_names_.in_order().size(); ++i)
    for (const ByteView bound : rules_[chain_names_.in_order()[i]]) write_rule(form_, bound);
  for (const std::string_view name : set_names_.in_order())
    write_set(form_, *sets_.at(name), channel_);
}

}  // namespace reeve
