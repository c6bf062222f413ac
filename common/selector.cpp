// Selectors: alternatives, each a map from label to a list of allowed values. Shared by manifests
// and operators' acts.
#include <algorithm>

#include "common/limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

using Alternative = Selector::value_type;

Result<std::vector<std::string>> read_allowed(std::string_view what, const Value& value) {
  if (!value.array()) return malformed(what, "a selector's label has no list of values");
  if (value.array()->empty()) return malformed(what, "a selector's label allows no value");
  if (value.array()->size() > limits::selector_values_max) {
    return over_limit(what, "a selector's label allows too many values");
  }
  std::vector<std::string> allowed;
  for (const Value& item : *value.array()) {
    if (!item.text() || !is_valid_id(*item.text())) {
      return malformed(what, "a selector allows a value that is not valid");
    }
    allowed.push_back(*item.text());
  }
  return allowed;
}

// An alternative without labels would match every node, as no alternative does: it is refused, so
// that a label which was lost on the way cannot widen a selector.
Result<Alternative> read_alternative(std::string_view what, const Value& value) {
  if (!value.map()) return malformed(what, "a selector's alternative is not a map");
  if (value.map()->empty()) return malformed(what, "a selector's alternative names no label");
  if (value.map()->size() > limits::labels_max) return over_limit(what, "too many labels");
  Alternative alternative;
  for (const auto& [label, values] : *value.map()) {
    if (!is_valid_id(label)) return malformed(what, "a selector's label is not valid");
    auto allowed = read_allowed(what, values);
    if (!allowed) return allowed.error();
    alternative[label] = std::move(*allowed);
  }
  return alternative;
}

bool matches(const Alternative& alternative, const Labels& labels) {
  return std::ranges::all_of(alternative, [&](const auto& entry) {
    auto label = labels.find(entry.first);
    return label != labels.end() &&
           std::ranges::find(entry.second, label->second) != entry.second.end();
  });
}

}  // namespace

bool selects(const Selector& selector, const Labels& labels) {
  if (selector.empty()) return true;
  return std::ranges::any_of(selector, [&](const auto& one) { return matches(one, labels); });
}

Value trust_fields::selector_value(const Selector& selector) {
  Value::Array alternatives;
  for (const auto& alternative : selector) {
    Value::Map labels;
    for (const auto& [label, values] : alternative) {
      labels.emplace_back(label, Value::Array(values.begin(), values.end()));
    }
    alternatives.emplace_back(std::move(labels));
  }
  return alternatives;
}

Result<Selector> trust_fields::read_selector(std::string_view what,
                                             const Value::Array& alternatives) {
  if (alternatives.size() > limits::selector_alternatives_max) {
    return over_limit(what, "a selector has too many alternatives");
  }
  Selector selector;
  for (const Value& item : alternatives) {
    auto alternative = read_alternative(what, item);
    if (!alternative) return alternative.error();
    selector.push_back(std::move(*alternative));
  }
  return selector;
}

}  // namespace reeve
