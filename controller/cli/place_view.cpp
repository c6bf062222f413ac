#include "controller/cli/place_view.h"

#include <fmt/format.h>

#include "controller/cli/times.h"
#include "controller/cli/verify.h"
#include "controller/cli/witness_view.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

Result<SeenPlace::Tick> read_tick(const Value& item, std::string_view side) {
  const Value* found = item.find(side);
  if (found == nullptr) return SeenPlace::Tick{};
  Fields fields(*found, "tick");
  SeenPlace::Tick tick;
  tick.leaf = fields.natural("leaf");
  tick.object = fields.binary("tick");
  auto path = read_path(fields, "inclusion");
  if (!path.ok()) return path.error();
  tick.path = *std::move(path);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return tick;
}

// The earliest moment of which it is shown that the record was there.
struct Until {
  std::int64_t wall_ns = 0;
  std::string by;
};

std::optional<Until> until_of(const ProvenTimes& times,
                              const std::optional<ProvenWitnesses>& witnesses) {
  std::optional<Until> until;
  if (times.after)
    until = Until{times.after->wall_ns, fmt::format("tick, leaf {}", times.after->leaf)};
  const std::int64_t seen_ns = witnesses ? witnesses->seen_s() * ns_per_s : 0;
  if (witnesses && (!until || seen_ns < until->wall_ns)) {
    until = Until{seen_ns, fmt::format("cosigned by {} of {}", witnesses->cosigners.size(),
                                       witnesses->set.set.nodes.size())};
  }
  return until;
}

std::string span_text(const ProvenTimes& times, const std::optional<Until>& until) {
  const std::string after =
      times.before ? fmt::format("{} (tick, leaf {})", moment_text(times.before->wall_ns),
                                 times.before->leaf)
                   : "";
  const std::string before =
      until ? fmt::format("{} ({})", moment_text(until->wall_ns), until->by) : "";
  if (times.before && until) return fmt::format("in the ledger between {} and {}", after, before);
  if (times.before)
    return fmt::format(
        "in the ledger after {}; nothing shows yet since when: no tick stands "
        "behind it, and no witness has cosigned it",
        after);
  if (until) return fmt::format("in the ledger before {}; no tick stands before it", before);
  return "nothing shows when it came into the ledger: no tick and no cosignature";
}

}  // namespace

Result<SeenPlace> ask_place(Session& session, std::uint64_t leaf, std::uint64_t size) {
  const auto items = session.controller().request("place", {{"leaf", leaf}, {"size", size}});
  if (!items.ok()) return items.error();
  if (items->size() != 1) return Error{.name = "malformed", .detail = "not one place"};
  Fields fields(items->front(), "place");
  SeenPlace place;
  auto path = read_path(fields, "inclusion");
  if (!path.ok()) return path.error();
  place.path = *std::move(path);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  auto before = read_tick(items->front(), "before");
  if (!before.ok()) return before.error();
  auto after = read_tick(items->front(), "after");
  if (!after.ok()) return after.error();
  place.before = *std::move(before);
  place.after = *std::move(after);
  return place;
}

// A record that is there before its node says that it was made: that node's clock was ahead.
std::string time_text(const ProvenTimes& times, const std::optional<ProvenWitnesses>& witnesses,
                      std::int64_t own_wall_ns) {
  const auto until = until_of(times, witnesses);
  if (own_wall_ns == 0) return span_text(times, until);  // its body is withheld
  const bool is_ahead = until && own_wall_ns > until->wall_ns + ns_per_s;
  return fmt::format("{}; its node says {}{}", span_text(times, until), moment_text(own_wall_ns),
                     is_ahead ? ", which is later: that clock was ahead" : "");
}

void add_times(JsonObject& out, const ProvenTimes& times,
               const std::optional<ProvenWitnesses>& witnesses) {
  const auto until = until_of(times, witnesses);
  add_time(out, "ledger_after", times.before ? times.before->wall_ns : 0);
  add_time(out, "ledger_before", until ? until->wall_ns : 0);
}

}  // namespace reeve::cli
