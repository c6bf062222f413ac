#include "agent/netfilter/raw_table.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/netfilter/attributes.h"
#include "agent/netfilter/set_elements.h"

namespace reeve {
namespace {

// Tags of the parts, above those of attributes.
enum Part : std::uint16_t {
  part_table = 0x8000,
  part_chain,
  part_rule,
  part_set,
  part_object,
  part_flowtable
};

constexpr std::uint32_t bound_chain_flag = 1u << 2;  // NFT_CHAIN_BINDING, of Linux 5.9

// Base chains of one hook and priority stay in the kernel's order, which is that of their effect.
struct ChainPlace {
  bool is_regular = false;
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
  std::string_view name;
  auto operator<=>(const ChainPlace&) const = default;
};

ChainPlace place_of(ByteView chain) {
  const auto hook = find_attribute(chain, NFTA_CHAIN_HOOK);
  if (!hook) return {true, 0, 0, text_attribute(chain, NFTA_CHAIN_NAME)};
  const auto priority = u32_attribute(*hook, NFTA_HOOK_PRIORITY).value_or(0);
  return {false,
          u32_attribute(*hook, NFTA_HOOK_HOOKNUM).value_or(0),
          static_cast<std::int32_t>(priority),
          {}};
}

class TableWriter {
 public:
  TableWriter(NormalForm& form, MadeUpNames& sets, MadeUpNames& chains, const RawTable& raw,
              const NetlinkChannel& channel)
      : form_(form), set_names_(sets), chain_names_(chains), raw_(raw), channel_(channel) {}

  void write() {
    find_made_up_names();
    find_rules();
    part(part_table, channel_.view(raw_.table), table_schema());
    write_chains();
    write_sets();
    for (const ByteView object : by_name(raw_.objects, NFTA_OBJ_NAME))
      part(part_object, object,
           object_schema(u32_attribute(object, NFTA_OBJ_TYPE).value_or(NFT_OBJECT_UNSPEC)));
    for (const ByteView flowtable : by_name(raw_.flowtables, NFTA_FLOWTABLE_NAME))
      part(part_flowtable, flowtable, flowtable_schema());
  }

 private:
  void part(Part tag, ByteView attributes, Schema schema) {
    form_.begin(tag);
    form_.write(attributes, schema);
    form_.end();
  }

  void find_made_up_names() {
    for (const RawSet& set : raw_.sets) {
      const ByteView view = channel_.view(set.set);
      if (is_made_up_set(view)) set_names_.add(text_attribute(view, NFTA_SET_NAME));
    }
    for (const Message& chain : raw_.chains) {
      const ByteView view = channel_.view(chain);
      if (is_made_up_chain(view)) chain_names_.add(text_attribute(view, NFTA_CHAIN_NAME));
    }
  }

  void find_rules() {
    for (const Message& message : raw_.rules) {
      const ByteView rule = channel_.view(message);
      rules_[text_attribute(rule, NFTA_RULE_CHAIN)].push_back(rule);
    }
  }

  void write_chains() {
    std::map<std::string_view, ByteView> bound;
    std::vector<std::pair<ChainPlace, ByteView>> chains;
    for (const Message& message : raw_.chains) {
      const ByteView chain = channel_.view(message);
      if (is_made_up_chain(chain))
        bound.emplace(text_attribute(chain, NFTA_CHAIN_NAME), chain);
      else
        chains.emplace_back(place_of(chain), chain);
    }
    std::ranges::stable_sort(chains, {}, [](const auto& entry) { return entry.first; });
    for (const auto& [place, chain] : chains) write_chain(chain);
    // Each may bind more while it is written.
    for (std::size_t i = 0; i < chain_names_.in_order().size(); ++i)
      write_chain(bound.at(chain_names_.in_order()[i]));
  }

  void write_chain(ByteView chain) {
    part(part_chain, chain, chain_schema());
    const auto found = rules_.find(text_attribute(chain, NFTA_CHAIN_NAME));
    if (found == rules_.end()) return;
    for (const ByteView rule : found->second) part(part_rule, rule, rule_schema());
  }

  void write_sets() {
    std::map<std::string_view, const RawSet*> named;
    std::map<std::string_view, const RawSet*> made_up;
    for (const RawSet& set : raw_.sets) {
      const ByteView view = channel_.view(set.set);
      (is_made_up_set(view) ? made_up : named).emplace(text_attribute(view, NFTA_SET_NAME), &set);
    }
    for (const auto& [name, set] : named) write_set(form_, *set, channel_);
    for (const std::string_view name : set_names_.in_order())
      write_set(form_, *made_up.at(name), channel_);
  }

  std::vector<ByteView> by_name(const std::vector<Message>& messages, std::uint16_t name) const {
    std::vector<ByteView> out;
    for (const Message& message : messages) out.push_back(channel_.view(message));
    std::ranges::stable_sort(out, {}, [name](ByteView view) { return text_attribute(view, name); });
    return out;
  }

  NormalForm& form_;
  MadeUpNames& set_names_;
  MadeUpNames& chain_names_;
  const RawTable& raw_;
  const NetlinkChannel& channel_;
  std::map<std::string_view, std::vector<ByteView>> rules_;
};

}  // namespace

bool is_made_up_set(ByteView set) {
  return (u32_attribute(set, NFTA_SET_FLAGS).value_or(0) & NFT_SET_ANONYMOUS) != 0;
}

bool is_made_up_chain(ByteView chain) {
  return (u32_attribute(chain, NFTA_CHAIN_FLAGS).value_or(0) & bound_chain_flag) != 0;
}

bool has_compared_elements(ByteView set, std::span<const std::string> keep) {
  if ((u32_attribute(set, NFTA_SET_FLAGS).value_or(0) & NFT_SET_EVAL) != 0) return false;
  return std::ranges::find(keep, text_attribute(set, NFTA_SET_NAME)) == keep.end();
}

void write_table(NormalForm& form, MadeUpNames& sets, MadeUpNames& chains, const RawTable& raw,
                 const NetlinkChannel& channel) {
  TableWriter(form, sets, chains, raw, channel).write();
}

void write_set(NormalForm& form, const RawSet& raw, const NetlinkChannel& channel) {
  const ByteView set = channel.view(raw.set);
  form.begin(part_set);
  form.write(set, set_schema());
  SetElements elements(u32_attribute(set, NFTA_SET_FLAGS).value_or(0));
  for (const Message& message : raw.elements)
    if (const auto list = find_attribute(channel.view(message), NFTA_SET_ELEM_LIST_ELEMENTS))
      elements.add(*list);
  elements.write(form);
  form.end();
}

void write_rule(NormalForm& form, ByteView rule) {
  form.begin(part_rule);
  form.write(rule, rule_meaning_schema());
  form.end();
}

}  // namespace reeve
