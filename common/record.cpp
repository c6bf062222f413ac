#include "common/record.h"

#include <algorithm>
#include <array>

#include "common/limits.h"
#include "common/record_encoder.h"
#include "common/text.h"

namespace reeve {

namespace {

// So many items in lists are within the gate's limits whatever else is in the record.
constexpr std::size_t record_items_usual = 256;
static_assert(record_items_usual <= limits::container_elements_max / 2);
static_assert(limits::container_elements_max <= limits::objects_max / 2);

struct StateRow {
  std::string_view name;
  std::string_view meaning;
};
// In the order of their codes.
constexpr std::array<StateRow, rule_states> states = {{
    {"unknown", "not looked at yet, or it could not be looked at"},
    {"holds", "all that it covers is as policy wants it"},
    {"deviating", "something is not as policy wants it"},
    {"held", "what deviates is left so for a while: the host's owner undid its fix"},
    {"paused", "looked at and told of, but not put right for a while"},
    {"waived", "policy excepts this host from it for a while"},
    {"contested", "somebody breaks it again as often as it is put right"},
    {"reverted", "taken back because it cut the host off"},
    {"unsupported", "this host cannot be asked what the rule asks"},
    {"not_applicable", "nothing on this host is what it speaks of"},
    {"needs_approval", "its fix waits for somebody's approval"},
}};

// Shortens every text and name of the tree to text_max bytes, every list to items_max entries.
// Map keys and the number of a map's entries are ours and stay.
void cut(Value& value, std::size_t text_max, std::size_t items_max) {
  if (const std::string* text = value.text()) {
    if (text->size() > text_max) value = Value(shortened(*text, text_max));
  } else if (const Bytes* bytes = value.binary()) {
    // A name of hostile bytes; digests and keys are shorter than any bound that is used here.
    if (bytes->size() > text_max) value = Value(ByteView(*bytes).first(text_max));
  } else if (const Value::Array* items = value.array()) {
    Value::Array kept(items->begin(), items->begin() + static_cast<std::ptrdiff_t>(
                                                           std::min(items->size(), items_max)));
    for (Value& item : kept) cut(item, text_max, items_max);
    value = Value(std::move(kept));
  } else if (const Value::Map* entries = value.map()) {
    Value::Map kept = *entries;
    for (auto& [key, entry] : kept) cut(entry, text_max, items_max);
    value = Value(std::move(kept));
  }
}

bool within_gate(const Value& record, const Bytes& bytes) {
  return bytes.size() <= limits::record_bytes_max && is_decodable(record);
}

// The record's bytes, cut until they fit: what was cut is said by "cut", and the stamps, which are
// its first entries, always stay.
Bytes encode_within_limits(const Value& whole, std::size_t stamps) {
  Bytes bytes = encode(whole);
  if (within_gate(whole, bytes)) return bytes;
  struct Bound {
    std::size_t text_max;
    std::size_t items_max;
  };
  const auto stamps_count = static_cast<std::ptrdiff_t>(stamps);
  for (Bound bound : {Bound{4'096, 1'000}, Bound{1'024, 256}, Bound{256, 64}, Bound{64, 16}}) {
    Value::Map entries = *whole.map();
    for (auto entry = entries.begin() + stamps_count; entry != entries.end(); ++entry)
      cut(entry->second, bound.text_max, bound.items_max);
    entries.emplace_back("cut", true);
    const Value shorter(std::move(entries));
    bytes = encode(shorter);
    if (within_gate(shorter, bytes)) return bytes;
  }
  Value::Map kept(whole.map()->begin(), whole.map()->begin() + stamps_count);
  kept.emplace_back("cut", true);
  return encode(Value(std::move(kept)));
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::whole:
      return "whole";
    case Phase::open:
      return "open";
    case Phase::close:
      return "close";
  }
  assertion_failed("a phase without a name", __FILE__, __LINE__);
}

std::optional<Phase> phase_named(std::string_view name) {
  for (Phase phase : {Phase::whole, Phase::open, Phase::close}) {
    if (name_of(phase) == name) return phase;
  }
  return std::nullopt;
}

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::unknown:
      return "unknown";
    case Confidence::likely:
      return "likely";
    case Confidence::certain:
      return "certain";
  }
  assertion_failed("a confidence without a name", __FILE__, __LINE__);
}

std::optional<Confidence> confidence_named(std::string_view name) {
  for (Confidence confidence : {Confidence::unknown, Confidence::likely, Confidence::certain}) {
    if (name_of(confidence) == name) return confidence;
  }
  return std::nullopt;
}

std::string_view name_of(RuleState state) {
  auto code = static_cast<std::size_t>(state);
  REEVE_ASSERT(code < states.size());
  return states[code].name;
}

std::string_view meaning_of(RuleState state) {
  auto code = static_cast<std::size_t>(state);
  REEVE_ASSERT(code < states.size());
  return states[code].meaning;
}

Bytes encode_record(std::string_view type, Moment sealed, std::optional<Severity> severity,
                    Value::Map fields) {
  Value::Map stamps;
  stamps.reserve(fields.size() + 4);
  stamps.emplace_back("type", type);
  stamps.emplace_back("wall", sealed.wall_ns);
  stamps.emplace_back("mono", sealed.mono_ns);
  if (severity) stamps.emplace_back("sev", name_of(*severity));
  const std::size_t stamps_count = stamps.size();
  stamps.insert(stamps.end(), std::make_move_iterator(fields.begin()),
                std::make_move_iterator(fields.end()));
  return encode_within_limits(Value(std::move(stamps)), stamps_count);
}

RecordEncoder::RecordEncoder(std::string_view type, Moment sealed, std::optional<Severity> severity,
                             std::size_t fields)
    : stamps_(severity ? 4 : 3) {
  out_.map(stamps_ + fields);
  text("type", type);
  field("wall").integer(sealed.wall_ns);
  field("mono").integer(sealed.mono_ns);
  if (severity) text("sev", name_of(*severity));
}

Bytes RecordEncoder::finish(std::size_t listed) {
  Bytes bytes = out_.take();
  const bool fits = bytes.size() <= limits::record_bytes_max && listed <= record_items_usual;
  return fits ? bytes : encode_within_limits(decode_own(bytes), stamps_);
}

Result<Record> decode_record(ByteView bytes) {
  if (bytes.size() > limits::record_bytes_max) {
    return Error{"limit_exceeded", "record: is longer than a record may be"};
  }
  auto value = decode(bytes);
  if (!value) return value.error();
  Fields fields(*value, "record");
  Record record;
  record.type = fields.text("type");
  if (!is_valid_id(record.type)) fields.fail("type", "is not a valid name");
  record.sealed.wall_ns = fields.integer("wall");
  record.sealed.mono_ns = fields.integer("mono");
  if (fields.has("sev")) {
    record.severity = severity_named(fields.text("sev"));
    if (!record.severity) fields.fail("sev", "is no severity");
  }
  REEVE_TRY(fields.finish(UnknownFields::keep));
  record.body = std::move(*value);
  return record;
}

}  // namespace reeve
