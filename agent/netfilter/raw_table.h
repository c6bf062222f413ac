// What the kernel told of one table, as messages in the channel's buffer, and the normal form of
// it. Nothing here outlives the channel's next question.
#pragma once

#include "agent/netfilter/netlink_channel.h"
#include "agent/netfilter/normal_form.h"

namespace reeve {

struct RawSet {
  Message set;
  std::vector<Message> elements;  // empty where they are not compared
};

struct RawTable {
  Message table;
  std::vector<Message> chains;
  std::vector<Message> rules;  // chain by chain, in each chain's order
  std::vector<RawSet> sets;
  std::vector<Message> objects;
  std::vector<Message> flowtables;
};

bool is_made_up_set(ByteView set);      // an anonymous set
bool is_made_up_chain(ByteView chain);  // a chain that one rule binds
// False where traffic or time fills the set, or `keep` names it.
bool has_compared_elements(ByteView set, std::span<const std::string> keep);

// Of the whole table: chains by hook, priority and name with their rules in order, then sets with
// their elements in order of their keys, objects and flowtables by name.
void write_table(NormalForm& form, MadeUpNames& sets, MadeUpNames& chains, const RawTable& raw,
                 const NetlinkChannel& channel);
// A set with those of its elements that neither time nor traffic made. The ends of intervals that
// do not begin are without effect and left out.
void write_set(NormalForm& form, const RawSet& raw, const NetlinkChannel& channel);
void write_rule(NormalForm& form, ByteView rule);

}  // namespace reeve
