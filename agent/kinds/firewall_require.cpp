// One rule of ours at the head of somebody else's chain. Ours is what bears our comment; nothing
// else there is ever removed or moved.
#include <fmt/format.h>

#include <algorithm>

#include "agent/kinds/firewall_objects.h"

namespace reeve {

namespace {

// Every rule of this kind wants the head: those of other ids may stand before it.
bool is_marked(const ChainRule& rule) { return rule.comment.starts_with("reeve:"); }

class RequiredRuleResource final : public Resource {
 public:
  explicit RequiredRuleResource(RequiredRule rule)
      : rule_(std::move(rule)),
        place_(fmt::format("{} {}", to_text(rule_.wanted.table), rule_.chain)),
        object_(fmt::format("{} {}", place_, rule_.mark)) {}

  std::vector<Watch> watches() const override {
    return {Watch{.path = to_text(rule_.wanted.table), .subject = WatchSubject::ruleset}};
  }

  bool covers(const std::string& object) const override { return object == object_; }

  // What its text says of ports is nft's to know.
  bool speaks_of(const Subject& subject) const override { return subject.path.empty(); }

  Result<CheckResult> check(const Eyes& eyes, const Scope& scope) const override {
    CheckResult result;
    const RulesetEyes& ruleset = eyes.ruleset();
    result.applicable = ruleset.is_here();
    if (!result.applicable || (scope.object && *scope.object != object_)) return result;
    const auto wanted = meaning(ruleset);
    if (!wanted.ok()) return wanted.error();
    const auto there = ruleset.chain(rule_.wanted.table, rule_.chain);
    if (!there.ok()) return there.error();
    result.objects = 1;
    Deviation deviation;
    deviation.object = object_;
    deviation.desired = "at the head: " + rule_.text;
    deviation.found = *there ? fault_in(**there, *wanted) : "no such chain";
    if (!*there) {
      deviation.refusal = "chain_missing";
      deviation.refusal_detail = place_ + " is not ours to make";
    }
    if (!deviation.found.empty()) result.deviations.push_back(std::move(deviation));
    return result;
  }

  Status vet(const Eyes& eyes) const override {
    if (!eyes.ruleset().is_here()) return {};
    const auto wanted = meaning(eyes.ruleset());
    return wanted.ok() ? Status() : wanted.error();
  }

  std::optional<std::string> mark() const override { return object_; }

  Result<bool> is_left(const Eyes& eyes) const override {
    if (!eyes.ruleset().is_here()) return false;
    const auto there = eyes.ruleset().chain(rule_.wanted.table, rule_.chain);
    if (!there.ok()) return there.error();
    return *there && !text_without_ours(**there).empty();
  }

  Status withdraw(Hands& hands, const Eyes& eyes) const override {
    const auto there = eyes.ruleset().chain(rule_.wanted.table, rule_.chain);
    if (!there.ok()) return there.error();
    const std::string text = *there ? text_without_ours(**there) : "";
    return text.empty() ? Status() : hands.ruleset_hands().apply(text);
  }

  Status fix(const Deviation& deviation, Hands& hands, const Eyes& eyes) const override {
    if (!deviation.refusal.empty()) return Error{deviation.refusal, deviation.refusal_detail};
    const auto there = eyes.ruleset().chain(rule_.wanted.table, rule_.chain);
    if (!there.ok()) return there.error();
    if (!*there) return Error{"chain_missing", place_ + " is gone"};
    std::string text = text_without_ours(**there);
    text += fmt::format("insert rule {} {} comment \"{}\"\n", place_, rule_.text, rule_.mark);
    return hands.ruleset_hands().apply(text);
  }

 private:
  // What the rule comes to in this host's kernel.
  Result<Digest> meaning(const RulesetEyes& ruleset) const {
    const auto rules = ruleset.canonical_chain(rule_.wanted, rule_.chain);
    if (!rules.ok()) return rules.error();
    if (rules->size() == 1 && rules->front().comment == rule_.mark) return rules->front().meaning;
    return Error{"firewall_escape", fmt::format("it makes {} rules, not one", rules->size())};
  }

  std::string text_without_ours(const std::vector<ChainRule>& there) const {
    std::string out;
    for (const ChainRule& rule : there)
      if (rule.comment == rule_.mark)
        out += fmt::format("delete rule {} handle {}\n", place_, rule.handle);
    return out;
  }

  // Empty where nothing is wrong.
  std::string fault_in(const std::vector<ChainRule>& there, const Digest& wanted) const {
    const auto is_ours = [&](const ChainRule& rule) { return rule.comment == rule_.mark; };
    const auto ours = std::find_if(there.begin(), there.end(), is_ours);
    const auto how_many = std::count_if(there.begin(), there.end(), is_ours);
    const auto strangers =
        std::count_if(there.begin(), ours, [](const ChainRule& rule) { return !is_marked(rule); });
    if (how_many == 0) return "no such rule";
    if (how_many > 1) return fmt::format("there {} times", how_many);
    if (ours->meaning != wanted) return "a rule with our comment that does something else";
    if (strangers > 0) return fmt::format("behind {} rules of others", strangers);
    return {};
  }

  RequiredRule rule_;
  std::string place_;   // "ip filter INPUT"
  std::string object_;  // "ip filter INPUT reeve:ssh"
};

}  // namespace

std::unique_ptr<Resource> required_rule(RequiredRule rule) {
  return std::make_unique<RequiredRuleResource>(std::move(rule));
}

}  // namespace reeve
