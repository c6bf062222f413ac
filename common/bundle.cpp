// Bundle: "RVBN", u8 version, u32 rule count, then frames of (u32 length, MessagePack): the head
// and each rule; last the SHA-256 of everything before it, in this version and in every later one,
// so that damage is told from a bundle that is only too new.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "common/limits.h"
#include "common/policy.h"
#include "common/text.h"

namespace reeve {

namespace {

constexpr std::string_view bundle_magic = "RVBN";
constexpr std::uint8_t bundle_version = 1;
constexpr std::size_t frame_header_bytes = 4;
constexpr std::size_t bundle_bytes_min =
    bundle_magic.size() + 1 + 4 + frame_header_bytes + Digest::size();

Error malformed_bundle(std::string_view problem) {
  return Error{"malformed_bundle", fmt::format("bundle: {}", problem),
               "compile the policy again; the file may have been cut or changed on its way"};
}

// The gate's and the fields' `malformed` under the bundle's own name; limits and fields keep
// theirs.
Error as_bundle_error(const Error& error, std::size_t frame) {
  std::string where = frame == 0 ? "its head" : fmt::format("rule {}", frame);
  if (error.name == "malformed") {
    return malformed_bundle(fmt::format("{}: {}", where, error.detail));
  }
  return Error{error.name, fmt::format("bundle: {}: {}", where, error.detail), error.next};
}

Value::Array texts_value(const std::vector<std::string>& texts) {
  return Value::Array(texts.begin(), texts.end());
}

Value breaker_value(const Breaker& breaker) {
  return Value::Map{{"first", breaker.fixes_first_minute},
                    {"hour", breaker.fixes_per_hour},
                    {"ceiling", breaker.ceiling_per_second},
                    {"agent", breaker.agent_fixes_per_minute},
                    {"share", breaker.rule_share_percent}};
}

Value rule_value(const Rule& rule) {
  return Value::Map{{"id", rule.id},
                    {"title", rule.title},
                    {"sev", name_of(rule.severity)},
                    {"owner", rule.owner},
                    {"controls", texts_value(rule.controls)},
                    {"mode", name_of(rule.mode)},
                    {"why", rule.rationale},
                    {"breaker", breaker_value(rule.breaker)},
                    {"durable", rule.durable_intent},
                    {"show", rule.show_content},
                    {"keep", rule.keep_content},
                    {"pause", rule.owner_pause_minutes},
                    {"kind", rule.kind},
                    {"fields", rule.fields}};
}

void append_frame(Bytes& out, const Value& value) {
  Bytes frame = encode(value);
  append_u32(out, static_cast<std::uint32_t>(frame.size()));
  append(out, frame);
}

std::uint32_t figure(Fields& fields, std::string_view key, std::uint64_t highest) {
  std::uint64_t number = fields.natural(key);
  if (number > highest) fields.fail(key, fmt::format("is more than {}", highest));
  return static_cast<std::uint32_t>(number);
}

Result<Breaker> read_breaker(const Value& value) {
  constexpr std::uint64_t any = std::numeric_limits<std::uint32_t>::max();
  Fields fields(value, "breaker");
  Breaker breaker{.fixes_first_minute = figure(fields, "first", any),
                  .fixes_per_hour = figure(fields, "hour", any),
                  .ceiling_per_second = figure(fields, "ceiling", any),
                  .agent_fixes_per_minute = figure(fields, "agent", any),
                  .rule_share_percent = figure(fields, "share", 100)};
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  return breaker;
}

std::string id_field(Fields& fields, std::string_view key) {
  std::string id = fields.text(key);
  if (!is_valid_id(id)) fields.fail(key, "is not a valid id");
  return id;
}

std::string words_field(Fields& fields, std::string_view key) {
  std::string words = fields.text(key);
  if (words.size() > limits::text_bytes_max) fields.fail(key, "is too long");
  if (!is_utf8(words)) fields.fail(key, "is not UTF-8");
  return words;
}

template <class Choice>
Choice choice_field(Fields& fields, std::string_view key,
                    std::optional<Choice> (*named)(std::string_view)) {
  auto choice = named(fields.text(key));
  if (!choice) fields.fail(key, "is none of its choices");
  return choice.value_or(Choice{});
}

std::vector<std::string> controls_field(Fields& fields) {
  std::vector<std::string> controls = fields.texts("controls");
  if (controls.size() > limits::rule_controls_max) fields.fail("controls", "has too many entries");
  for (const std::string& control : controls) {
    if (control.size() > limits::name_bytes_max) fields.fail("controls", "has too long an entry");
    if (!is_utf8(control)) fields.fail("controls", "is not UTF-8");
  }
  return controls;
}

Result<Rule> read_rule(ByteView frame) {
  auto value = decode(frame);
  if (!value) return value.error();
  Fields fields(*value, "rule");
  Rule rule;
  rule.id = id_field(fields, "id");
  rule.title = words_field(fields, "title");
  rule.severity = choice_field(fields, "sev", severity_named);
  rule.owner = words_field(fields, "owner");
  rule.controls = controls_field(fields);
  rule.mode = choice_field(fields, "mode", mode_named);
  rule.rationale = words_field(fields, "why");
  auto breaker = read_breaker(fields.value("breaker"));
  rule.durable_intent = fields.boolean("durable");
  rule.show_content = fields.boolean("show");
  rule.keep_content = fields.boolean("keep");
  rule.owner_pause_minutes = figure(fields, "pause", limits::owner_pause_minutes_max);
  rule.kind = id_field(fields, "kind");
  rule.fields = fields.value("fields");
  if (rule.fields.map() == nullptr) fields.fail("fields", "is not a map");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (!breaker) return breaker.error();
  rule.breaker = *breaker;
  return rule;
}

Result<std::string> read_head(ByteView frame) {
  auto value = decode(frame);
  if (!value) return value.error();
  Fields fields(*value, "head");
  std::string policy = id_field(fields, "policy");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  return policy;
}

// Everything between the version and the digest.
Result<Bundle> read_frames(ByteReader reader) {
  std::size_t count = reader.u32();
  if (count > limits::bundle_rules_max) {
    return Error{"limit_exceeded",
                 fmt::format("bundle: more than {} rules", limits::bundle_rules_max)};
  }
  auto policy = read_head(reader.take(reader.u32()));
  if (!policy) return as_bundle_error(policy.error(), 0);
  Bundle bundle{std::move(*policy), {}};
  std::set<std::string> ids;
  for (std::size_t i = 1; i <= count; ++i) {
    auto rule = read_rule(reader.take(reader.u32()));
    if (!rule) return as_bundle_error(rule.error(), i);
    if (!ids.insert(rule->id).second) {
      return Error{"duplicate_rule", fmt::format("bundle: two rules have the id {}", rule->id)};
    }
    bundle.rules.push_back(std::move(*rule));
  }
  if (!reader.ok()) return malformed_bundle("is cut short");
  if (!reader.at_end()) return malformed_bundle("has trailing bytes");
  return bundle;
}

}  // namespace

Bytes encode_bundle(const Bundle& bundle) {
  REEVE_ASSERT(bundle.rules.size() <= std::numeric_limits<std::uint32_t>::max());
  Bytes out = bytes_of(bundle_magic);
  out.push_back(bundle_version);
  append_u32(out, static_cast<std::uint32_t>(bundle.rules.size()));
  append_frame(out, Value::Map{{"policy", bundle.policy}});
  for (const Rule& rule : bundle.rules) append_frame(out, rule_value(rule));
  append(out, sha256(out).view());
  return out;
}

Result<Bundle> decode_bundle(ByteView bytes) {
  if (bytes.size() > limits::bundle_bytes_max) {
    return Error{"limit_exceeded",
                 fmt::format("bundle: more than {} bytes", limits::bundle_bytes_max)};
  }
  if (bytes.size() < bundle_bytes_min) return malformed_bundle("is cut short");
  ByteReader reader(bytes.first(bytes.size() - Digest::size()));
  Digest digest = sha256(reader.rest());
  if (text_of(reader.take(bundle_magic.size())) != bundle_magic) {
    return malformed_bundle("does not begin with RVBN");
  }
  if (!std::ranges::equal(digest.view(), bytes.last(Digest::size()))) {
    return malformed_bundle("its last 32 bytes are not the SHA-256 of the others");
  }
  if (std::uint8_t version = reader.u8(); version != bundle_version) {
    return Error{
        "unsupported_version",
        fmt::format("bundle: is of version {}; this program reads {}", version, bundle_version),
        "update this program, or compile for its version"};
  }
  return read_frames(reader);
}

}  // namespace reeve
