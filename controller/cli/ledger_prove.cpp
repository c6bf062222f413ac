// reeve ledger prove: asks for one record and for everything that it takes to judge it, judges it
// here, and writes all of it into one file that needs nobody any more.
#include <fmt/format.h>

#include <algorithm>

#include "common/proof/proof_limits.h"
#include "common/text.h"
#include "common/token.h"
#include "controller/cli/files.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/place_view.h"
#include "controller/cli/proof_view.h"
#include "controller/cli/session.h"
#include "controller/cli/terminal.h"
#include "controller/cli/verify.h"
#include "controller/cli/witness_view.h"
#include "controller/controller_limits.h"

namespace reeve::cli {
namespace {

CommandSpec prove_spec() {
  return {.name = "ledger prove",
          .usage = "RECORD -o FILE [--json]",
          .details =
              "Writes one file that proves one record, named NODE/EPOCH/STREAM/SEQUENCE as\n"
              "`reeve records` names it: the record with its path to the ledger's checkpoint,\n"
              "the certificate and key chain of its node, the policy that it names, and the\n"
              "roots that all of these stand on. `reeve ledger verify FILE` needs nothing else\n"
              "but a root to trust; docs/formats.md says how others read it.\n"
              "What does not hold, or stands in another ledger than the one that this machine\n"
              "has seen, is not written. Exit: 0 written, 2 the proof does not hold, 1 could\n"
              "not do it.",
          .options = {{"out,o", "FILE", "where to write it"}, json_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

// As the controller sent them.
struct Parts {
  std::vector<Bytes> roots;
  Bytes certificate;
  std::vector<Bytes> successions;
  Bytes header;
  Bytes record;
  std::string checkpoint;
  Bytes manifest;
  Bytes witnesses;
  std::vector<Bytes> cosigners;
  SeenPlace place;
  ProofFile rest;  // the numbers and paths

  Bytes encoded() const {
    ProofFile file = rest;
    file.roots.assign(roots.begin(), roots.end());
    file.certificate = certificate;
    file.successions.assign(successions.begin(), successions.end());
    file.header = header;
    file.record = record;
    file.checkpoint = view_of(checkpoint);
    file.manifest = manifest;
    file.witnesses = witnesses;
    file.cosigners.assign(cosigners.begin(), cosigners.end());
    file.leaf_path = place.path;
    file.before = place.before.part();
    file.after = place.after.part();
    return encode_proof(file);
  }
};

Error malformed(std::string_view what) {
  return Error{.name = "malformed", .detail = fmt::format("the controller's answer: {}", what)};
}

Result<Bytes> object_in(const Value& item, std::string_view key) {
  const Value* object = item.find(key);
  if (object == nullptr || object->binary() == nullptr) return malformed("no signed object");
  return *object->binary();
}

Status ask_roots(OperatorClient& controller, Parts& parts) {
  for (std::uint64_t after = 0;;) {
    const auto items = controller.request("roots", {{"after", after}});
    if (!items.ok()) return items.error();
    if (items->empty()) return {};
    for (const Value& item : *items) {
      auto object = object_in(item, "root");
      if (!object.ok()) return object.error();
      const auto root = parts.roots.empty() ? verify_first_root(*object) : Result<Root>(Root{});
      if (!root.ok()) return root.error();
      after = parts.roots.empty() ? root->version : after + 1;
      if (parts.roots.size() >= limits::proof_roots_max) return malformed("too many roots");
      parts.roots.push_back(*std::move(object));
    }
  }
}

Status read_record(const Value& item, Parts& parts) {
  Fields fields(item, "record item");
  if (fields.boolean_or("withheld", false)) {
    return Error{.name = "body_withheld",
                 .detail = "the record's body is not kept any more: there is nothing to prove",
                 .next = "reeve show tells by whom and why, where an act did it"};
  }
  parts.header = fields.binary("header");
  parts.record = fields.binary("record");
  parts.rest.salt = fields.bytes<16>("salt");
  parts.rest.index = fields.natural("index");
  parts.rest.leaf = fields.natural("leaf");
  auto path = read_path(fields, "path");
  if (!path.ok()) return path.error();
  parts.rest.record_path = *std::move(path);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return parts.rest.index < limits::batch_records_max ? Status{} : malformed("no such index");
}

Status read_checkpoint(const Value& item, Parts& parts) {
  Fields fields(item, "place in the ledger");
  parts.checkpoint = fields.text("checkpoint");
  return fields.finish(UnknownFields::keep);
}

// In a fleet with witnesses a proof is of a checkpoint that they have cosigned.
Status take_cosigned(Session& session, Parts& parts) {
  auto cosigned = ask_cosigned(session);
  if (!cosigned.ok()) return cosigned.error();
  const auto known = known_witnesses(session.fleet());
  if (!known.ok()) return known.error();
  if (!*cosigned && !*known) return {};
  if (!*cosigned || (**cosigned).checkpoint.tree.size <= parts.rest.leaf) {
    return Error{.name = "not_cosigned",
                 .detail =
                     "the ledger's witnesses have not cosigned a checkpoint with this record "
                     "yet",
                 .next =
                     "ask again in a few seconds; reeve ledger checkpoint says how far they "
                     "are"};
  }
  parts.checkpoint = (**cosigned).note;
  parts.witnesses = (**cosigned).witnesses;
  parts.cosigners = (**cosigned).cosigners;
  return {};
}

// The path to the checkpoint that the proof is of, and the ticks around the leaf.
Status take_place(Session& session, Parts& parts) {
  REEVE_TRY(take_cosigned(session, parts));
  const auto note = decode_note(parts.checkpoint);
  if (!note.ok()) return note.error();
  const auto checkpoint = decode_checkpoint_text(note->text);
  if (!checkpoint.ok()) return checkpoint.error();
  auto place = ask_place(session, parts.rest.leaf, checkpoint->tree.size);
  if (!place.ok()) return place.error();
  parts.place = *std::move(place);
  return {};
}

Status ask_record(OperatorClient& controller, const std::string& name, Parts& parts) {
  const auto items = controller.request("show", {{"record", name}});
  if (!items.ok()) return items.error();
  if (items->size() != 2) return malformed("not one record and its place");
  REEVE_TRY(read_record((*items)[0], parts));
  return read_checkpoint((*items)[1], parts);
}

// Of several certificates of one node the newest counts.
Status ask_certificate(OperatorClient& controller, const NodeId& node, Parts& parts) {
  const auto items = controller.request("status", {});
  if (!items.ok()) return items.error();
  std::uint64_t newest = 0;
  for (const Value& item : *items) {
    auto object = object_in(item, "certificate");
    if (!object.ok()) return object.error();
    const auto certificate = read_certificate(*object);
    if (!certificate.ok() || certificate->node != node || certificate->version <= newest) continue;
    newest = certificate->version;
    parts.certificate = *std::move(object);
  }
  return newest > 0 ? Status{} : malformed("no certificate of the record's node");
}

struct Link {
  KeyHash old_key;
  KeyHash key;
  Bytes object;
};

Result<std::vector<Link>> ask_links(OperatorClient& controller, const NodeId& node) {
  std::vector<Link> links;
  for (std::uint64_t from = 0;;) {
    Value::Array asked;
    asked.emplace_back(Value::Map{{"node", node}, {"from", from}});
    const auto items = controller.request("successions", {{"nodes", std::move(asked)}});
    if (!items.ok()) return items.error();
    for (const Value& item : *items) {
      Fields fields(item, "succession item");
      const auto leaf = fields.natural("leaf");
      Bytes object = fields.binary("succession");
      REEVE_TRY(fields.finish(UnknownFields::keep));
      if (leaf < from || links.size() >= limits::chain_keys_max)
        return malformed("key successions");
      from = leaf + 1;
      const auto opened = parse_signed_object(object, ObjectType::key_succession);
      if (!opened.ok()) return opened.error();
      const auto link = decode_succession(opened->payload);
      if (!link.ok()) return link.error();
      links.push_back({link->old_key, key_hash(link->key), std::move(object)});
    }
    if (items->size() < limits::successions_per_reply) return links;
  }
}

// From the signing key back to the certificate's, then what follows the signing key, which says
// where that one ended. Each key has one predecessor: intake refuses a second.
std::vector<Bytes> way_to(const KeyHash& signer, std::vector<Link> links) {
  std::vector<Bytes> way;
  KeyHash wanted = signer;
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    if (link->key != wanted) continue;
    wanted = link->old_key;
    way.push_back(std::move(link->object));
  }
  std::reverse(way.begin(), way.end());
  for (Link& link : links) {
    if (link.old_key == signer) way.push_back(std::move(link.object));
  }
  return way;
}

// The version that a record names, wherever it names one; 0 for none. What it means is judged with
// the proof.
std::uint64_t version_named(ByteView bytes) {
  const auto record = decode_record(bytes);
  if (!record.ok()) return 0;
  const bool is_receipt = record->type == "receipt";
  if (!is_receipt && record->type != "state" && record->type != "policy_adopted") return 0;
  const Value* policy = is_receipt ? record->body.find("policy") : &record->body;
  const Value* version = policy != nullptr ? policy->find("version") : nullptr;
  return version != nullptr ? version->natural().value_or(0) : 0;
}

Status ask_manifest(OperatorClient& controller, std::uint64_t version, Parts& parts) {
  if (version == 0 || version == UINT64_MAX) return {};
  const auto items = controller.request("manifests", {{"before", version + 1}, {"limit", 1}});
  if (!items.ok()) return items.error();
  if (items->empty()) return {};
  auto object = object_in(items->front(), "manifest");
  if (!object.ok()) return object.error();
  parts.manifest = *std::move(object);
  return {};
}

Result<Parts> ask_parts(OperatorClient& controller, const std::string& name) {
  Parts parts;
  REEVE_TRY(ask_record(controller, name, parts));
  const auto opened = parse_signed_object(parts.header, ObjectType::batch_header);
  if (!opened.ok()) return opened.error();
  const auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return header.error();
  REEVE_TRY(ask_certificate(controller, header->node, parts));
  auto links = ask_links(controller, header->node);
  if (!links.ok()) return links.error();
  parts.successions = way_to(header->key, *std::move(links));
  REEVE_TRY(ask_manifest(controller, version_named(parts.record), parts));
  REEVE_TRY(ask_roots(controller, parts));
  return parts;
}

// A controller may answer with a true record that is not the one that was asked for.
bool is_meant(const ProvenRecord& proven, const RecordName& asked) {
  const BatchHeader& header = proven.header;
  return (asked.node == proven.certificate.name || asked.node == hex(header.node.view())) &&
         hex(header.epoch.view()).starts_with(asked.epoch_prefix) &&
         asked.stream == header.stream && asked.sequence == header.first + proven.index;
}

int write_proof(const Arguments& arguments, Session& session, ByteView bytes,
                const RecordName& asked) {
  const Fleet& fleet = session.fleet();
  std::vector<Root> roots = former_roots(fleet);
  roots.push_back(fleet.root);
  const auto proven = verify_proof(bytes, roots);
  if (!proven.ok()) return print_refuted(proven.error(), arguments);
  if (!is_meant(*proven, asked)) {
    return print_refuted(
        {.name = "wrong_record",
         .detail = fmt::format("the controller answered with {}", printable(proven_name(*proven)))},
        arguments);
  }
  if (auto ours = require_in_ledger(session, proven->checkpoint.tree); !ours.ok()) {
    return contradicts_what_was_seen(ours.error()) ? print_refuted(ours.error(), arguments)
                                                   : print_error(ours.error());
  }
  const std::string path = *arguments.value("out");
  if (auto written = write_file(path, bytes); !written.ok()) return print_error(written.error());
  if (arguments.has("json")) {
    print_out(proof_json(*proven).text("file", path).natural("bytes", bytes.size()).line());
  } else {
    print_out(proof_page(*proven) +
              fmt::format("written to {}, {} bytes\n", printable(path), bytes.size()));
  }
  return exit_code::done;
}

int prove(const Environment& environment, const Arguments& arguments) {
  const std::string& name = arguments.operands()[0];
  const auto asked = parse_record_name(name);
  if (!asked || !arguments.has("out")) {
    return print_error({.name = "usage",
                        .detail = asked ? std::string("-o FILE is missing")
                                        : fmt::format("`{}` is no record's name", printable(name)),
                        .next = "reeve records lists names; reeve ledger prove RECORD -o FILE"});
  }
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  if (auto taken = (*session)->take_up_roots(); !taken.ok()) return print_error(taken.error());
  auto parts = ask_parts((*session)->controller(), name);
  if (!parts.ok()) return print_error(parts.error());
  if (auto placed = take_place(**session, *parts); !placed.ok()) {
    return contradicts_what_was_seen(placed.error()) ? print_refuted(placed.error(), arguments)
                                                     : print_error(placed.error());
  }
  return write_proof(arguments, **session, parts->encoded(), *asked);
}

}  // namespace

int run_ledger_prove(const Environment& environment, CommandArguments arguments) {
  return with_arguments(prove_spec(), arguments,
                        [&](const Arguments& parsed) { return prove(environment, parsed); });
}

}  // namespace reeve::cli
