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

}  // namespace reeve
