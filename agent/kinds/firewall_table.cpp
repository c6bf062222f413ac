// A table that is ours as a whole: what `table`, `inbound` and `forbid` come to.
#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "agent/kinds/firewall_objects.h"
#include "agent/kinds/nft_listing.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

std::string short_digest(const Digest& digest) { return hex(digest.view()).substr(0, 8); }

// On one line, for a record.
std::string joined_lines(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_space = c == '\n' || c == '\t' || c == ' ';
    if (!is_space) out += c;
    if (is_space && !out.empty() && out.back() != ' ') out += ' ';
  }
  return shortened(out, limits::shown_table_bytes_max);
}

class OwnTableResource final : public Resource {
 public:
  explicit OwnTableResource(OwnTable rule)
      : rule_(std::move(rule)), object_(to_text(rule_.wanted.table)) {}

  std::vector<Watch> watches() const override {
    return {Watch{.path = object_, .subject = WatchSubject::ruleset}};
  }

  bool covers(const std::string& object) const override { return object == object_; }

  // Of every port, but where a rule names those that it speaks of.
  bool speaks_of(const Subject& subject) const override {
    if (!subject.path.empty()) return false;
    return rule_.ports.empty() || any_contains(rule_.ports, subject.port);
  }

  Result<CheckResult> check(const Eyes& eyes, const Scope& scope) const override {
    CheckResult result;
    const RulesetEyes& ruleset = eyes.ruleset();
    result.applicable = ruleset.is_here();
    if (!result.applicable || (scope.object && *scope.object != object_)) return result;
    const auto wanted = ruleset.canonical_table(rule_.wanted, rule_.keep);
    if (!wanted.ok()) return wanted.error();
    const auto found = ruleset.table(rule_.wanted.table, rule_.keep);
    if (!found.ok()) return found.error();
    result.objects = 1;
    if (*found && **found == *wanted) return result;
    Deviation deviation;
    deviation.object = object_;
    deviation.desired = "table as in policy, digest " + short_digest(*wanted);
    deviation.found = words_for(*found, ruleset);
    result.deviations.push_back(std::move(deviation));
    return result;
  }

  Status vet(const Eyes& eyes) const override {
    if (!eyes.ruleset().is_here()) return {};
    const auto wanted = eyes.ruleset().canonical_table(rule_.wanted, rule_.keep);
    return wanted.ok() ? Status() : wanted.error();
  }

  std::optional<std::string> mark() const override {
    return rule_.is_named_after_rule ? std::optional(object_) : std::nullopt;
  }

  Result<bool> is_left(const Eyes& eyes) const override {
    if (!eyes.ruleset().is_here()) return false;
    const auto found = eyes.ruleset().table(rule_.wanted.table, {});
    if (!found.ok()) return found.error();
    return found->has_value();
  }

  Status withdraw(Hands& hands, const Eyes&) const override {
    return hands.ruleset_hands().apply(fmt::format("delete table {}\n", object_));
  }

  // A listing costs more than the rest of a fix: only a rule that keeps content pays for it.
  Replaced replaced_by_fix(const Deviation&, const Eyes& eyes) const override {
    if (!rule_.keep_content) return {};
    auto listing = eyes.ruleset().listing(rule_.wanted.table);
    if (!listing.ok()) return {};
    const bool fits = !*listing || (*listing)->size() <= limits::body_bytes_max;
    return {.can_be_undone = fits, .text = std::move(*listing)};
  }

  // Without a text there was no table.
  Status undo(const Kept& kept, Hands& hands, const Eyes&) const override {
    return hands.ruleset_hands().apply(
        fmt::format("table {0}\ndelete table {0}\n{1}", object_, kept.replaced.text.value_or("")));
  }

  // The first line makes the second one safe where there is no such table.
  Status fix(const Deviation&, Hands& hands, const Eyes& eyes) const override {
    const std::string text =
        fmt::format("table {0}\ndelete table {0}\n{1}", object_, rule_.wanted.text);
    if (rule_.keep.empty()) return hands.ruleset_hands().apply(text);
    return fix_and_keep(text, hands, eyes);
  }

 private:
  // Only a rule that may show content pays for a listing.
  std::string words_for(const std::optional<Digest>& found, const RulesetEyes& ruleset) const {
    if (!found) return "no such table";
    const std::string words = "another table, digest " + short_digest(*found);
    if (!rule_.show_content) return words;
    const auto listing = ruleset.listing(rule_.wanted.table);
    if (!listing.ok() || !*listing) return words;
    return words + ": " + joined_lines(**listing);
  }

  // What the kept sets hold is put back in the same transaction. What is added to them between the
  // listing and the transaction is lost, and what cannot be put back does not keep the table from
  // being put right: the answer then says so.
  Status fix_and_keep(const std::string& text, Hands& hands, const Eyes& eyes) const {
    const auto listing = eyes.ruleset().listing(rule_.wanted.table);
    if (!listing.ok()) return listing.error();
    const std::string listed = listing->value_or("");  // what `elements` point into
    std::string kept;
    std::string lost;
    for (const std::string& set : rule_.keep) {
      const auto elements = listed_elements(listed, set);
      if (elements.state == ListedState::none) continue;
      const bool is_too_much =
          kept.size() + elements.braced.size() > limits::kept_elements_bytes_max;
      if (elements.state == ListedState::doubtful || is_too_much)
        lost += (lost.empty() ? "" : ", ") + set;
      else
        kept += fmt::format("add element {} {} {}\n", object_, set, elements.braced);
    }
    if (Status kept_all = hands.ruleset_hands().apply(text + kept); !kept_all.ok()) {
      if (kept.empty()) return kept_all;
      REEVE_TRY(hands.ruleset_hands().apply(text));
      return Error{"elements_lost", "they could not be put back: " + kept_all.error().detail};
    }
    if (lost.empty()) return {};
    return Error{"elements_lost", "what these sets held could not be put back: " + lost};
  }

  OwnTable rule_;
  std::string object_;
};

}  // namespace

std::unique_ptr<Resource> own_table(OwnTable rule) {
  return std::make_unique<OwnTableResource>(std::move(rule));
}

}  // namespace reeve
