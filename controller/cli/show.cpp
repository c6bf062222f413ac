// reeve show: one record in full, in words first, and where it stands in the ledger.
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/key_book.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/node_list.h"
#include "controller/cli/place_view.h"
#include "controller/cli/record_item.h"
#include "controller/cli/record_view.h"
#include "controller/cli/story.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"
#include "controller/cli/withheld.h"
#include "controller/cli/witness_view.h"
#include "controller/controller_limits.h"

namespace reeve::cli {
namespace {

CommandSpec show_spec() {
  return {.name = "show",
          .usage = "RECORD [--json]",
          .details =
              "Shows one record, named NODE/EPOCH/STREAM/SEQUENCE as `reeve records` names it,\n"
              "and whether its proof holds: the node's certificate by the root, the batch's\n"
              "signature by the certificate, the record by its path to the batch's root, the\n"
              "batch by its path to the ledger's signed checkpoint.\n"
              "Exit: 0 the proof holds, 2 it does not, 1 could not ask.",
          .options = {json_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

// Where the record's leaf stands in the ledger, or why that is not proven.
struct Place {
  Checkpoint checkpoint;
  std::string unproven;
};

struct Shown {
  SeenRecord record;
  Place place;
  std::string held;  // whether it has held since, in words
  ProvenTimes times;
  std::optional<ProvenWitnesses> witnesses;  // of a checkpoint with this record

  bool proven() const { return record.proven() && place.unproven.empty(); }
};

// What the controller sent to prove the place.
struct PlaceProof {
  std::string note;
  std::vector<Digest> inclusion;
};

// A controller may answer with a true record that is not the one that was asked for.
bool is_meant(const SeenRecord& seen, const RecordName& asked) {
  return (asked.node == seen.node || asked.node == hex(seen.header.node.view())) &&
         hex(seen.header.epoch.view()).starts_with(asked.epoch_prefix) &&
         asked.stream == seen.header.stream && asked.sequence == seen.header.first + seen.index;
}

Result<PlaceProof> read_proof(const Value& item) {
  Fields fields(item, "place in the ledger");
  PlaceProof proof;
  proof.note = fields.text("checkpoint");
  auto inclusion = read_path(fields, "inclusion");
  if (!inclusion.ok()) return inclusion.error();
  proof.inclusion = *std::move(inclusion);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return proof;
}

Place judge_place(const SeenRecord& record, const PlaceProof& proof, const Root& root) {
  const auto checkpoint =
      judge_inclusion(proof.note, record.leaf_hash, record.leaf, proof.inclusion, root);
  if (checkpoint.ok()) return {*checkpoint, {}};
  return {{}, checkpoint.error().name};
}

Result<Shown> read_answer(const Value::Array& items, const RecordName& asked,
                          const Certificates& certificates, const Known& known, const Root& root) {
  std::optional<SeenRecord> record;
  PlaceProof proof;
  for (const Value& item : items) {
    if (item.find("header") != nullptr) {
      auto seen = judge_record(item, certificates, known);
      if (!seen.ok()) return seen.error();
      record = *std::move(seen);
    } else if (item.find("checkpoint") != nullptr) {
      auto read = read_proof(item);
      if (!read.ok()) return read.error();
      proof = *std::move(read);
    }
  }
  if (!record || !is_meant(*record, asked)) {
    return Error{.name = "wrong_record",
                 .detail = "the controller answered with something else than this record"};
  }
  auto place = judge_place(*record, proof, root);
  return Shown{*std::move(record), std::move(place), {}, {}, {}};
}

// One page of what came after it. That nothing did is only said of a page that was not full.
Status ask_since(Session& session, const Certificates& certificates, const Known& known,
                 Shown& shown) {
  const auto receipt = decode_receipt(shown.record.record);
  if (!receipt.ok() || !shown.record.proven()) return {};
  const auto items =
      session.controller().request("records", {{"node", shown.record.node},
                                               {"rule", receipt->rule},
                                               {"since", shown.record.stored_wall_ns},
                                               {"limit", limits::operator_reply_items_max}});
  if (!items.ok()) return items.error();
  Since since;
  since.is_all = items->size() < limits::operator_reply_items_max;
  for (const Value& item : *items) {
    auto later = judge_record(item, certificates, known);
    if (!later.ok()) return later.error();
    const SeenRecord& record = shown.record;
    since.is_all = since.is_all && later->proven();
    if (std::pair(later->leaf, later->index) > std::pair(record.leaf, record.index))
      since.later.push_back(*std::move(later));
  }
  shown.held = held_since(shown.record, *receipt, since);
  return {};
}

Result<Shown> ask_record(Session& session, const std::string& name, const RecordName& asked) {
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  const auto items = session.controller().request("show", {{"record", name}});
  if (!items.ok()) return items.error();
  const Certificates certificates = certificates_of(*nodes);
  const Root& root = session.fleet().root;
  KeyBook keys;
  const Known known{session.known_nodes(), keys.chains()};
  auto shown = read_answer(*items, asked, certificates, known, root);
  if (shown.ok() && shown->record.unproven == "key_unknown") {
    const NodeCertificate& certificate = certificates.at(shown->record.header.node);
    REEVE_TRY(keys.learn(session.controller(), {beginning_of(certificate)}));
    shown = read_answer(*items, asked, certificates, known, root);
  }
  if (shown.ok()) REEVE_TRY(ask_since(session, certificates, known, *shown));
  return shown;
}

// Between which moments it came into the ledger, in the tree that witnesses have cosigned where it
// is in that, else in the newest. What of this does not hold makes the record's place unproven.
Status ask_times(Session& session, Shown& shown) {
  if (!shown.proven()) return {};
  const auto cosigned = ask_cosigned(session);
  if (!cosigned.ok()) return cosigned.error();
  const bool is_cosigned = *cosigned && (**cosigned).checkpoint.tree.size > shown.record.leaf;
  const Checkpoint& checkpoint = is_cosigned ? (**cosigned).checkpoint : shown.place.checkpoint;
  const auto place = ask_place(session, shown.record.leaf, checkpoint.tree.size);
  if (!place.ok()) return place.error();
  if (!inclusion_holds(shown.record.leaf_hash, shown.record.leaf, checkpoint.tree.size, place->path,
                       checkpoint.tree.root)) {
    shown.place.unproven = "not_in_ledger";
    return {};
  }
  ProofFile file;
  file.leaf = shown.record.leaf;
  file.before = place->before.part();
  file.after = place->after.part();
  std::vector<Root> roots = former_roots(session.fleet());
  roots.push_back(session.fleet().root);
  const auto times = verify_times(file, checkpoint, roots);
  if (!times.ok()) {
    shown.place.unproven = times.error().name;
    return {};
  }
  shown.times = *times;
  if (is_cosigned) shown.witnesses = (**cosigned).proven;
  return {};
}

std::string ledger_page(const Shown& shown) {
  const SeenRecord& seen = shown.record;
  const BatchHeader& header = seen.header;
  std::string out;
  if (!shown.held.empty()) out += field_lines("since", shown.held);
  out += "\n";
  out += field_lines("record", printable(seen.name));
  out += field_lines(
      "ledger", fmt::format("leaf {} of {}, stored {}", seen.leaf, shown.place.checkpoint.tree.size,
                            moment_text(seen.stored_wall_ns)));
  out += field_lines("time", time_text(shown.times, shown.witnesses, seen.record.sealed.wall_ns));
  if (shown.witnesses) out += field_lines("cosigned", cosigned_text(*shown.witnesses));
  out += field_lines("batch",
                     fmt::format("record {} of {} in its batch", seen.index + 1, header.count));
  out += field_lines("header", hex(seen.header_digest.view()));
  out += field_lines("node key", hex(header.key.view()));
  if (seen.equivocation) {
    out += "  flag        equivocation: its node signed another batch of the same identity\n";
  }
  if (shown.proven()) {
    return out +
           "  proof       holds: signed by the node's certified key, in the batch that this\n"
           "              signature covers, and in the ledger that its checkpoint covers\n";
  }
  return out + fmt::format("  proof       DOES NOT HOLD: {}\n",
                           printable(seen.proven() ? shown.place.unproven : seen.unproven));
}

std::string with_place(std::string json, const Shown& shown) {
  const TreeView& tree = shown.place.checkpoint.tree;
  JsonObject more;
  more.natural("tree_size", tree.size)
      .text("tree_root", hex(tree.root.view()))
      .claim("in_ledger", shown.place.unproven.empty())
      .natural("cosigners", shown.witnesses ? shown.witnesses->cosigners.size() : 0)
      .text("header", hex(shown.record.header_digest.view()));
  add_times(more, shown.times, shown.witnesses);
  // Both are objects: the first loses "}\n", the second "{".
  json.resize(json.size() - 2);
  return json + "," + more.line().substr(1);
}

Error no_name(const std::string& name) {
  return {.name = "usage",
          .detail = fmt::format("`{}` is no record's name; expected NODE/EPOCH/STREAM/SEQUENCE, "
                                "such as web1/3f9a01c2/urgent/17",
                                name),
          .next = "reeve records lists names"};
}

std::optional<Redacted> redacted_by(const SeenRecord& seen, const Fleet& fleet) {
  std::vector<Root> roots = former_roots(fleet);
  roots.push_back(fleet.root);
  return read_redaction(seen, roots, key_hash(fleet.contact.key));
}

std::string json_of(const Shown& shown, const Fleet& fleet) {
  std::string json = with_place(record_json(shown.record), shown);
  const auto redacted = redacted_by(shown.record, fleet);
  if (!redacted) return json;
  JsonObject more;
  more.text("redacted_by", redacted->who).text("redacted_why", redacted->why);
  add_time(more, "redacted", redacted->wall_ns);
  json.resize(json.size() - 2);
  return json + "," + more.line().substr(1);
}

std::string page_of(const Shown& shown, const Fleet& fleet) {
  const SeenRecord& seen = shown.record;
  if (seen.is_withheld) return withheld_page(seen, redacted_by(seen, fleet)) + ledger_page(shown);
  return record_page(seen, fleet.root) + ledger_page(shown);
}

int show_record(const Environment& environment, const Arguments& arguments) {
  const std::string& name = arguments.operands()[0];
  const auto asked = parse_record_name(name);
  if (!asked) return print_error(no_name(name));
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  auto shown = ask_record(**session, name, *asked);
  if (!shown.ok()) return print_error(shown.error());
  if (auto told = ask_times(**session, *shown); !told.ok()) {
    print_error(told.error());
    return contradicts_what_was_seen(told.error()) ? exit_code::deviations : exit_code::failed;
  }
  const Fleet& fleet = (*session)->fleet();
  print_out(arguments.has("json") ? json_of(*shown, fleet) : page_of(*shown, fleet));
  return shown->proven() ? exit_code::done : exit_code::deviations;
}

}  // namespace

Result<SeenRecord> ask_record_item(Session& session, const std::string& name) {
  const auto asked = parse_record_name(name);
  if (!asked) return no_name(name);
  auto shown = ask_record(session, name, *asked);
  if (!shown.ok()) return shown.error();
  if (shown->proven()) return std::move(shown->record);
  return Error{.name = "unproven",
               .detail = fmt::format("the proof of {} does not hold", printable(name)),
               .next = fmt::format("reeve show {}", printable(name))};
}

int run_show(const Environment& environment, CommandArguments arguments) {
  return with_arguments(show_spec(), arguments,
                        [&](const Arguments& parsed) { return show_record(environment, parsed); });
}

}  // namespace reeve::cli
