// Requests of operators and the replies to them (docs/formats.md, "Operators' socket"). A request
// is a signed object of type operator_request, signed by the operator's Ed25519 key, over the
// operators' CURVE socket; a reply is one or more MessagePack maps of at most
// limits::message_bytes_max. The operator's machine believes nothing of a reply that it can check:
// heartbeats, batch headers, certificates and manifests come as signed objects.
#pragma once

#include "common/trust.h"

namespace reeve {

// Operation names and the right each needs. Arguments and items are maps:
//   ping     -> item {origin, version}                                             view
//   upload   {digest bin32, offset, total, bytes}                                  publish
//   publish  {manifest bin}  (bundles uploaded before; signed by the policy role)  publish
//   enroll   {certificate bin} (signed by the enroller)                            enroll
//   revoke   {node bin32, why text}                                                enroll
//   retire   {node bin32, why text}                                                enroll
//   token    {token bin} (signed by the enroller)                                  enroll
//   token_revoke {token bin32, its id}                                             enroll
//   tokens   -> items {token bin, used, state text}                                view
//   pending  -> items {enrollment bin}                                             view
//   manifest -> item {manifest bin} or none                                        view
//   manifests {before?, limit?} -> items {manifest bin}, newest first, below it    view
//   root     {root bin} (signed by the thresholds of the root before and its own)  administer
//   roots    {after} -> items {root bin}, above that version, ascending            view
//   act      {act bin} (signed by an operator with the right to operate)           operate
//   acts     -> items {act bin}: what counts now                                   view
//   recover  {recovery bin, roots? [bin]} (signed by the root's own threshold) administer redact
//   {record text, leaf, index, header bin32, why text}                    administer recoveries
//   {at? size} -> item {origin, size, root bin32, root_version, awaited bool}: the tree of that
//   size,
//            then items {recovery bin}, each by the one before                     view
//   witnesses -> item {witnesses bin} or none                                      view
//   set_witnesses {witnesses bin} (signed by an operator who may administer)       administer
//   cosigned -> item {witnesses bin, note}, then of each cosigner {node bin32, certificate bin,
//            key bin} and behind it {node bin32, succession bin} each              view
//   place    {leaf, size} -> item {inclusion [bin32], before?, after? {leaf, tick bin,
//            inclusion [bin32]}}                                                   view
//   bundle   {digest, offset} -> item {total, bytes}                               view
//   status   -> items {certificate bin, heartbeat bin?, seen wall_ns, connected bool,
//                      flags [text], ending bin? (the request that ended it)}      view
//   successions {nodes [{node bin32, from leaf?}]} ->
//            items {node bin32, leaf, succession bin}, a node's by leaf            view
//   records  {node?, rule?, since? wall_ns (stored, not sealed), after? cursor, limit?} ->
//            items {cursor (a number that grows), leaf, node bin32, name, index, stored wall_ns,
//            header bin,
//                   salt bin16, record bin, path [bin32],
//                   or, of a body that is withheld: withheld true, hash bin32?, path?, request bin?
//                   equivocation? true: kept, but not in its stream's chain}       view
//   show     {record text} -> one such item, and {tree_size, tree_root}            view
inline constexpr std::uint64_t operator_protocol_version = 1;

struct OperatorRequest {
  std::uint64_t id = 0;  // random; repeated in the replies
  std::string operation;
  std::int64_t made_wall_ns = 0;
  KeyHash controller;  // hash of the controller's CURVE key: a request is for one controller
  Value arguments{Value::Map{}};
};
Bytes encode_operator_request(const OperatorRequest& request);
Result<OperatorRequest> decode_operator_request(ByteView payload);

struct OperatorReply {
  std::uint64_t id = 0;
  bool more = false;           // further replies to this request follow
  std::optional<Error> error;  // then there are no items
  Value::Array items;
};
Bytes encode_operator_reply(const OperatorReply& reply);
Result<OperatorReply> decode_operator_reply(ByteView bytes);

// How people name a record: NODE/EPOCH8/STREAM/SEQUENCE, such as "web1/3f9a01c2/urgent/17".
struct RecordName {
  std::string node;          // its name, or 64 hexadecimal digits
  std::string epoch_prefix;  // at least 8 hexadecimal digits
  Stream stream{};
  std::uint64_t sequence = 0;
};
std::optional<RecordName> parse_record_name(std::string_view text);
std::string record_name(std::string_view node, const Epoch& epoch, Stream stream,
                        std::uint64_t sequence);

}  // namespace reeve
