// Statements that a controller must not take, each attack by its name: node certificates,
// operators' requests, manifests and bundles from operators, heartbeats and batches from nodes.
// Every one is refused by its error's name and changes neither registry nor ledger nor policy.
#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"
#include "controller/controller_limits.h"
#include "tests/attacks/court.h"

namespace reeve::attacks {
namespace {

// Certificates.

Refusal enrollment(std::string name, std::string refused_as,
                   std::function<Bytes(Court&, NodeCertificate)> make) {
  return {std::move(name), std::move(refused_as), [make](Court& court) {
            return court.ask_as(
                court.fleet.admin, "enroll",
                {{"certificate", make(court, court.certificate_of(court.newcomer))}});
          }};
}

Bytes sealed(const NodeCertificate& certificate, const Keys& keys) {
  return seal_object(ObjectType::node_certificate, encode_certificate(certificate), keys);
}

// Signed as it should be, but for what `change` does to it.
Refusal enrollment_of(std::string name, std::string refused_as,
                      std::function<void(Court&, NodeCertificate&)> change) {
  return enrollment(std::move(name), std::move(refused_as),
                    [change](Court& court, NodeCertificate certificate) {
                      change(court, certificate);
                      return sealed(certificate, {&court.fleet.admin.key});
                    });
}

Refusal enrollment_bytes(std::string name, std::string refused_as,
                         std::function<Bytes(Bytes)> change) {
  return enrollment(std::move(name), std::move(refused_as),
                    [change](Court& court, const NodeCertificate& certificate) {
                      return change(sealed(certificate, {&court.fleet.admin.key}));
                    });
}

TEST_CASE("certificate: signed by anybody but an operator who may enroll") {
  const auto by = [](std::function<Keys(Court&)> keys) {
    return [keys](Court& court, const NodeCertificate& certificate) {
      return sealed(certificate, keys(court));
    };
  };
  strike_all({
      enrollment("forged by a stranger", "not_an_enroller",
                 [](Court&, const NodeCertificate& certificate) {
                   const auto stranger = SigningKey::generate();
                   return sealed(certificate, {&stranger});
                 }),
      enrollment("nobody's signature", "not_an_enroller", by([](Court&) { return Keys{}; })),
      enrollment("an operator without the right", "not_an_enroller",
                 by([](Court& court) { return Keys{&court.fleet.viewer.key}; })),
      enrollment("the ledger key, which is online", "not_an_enroller",
                 by([](Court& court) { return Keys{&court.fleet.ledger_key}; })),
      enrollment("policy and root keys", "not_an_enroller", by([](Court& court) {
                   return Keys{&court.fleet.policy_key, &court.fleet.root_key};
                 })),
      enrollment("the node's own key", "not_an_enroller",
                 by([](Court& court) { return Keys{&court.newcomer.key}; })),
      enrollment("one key twice", "bad_signature", by([](Court& court) {
                   return Keys{&court.fleet.admin.key, &court.fleet.admin.key};
                 })),
      enrollment_bytes("a changed payload", "bad_signature",
                       [](Bytes bytes) {
                         bytes.back() ^= 1;
                         return bytes;
                       }),
      enrollment("a signature made for another type", "bad_signature",
                 [](Court& court, const NodeCertificate& certificate) {
                   const Bytes payload = encode_certificate(certificate);
                   return encode_signed_object({ObjectType::node_certificate,
                                                {sign_payload(ObjectType::operator_request, payload,
                                                              court.fleet.admin.key)},
                                                payload});
                 }),
      enrollment("a manifest in its place", "wrong_type",
                 [](Court& court, const NodeCertificate&) {
                   return court.manifest_object(6, test_bundle({"x"}), 1);
                 }),
  });
}

TEST_CASE("certificate: another node's id, name or key, and older versions") {
  strike_all({
      enrollment_of("another node's id", "node_id_mismatch",
                    [](Court& court, auto& certificate) { certificate.node = court.one.id; }),
      enrollment_of("another fleet's, whose operator is ours as well", "wrong_fleet",
                    [](Court&, auto& certificate) { certificate.fleet.data[0] ^= 1; }),
      enrollment_of("an id of no key", "node_id_mismatch",
                    [](Court&, auto& certificate) { certificate.node.data[0] ^= 1; }),
      enrollment_of("an id of no key, as a later version", "node_id_mismatch",
                    [](Court&, auto& certificate) {
                      certificate.node.data[0] ^= 1;
                      certificate.version = 2;
                    }),
      enrollment_of("another node's name", "name_taken",
                    [](Court&, auto& certificate) { certificate.name = "one"; }),
      enrollment_of(
          "another node's id as its name", "name_taken",
          [](Court& court, auto& certificate) { certificate.name = hex(court.one.id.view()); }),
      enrollment_of("another node's transport key", "transport_key_taken",
                    [](Court& court, auto& certificate) {
                      certificate.transport_key = court.one.transport.public_key;
                    }),
      enrollment_of("rolled back", "certificate_rollback",
                    [](Court& court, auto& certificate) {
                      certificate = court.certificate_of(court.one);
                      certificate.labels = {{"env", "other"}};
                    }),
      enrollment_of("another record key for a node that is known", "record_key_changed",
                    [](Court& court, auto& certificate) {
                      certificate = court.certificate_of(court.one);
                      certificate.version = 2;
                      certificate.record_key = court.newcomer.key.public_key();
                    }),
  });
}

TEST_CASE("certificate: malformed, oversized, of another version") {
  const auto payload = [](std::string field, Value value) {
    return [field, value](Court& court, const NodeCertificate& certificate) {
      Value::Map out;
      const auto whole = decode(encode_certificate(certificate));
      for (const auto& [key, old] : *whole->map()) {
        if (key != field) out.emplace_back(key, old);
      }
      if (!value.is_nil()) out.emplace_back(field, value);
      return seal_object(ObjectType::node_certificate, encode(Value(std::move(out))),
                         court.fleet.admin.key);
    };
  };
  strike_all({
      enrollment("a later format", "unsupported_version", payload("format", std::uint64_t{2})),
      enrollment("no format", "malformed", payload("format", Value{})),
      enrollment("no name", "malformed", payload("name", Value{})),
      enrollment_of("version 0", "malformed",
                    [](Court&, auto& certificate) { certificate.version = 0; }),
      enrollment_of("a name with a terminal's escape", "malformed",
                    [](Court&, auto& certificate) { certificate.name = "web\x1b[2J"; }),
      enrollment_of("a name that is a path", "malformed",
                    [](Court&, auto& certificate) { certificate.name = "../../etc/passwd"; }),
      enrollment_of("a label that is a path", "malformed",
                    [](Court&, auto& certificate) {
                      certificate.labels = {{"role", "../x"}};
                    }),
      enrollment_of("too many labels", "limit_exceeded",
                    [](Court&, auto& certificate) {
                      for (std::size_t i = 0; i <= limits::labels_max; ++i)
                        certificate.labels["l" + std::to_string(i)] = "x";
                    }),
      enrollment_bytes("larger than it may be", "limit_exceeded",
                       [](Bytes bytes) {
                         bytes.resize(limits::certificate_bytes_max + 1);
                         return bytes;
                       }),
      enrollment_bytes("cut short", "malformed",
                       [](Bytes bytes) {
                         bytes.resize(bytes.size() - 1);
                         return bytes;
                       }),
      enrollment_bytes("bytes behind it", "malformed",
                       [](Bytes bytes) {
                         bytes.push_back(0);
                         return bytes;
                       }),
  });
}

// Operators' requests.

Refusal request(std::string name, std::string refused_as,
                std::function<std::pair<const TestOperator*, Bytes>(Court&)> make) {
  return {std::move(name), std::move(refused_as), [make](Court& court) {
            const auto [who, message] = make(court);
            court.send_operator(*who, message);
            court.step();
            return court.replies(*who);
          }};
}

Refusal changed_request(std::string name, std::string refused_as,
                        std::function<void(Court&, OperatorRequest&)> change) {
  return request(std::move(name), std::move(refused_as), [change](Court& court) {
    auto made = court.request("ping");
    change(court, made);
    return std::pair{&court.fleet.admin, court.sign(made, court.fleet.admin.key)};
  });
}

TEST_CASE("operator's request: forged, replayed, late, misaddressed, beyond its rights") {
  const TestOperator stranger;
  std::vector<Refusal> attacks{
      request(
          "a stranger's connection", "not_an_operator",
          [&](Court& court) {
            return std::pair{&stranger, court.sign(court.request("ping"), court.fleet.admin.key)};
          }),
      {"a node's connection", "not_an_operator",
       [](Court& court) {
         const auto node = court.operators.connect(court.one.transport.public_key);
         REQUIRE(node->send(court.sign(court.request("ping"), court.fleet.admin.key)));
         court.step();
         CHECK_FALSE(node->receive());
         return std::vector<OperatorReply>{};
       }},
      request("one operator's connection, another's signature", "too_few_signatures",
              [](Court& court) {
                return std::pair{&court.fleet.viewer,
                                 court.sign(court.request("ping"), court.fleet.admin.key)};
              }),
      request("signed by the ledger key", "too_few_signatures",
              [](Court& court) {
                return std::pair{&court.fleet.admin,
                                 court.sign(court.request("ping"), court.fleet.ledger_key)};
              }),
      request("changed on its way", "bad_signature",
              [](Court& court) {
                auto message = court.sign(court.request("ping"), court.fleet.admin.key);
                message.back() ^= 1;
                return std::pair{&court.fleet.admin, message};
              }),
      request("one key twice", "bad_signature",
              [](Court& court) {
                const std::array<const SigningKey*, 2> keys{&court.fleet.admin.key,
                                                            &court.fleet.admin.key};
                return std::pair{&court.fleet.admin,
                                 seal_object(ObjectType::operator_request,
                                             encode_operator_request(court.request("ping")), keys)};
              }),
      request("a certificate in its place", "wrong_type",
              [](Court& court) {
                return std::pair{&court.fleet.admin, court.newcomer.certificate(court.fleet)};
              }),
      request("noise", "malformed",
              [](Court& court) {
                return std::pair{&court.fleet.admin, Bytes(60'000, 0xff)};
              }),
      changed_request("for another controller", "wrong_controller",
                      [](Court&, auto& made) { made.controller = sha256(view_of("another")); }),
      changed_request("made too long ago", "stale_request",
                      [](Court&, auto& made) { made.made_wall_ns -= limits::request_age_ns + 1; }),
      changed_request("made too far ahead", "stale_request",
                      [](Court&, auto& made) { made.made_wall_ns += limits::request_age_ns + 1; }),
      changed_request("an operation that is none", "unknown_operation",
                      [](Court&, auto& made) { made.operation = "shell"; }),
      {"seen before", "replayed_request",
       [](Court& court) {
         const auto message = court.sign(court.request("ping"), court.fleet.admin.key);
         court.send_operator(court.fleet.admin, message);
         court.step();
         court.replies(court.fleet.admin);
         court.send_operator(court.fleet.admin, message);
         court.step();
         return court.replies(court.fleet.admin);
       }},
      {"an unknown argument", "unknown_field",
       [](Court& court) {
         return court.ask_as(
             court.fleet.admin, "enroll",
             {{"certificate", court.newcomer.certificate(court.fleet)}, {"run", "/bin/sh"}});
       }},
  };
  for (const char* operation : {"publish", "upload", "enroll"}) {
    attacks.push_back(
        {std::string(operation) + " by who may only view", "not_permitted",
         [operation](Court& court) { return court.ask_as(court.fleet.viewer, operation); }});
  }
  strike_all(attacks);
}

// Policy, as an operator with the right to publish would have it.

Refusal publication(std::string name, std::string refused_as,
                    std::function<Bytes(Court&, const Bytes&)> make) {
  return {std::move(name), std::move(refused_as), [make](Court& court) {
            const Bytes bundle = test_bundle({"evil"});
            court.upload(bundle);
            return court.ask_as(court.fleet.admin, "publish", {{"manifest", make(court, bundle)}});
          }};
}

Refusal publication_of(std::string name, std::string refused_as,
                       std::function<void(Court&, Manifest&)> change) {
  return publication(
      std::move(name), std::move(refused_as), [change](Court& court, const Bytes& bundle) {
        const auto object =
            parse_signed_object(court.manifest_object(6, bundle, 1), ObjectType::manifest);
        auto manifest = decode_manifest(object->payload);
        REQUIRE(manifest.ok());
        change(court, *manifest);
        return seal_object(ObjectType::manifest, encode_manifest(*manifest),
                           court.fleet.policy_key);
      });
}

TEST_CASE("publication: forged, older, expired, or of bundles that are not what it says") {
  strike_all({
      publication("signed by the operator and the ledger key", "too_few_signatures",
                  [](Court& court, const Bytes& bundle) {
                    const auto object = parse_signed_object(court.manifest_object(6, bundle, 1),
                                                            ObjectType::manifest);
                    const std::array<const SigningKey*, 2> keys{&court.fleet.admin.key,
                                                                &court.fleet.ledger_key};
                    return seal_object(ObjectType::manifest, object->payload, keys);
                  }),
      publication("changed on its way", "bad_signature",
                  [](Court& court, const Bytes& bundle) {
                    auto object = court.manifest_object(6, bundle, 1);
                    object.back() ^= 1;
                    return object;
                  }),
      publication_of("an older version", "manifest_rollback",
                     [](Court&, auto& manifest) { manifest.version = 4; }),
      publication_of("the same version with another content", "manifest_rollback",
                     [](Court&, auto& manifest) { manifest.version = 5; }),
      publication_of("the last version of all", "limit_exceeded",
                     [](Court&, auto& manifest) { manifest.version = ~std::uint64_t{0}; }),
      publication_of("expired", "manifest_expired",
                     [](Court&, auto& manifest) {
                       manifest.created_s -= 2'000;
                       manifest.expires_s = manifest.created_s + 1'000;
                     }),
      publication_of("made in the future, which agents would hold for the present",
                     "manifest_from_future",
                     [](Court&, auto& manifest) {
                       manifest.created_s += limits::manifest_ahead_s + 1;
                       manifest.expires_s += limits::manifest_ahead_s + 1;
                     }),
      publication_of("a bundle that was not uploaded", "bundle_missing",
                     [](Court&, auto& manifest) { manifest.bundles[0].digest.data[0] ^= 1; }),
      publication_of("another size", "bundle_mismatch",
                     [](Court&, auto& manifest) { manifest.bundles[0].size += 1; }),
      publication_of("another number of rules", "bundle_mismatch",
                     [](Court&, auto& manifest) { manifest.bundles[0].rules += 1; }),
      {"an upload that is not its digest", "upload_mismatch",
       [](Court& court) {
         return court.ask_as(court.fleet.admin, "upload",
                             {{"digest", sha256(view_of("one"))},
                              {"offset", std::uint64_t{0}},
                              {"total", std::uint64_t{5}},
                              {"bytes", bytes_of("other")}});
       }},
      {"an upload that is larger than a bundle may be", "limit_exceeded",
       [](Court& court) {
         return court.ask_as(court.fleet.admin, "upload",
                             {{"digest", sha256(view_of("one"))},
                              {"offset", std::uint64_t{0}},
                              {"total", std::uint64_t{limits::bundle_bytes_max + 1}},
                              {"bytes", bytes_of("other")}});
       }},
  });
}

// What nodes say.

struct Lie {
  std::string name;
  std::string verdict;
  MessageType type;
  std::function<Bytes(Court&)> make;
};

void tell_all(const std::vector<Lie>& lies) {
  for (const Lie& lie : lies) {
    CAPTURE(lie.name);
    Court court;
    const Standing before = court.standing();
    const Bytes others_heartbeat =
        court.controller->registry().find(court.other.id)->heartbeat_object;
    const auto counted = court.counted(lie.verdict);
    court.send(court.one, lie.type, lie.make(court));
    court.step();
    CHECK(court.counted(lie.verdict) == counted + 1);
    // At most a word on the newest of its own keys that is certified.
    for (const auto& message : court.received(court.one))
      CHECK(message.type == MessageType::newest_succession);
    CHECK(court.received(court.other).empty());
    CHECK(court.standing() == before);
    CHECK(court.controller->registry().find(court.other.id)->heartbeat_object == others_heartbeat);
    CHECK(court.deliver(court.one, court.one.next_batch(Stream::urgent)).size() == 1);
    CHECK(court.deliver(court.other, court.other.next_batch(Stream::urgent)).size() == 1);
  }
}

Lie heartbeat(std::string name, std::string verdict, std::function<Bytes(Court&)> make) {
  return {std::move(name), std::move(verdict), MessageType::heartbeat, std::move(make)};
}

Lie batch(std::string name, std::string verdict, std::function<Bytes(Court&)> make) {
  return {std::move(name), std::move(verdict), MessageType::batch, std::move(make)};
}

TEST_CASE("heartbeat: others', forged, replayed, malformed and oversized ones") {
  tell_all({
      heartbeat("another node's, signed by it", "key_unknown",
                [](Court& court) { return court.other.sign_heartbeat(court.other.heartbeat()); }),
      heartbeat("for another node", "wrong_node",
                [](Court& court) {
                  auto beat = court.one.heartbeat();
                  beat.node = court.other.id;
                  return court.one.sign_heartbeat(beat);
                }),
      heartbeat("replayed", "stale_heartbeat",
                [](Court& court) {
                  return court.controller->registry().find(court.one.id)->heartbeat_object;
                }),
      heartbeat("changed on its way", "bad_signature",
                [](Court& court) {
                  auto bytes = court.one.sign_heartbeat(court.one.heartbeat());
                  bytes.back() ^= 1;
                  return bytes;
                }),
      heartbeat("one key twice", "malformed",
                [](Court& court) {
                  const std::array<const SigningKey*, 2> keys{&court.one.key, &court.one.key};
                  return seal_object(ObjectType::heartbeat, encode_heartbeat(court.one.heartbeat()),
                                     keys);
                }),
      heartbeat("larger than it may be", "limit_exceeded",
                [](Court&) { return Bytes(limits::heartbeat_bytes_max + 1, 1); }),
      heartbeat("a certificate in its place", "wrong_type",
                [](Court& court) { return court.one.certificate(court.fleet); }),
      heartbeat("noise", "malformed", [](Court&) { return Bytes(1'000, 0x91); }),
      heartbeat("a payload that is a bomb", "limit_exceeded",
                [](Court& court) {
                  return seal_object(ObjectType::heartbeat, Bytes{0xdf, 0xff, 0xff, 0xff, 0xff},
                                     court.one.key);
                }),
  });
}

TEST_CASE("batch: others', forged, with holes, with other bodies than it was signed for") {
  tell_all({
      batch("another node's, signed by it", "key_unknown",
            [](Court& court) { return encode_batch(court.other.next_batch(Stream::routine)); }),
      batch("for another node", "wrong_node",
            [](Court& court) {
              auto header = court.one.next_header(Stream::urgent);
              header.node = court.other.id;
              return encode_batch(court.one.batch(header, 2, "x"));
            }),
      batch("a record changed", "root_mismatch",
            [](Court& court) {
              auto bytes = encode_batch(court.one.clone().next_batch(Stream::urgent));
              bytes.back() ^= 1;
              return bytes;
            }),
      // Else the honest node's header would have a second digest, and be taken for equivocation.
      batch("a stranger's signature beside the node's", "malformed",
            [](Court& court) {
              const auto bytes = encode_batch(court.one.clone().next_batch(Stream::urgent));
              const auto size = *signed_object_size(bytes);
              auto header =
                  *parse_signed_object(ByteView(bytes).first(size), ObjectType::batch_header);
              header.signatures.push_back(
                  sign_payload(ObjectType::batch_header, header.payload, SigningKey::generate()));
              auto out = encode_signed_object(header);
              append(out, ByteView(bytes).subspan(size));
              return out;
            }),
      batch("bytes behind it", "malformed",
            [](Court& court) {
              auto bytes = encode_batch(court.one.clone().next_batch(Stream::urgent));
              bytes.push_back(0);
              return bytes;
            }),
      batch("a hole before it", "hole",
            [](Court& court) {
              auto header = court.one.next_header(Stream::urgent);
              header.first += 5;
              return encode_batch(court.one.batch(header, 2, "x"));
            }),
      batch("an epoch that does not begin", "hole",
            [](Court& court) {
              auto header = court.one.next_header(Stream::urgent);
              header.epoch.data[0] ^= 1;
              return encode_batch(court.one.batch(header, 2, "x"));
            }),
      batch("an epoch without its first record", "no_epoch_start",
            [](Court& court) {
              BatchHeader header = court.one.next_header(Stream::routine);
              header.epoch.data[0] ^= 1;
              std::vector<SaltedRecord> records{{{}, encode_record("receipt", {1, 1}, {}, {})}};
              return encode_batch(seal_batch(header, std::move(records), court.one.key));
            }),
      batch("sequences beyond the last", "limit_exceeded",
            [](Court& court) {
              auto header = court.one.next_header(Stream::urgent);
              header.first = ~std::uint64_t{0} - 10;
              return encode_batch(court.one.batch(header, 2, "x"));
            }),
      batch("two signatures", "malformed",
            [](Court& court) {
              const auto honest = court.one.clone().next_batch(Stream::urgent);
              const auto object =
                  parse_signed_object(honest.header_object, ObjectType::batch_header);
              const std::array<const SigningKey*, 2> keys{&court.one.key, &court.other.key};
              Bytes out = seal_object(ObjectType::batch_header, object->payload, keys);
              const Bytes whole = encode_batch(honest);
              append(out, ByteView(whole).subspan(honest.header_object.size()));
              return out;
            }),
      batch("a heartbeat in its place", "wrong_type",
            [](Court& court) { return court.one.sign_heartbeat(court.one.heartbeat()); }),
      batch("noise", "malformed", [](Court&) { return Bytes(1'000, 0x91); }),
      {"a root, which no node may send", "wrong_type", MessageType::root,
       [](Court& court) { return court.fleet.next_root(2); }},
      {"a manifest, which no node may send", "wrong_type", MessageType::manifest,
       [](Court& court) { return court.manifest_object(9, test_bundle({"x"}), 1); }},
      {"an acknowledgement, which no node may send", "wrong_type", MessageType::acknowledgement,
       [](Court&) { return encode_acknowledgement({}); }},
  });
}

}  // namespace
}  // namespace reeve::attacks
