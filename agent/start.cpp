#include "agent/start.h"

#include <algorithm>

#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

// An epoch is durable in the urgent stream before it is in the other (Recorder::commit), so where
// the two differ the urgent one is newer.
std::optional<Epoch> previous_epoch(const Before& before) {
  if (before.urgent.end) return before.urgent.end->epoch;
  if (before.routine.end) return before.routine.end->epoch;
  return std::nullopt;
}

void open_stream(Recorder& recorder, Stream stream, const std::optional<Epoch>& previous,
                 const std::optional<ChainEnd>& end, const std::string& last_version) {
  Value::Map fields{{"agent", REEVE_VERSION}};
  if (!last_version.empty() && last_version != REEVE_VERSION)
    fields.emplace_back("upgraded_from", last_version);
  if (previous) fields.emplace_back("previous", *previous);
  if (previous && end && end->epoch == *previous) {
    fields.emplace_back("last", end->last);
    fields.emplace_back("header", end->header);
  }
  recorder.open_stream(stream, std::move(fields));
}

void record_unclean_stop(Recorder& recorder, const Before& before, const Epoch& previous,
                         std::int64_t now_wall_ns) {
  Value::Map fields{{"epoch", previous}};
  // Of either stream nothing is known after its own last durable record, so the earlier one bounds
  // what is unknown of both.
  std::int64_t since = INT64_MAX;
  for (const auto& [key, half] :
       {std::pair{"urgent_last", &before.urgent}, std::pair{"routine_last", &before.routine}}) {
    if (!half->end) continue;
    since = std::min(since, half->end->wall_ns);
    if (half->end->epoch == previous) fields.emplace_back(key, half->end->last);
  }
  fields.emplace_back("since", since);
  fields.emplace_back("until", now_wall_ns);
  fields.emplace_back("torn_bytes", before.urgent.torn_bytes + before.routine.torn_bytes);
  fields.emplace_back("wait_status", std::int64_t{before.last_wait_status});
  fields.emplace_back("stuck", before.was_stuck);
  recorder.add("unclean_stop", std::nullopt, std::move(fields));
}

void record_damage(Recorder& recorder, Stream stream, const Recovered& half) {
  for (const JournalDamage& damage : half.damage)
    recorder.add("journal_damaged", std::nullopt,
                 {{"stream", name_of(stream)},
                  {"segment", std::uint64_t{damage.segment}},
                  {"offset", damage.offset},
                  {"bytes", damage.bytes}});
}

}  // namespace

std::string last_agent_version(const Disk& disk) {
  const auto bytes = disk.read(paths::journal_agent, limits::name_bytes_max);
  if (!bytes.ok() || !bytes->has_value()) return {};
  const std::string version(text_of(**bytes));
  return is_valid_id(version) ? version : std::string();
}

// Losing it loses the word `upgraded_from`; the versions themselves are in each epoch's start.
void keep_agent_version(Disk& disk) {
  if (last_agent_version(disk) == REEVE_VERSION) return;
  static_cast<void>(replace_file(disk, paths::journal_agent, bytes_of(REEVE_VERSION)));
}

Beginning begin_from(const Before& before) {
  Beginning out;
  std::vector<Receipt> interrupted;
  for (const Recovered* half : {&before.urgent, &before.routine}) {
    for (const Receipt& receipt : half->open)
      static_cast<void>(out.incidents.open(Incident{receipt}));
    interrupted.insert(interrupted.end(), half->interrupted.begin(), half->interrupted.end());
  }
  // The newest fix of an object is the one whose outcome a look can still tell.
  std::ranges::stable_sort(interrupted, std::ranges::greater{},
                           [](const Receipt& receipt) { return receipt.detected.wall_ns; });
  for (Receipt& receipt : interrupted) {
    receipt.interrupted = true;
    const auto* known = out.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
    if (known == nullptr) {
      Incident incident{std::move(receipt)};
      incident.is_recorded = false;
      static_cast<void>(out.incidents.open(std::move(incident)));
    } else if (known->receipt.incident != receipt.incident) {
      out.untold.push_back(std::move(receipt));
    }
    // Else it is a fix of an incident that stays open, which is tried again and again without a
    // record of each try.
  }
  return out;
}

RecordKeys::Ended ended_before(const Before& before, const std::optional<Epoch>& key_epoch) {
  RecordKeys::Ended ended{};
  const auto epoch = key_epoch ? key_epoch : previous_epoch(before);
  if (!epoch) return ended;
  ended.epoch = *epoch;
  for (auto [end, half] :
       {std::pair{&ended.ends[0], &before.urgent}, std::pair{&ended.ends[1], &before.routine}})
    if (half->end && half->end->epoch == *epoch) *end = {half->end->last + 1, half->end->header};
  return ended;
}

void record_start(Recorder& recorder, const Before& before, std::vector<Receipt> untold,
                  std::int64_t now_wall_ns) {
  const auto previous = previous_epoch(before);
  open_stream(recorder, Stream::urgent, previous, before.urgent.end, before.agent_version);
  open_stream(recorder, Stream::routine, previous, before.routine.end, before.agent_version);
  // A life whose every write was refused leaves a clean stop before it, and only the launcher
  // knows.
  const bool was_clean =
      before.urgent.end && before.urgent.end->type == "agent_stop" && before.last_wait_status == 0;
  if (previous && !was_clean) record_unclean_stop(recorder, before, *previous, now_wall_ns);
  record_damage(recorder, Stream::urgent, before.urgent);
  record_damage(recorder, Stream::routine, before.routine);
  for (Receipt& receipt : untold) {
    receipt.outcome = outcome::check_failed;
    receipt.reason = "interrupted";
    receipt.detail = "the object deviated again before anybody could say what came of this fix";
    recorder.record(receipt);
  }
}

}  // namespace reeve
