// What the commands print: errors, and receipts that were not sealed.
#include <fmt/format.h>

#include <cstdio>

#include "agent/commands/commands.h"
#include "agent/owner_line.h"
#include "common/clock.h"
#include "common/text.h"

namespace reeve {
namespace {

// Members of one JSON object, in the order they are added.
class JsonLine {
 public:
  JsonLine& text(std::string_view key, std::string_view value) {
    return raw(key, json_quote(value));
  }
  JsonLine& raw(std::string_view key, std::string_view value) {
    members_ += fmt::format("{}{}:{}", members_.empty() ? "" : ",", json_quote(key), value);
    return *this;
  }
  JsonLine& moment(const std::string& key, const Moment& moment) {
    if (moment.wall_ns != 0) text(key, utc_text(moment.wall_ns).text);
    return raw(key + "_mono_ns", std::to_string(moment.mono_ns));
  }
  std::string line() const { return "{" + members_ + "}\n"; }

 private:
  std::string members_;
};

}  // namespace

int tell_error(const Error& error) {
  const std::string next =
      error.next.empty() ? "" : fmt::format("\n  next: {}", printable(error.next));
  tell_owner(fmt::format("error {}: {}{}", printable(error.name), printable(error.detail), next));
  return 1;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string receipt_text(const Receipt& receipt) {
  // "audited" is how a receipt says it; a reader of a terminal asks what is wrong.
  const std::string_view what =
      receipt.outcome == outcome::audited ? "deviates" : std::string_view(receipt.outcome);
  std::string out = fmt::format("{:<12} {}  {}\n", printable(what), printable(receipt.rule),
                                printable(receipt.object));
  if (receipt.outcome == outcome::fixed)
    out += fmt::format("{:<12} was {}, is {}\n", "", printable(receipt.found),
                       printable(receipt.left));
  else if (!receipt.desired.empty())
    out += fmt::format("{:<12} found {}, wanted {}\n", "", printable(receipt.found),
                       printable(receipt.desired));
  if (!receipt.reason.empty())
    out += fmt::format("{:<12} {}: {}\n", "", printable(receipt.reason), printable(receipt.detail));
  return out;
}

std::string receipt_json(const Receipt& receipt) {
  JsonLine out;
  out.text("type", "receipt").raw("sealed", "false").text("rule", receipt.rule);
  out.text("title", receipt.title).text("kind", receipt.kind).text("object", receipt.object);
  out.text("severity", name_of(receipt.severity)).text("owner", receipt.owner);
  out.text("mode", name_of(receipt.mode)).text("desired", receipt.desired);
  out.text("found", receipt.found).text("left", receipt.left);
  out.text("outcome", receipt.outcome).text("reason", receipt.reason);
  out.text("detail", receipt.detail).text("policy", receipt.policy.name);
  out.moment("detected", receipt.detected).moment("fixed", receipt.fixed);
  return out.moment("verified", receipt.verified).line();
}

std::string text_at(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  if (value == nullptr) return {};
  if (const std::string* text = value->text()) return *text;
  if (const bool* claim = value->boolean()) return *claim ? "yes" : "no";
  if (const auto number = value->integer()) return std::to_string(*number);
  return {};
}

const Value::Array& items_at(const Value& map, std::string_view key) {
  static const Value::Array none;
  const Value* value = map.find(key);
  return value != nullptr && value->array() != nullptr ? *value->array() : none;
}

std::string json_of(const Value& value) {
  if (const std::string* text = value.text()) return json_quote(*text);
  if (const bool* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  std::string out;
  if (const Value::Array* items = value.array()) {
    for (const Value& item : *items) out += (out.empty() ? "" : ",") + json_of(item);
    return "[" + out + "]";
  }
  if (const Value::Map* entries = value.map()) {
    for (const auto& [key, entry] : *entries)
      out += (out.empty() ? "" : ",") + json_quote(key) + ":" + json_of(entry);
    return "{" + out + "}";
  }
  return "null";
}

std::string until_text(const Value& map) {
  const Value* value = map.find("until");
  const auto until_s = value == nullptr ? std::nullopt : value->integer();
  return until_s ? std::string(utc_text(*until_s * 1'000'000'000).text) : std::string("?");
}

}  // namespace reeve
