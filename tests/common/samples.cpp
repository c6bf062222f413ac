#include "tests/common/samples.h"

namespace reeve::samples {

namespace {

constexpr Moment sealed{.mono_ns = 4'000'000'123, .wall_ns = 1'700'000'000'000'000'456};

SigningKey key_of(std::uint8_t seed) { return SigningKey::from_seed(filled<32>(seed)); }
TransportKey transport_key_of(std::uint8_t seed) {
  return transport_public_key(Secret(filled<32>(seed)));
}

}  // namespace

SigningKey record_key() { return key_of(1); }

Value value() {
  // Braces around one list are a copy of it to one compiler and a list of it to another.
  Value nested(Value::Array(1, Value(Value::Map{{"k", Value::Array{}}})));
  return Value::Map{
      {"nil", Value()},
      {"claims", Value::Array{true, false}},
      {"numbers",
       Value::Array{0, 127, 128, 255, 256, 65'535, 65'536, 4'294'967'295u, std::uint64_t{1} << 32,
                    ~std::uint64_t{0}, -1, -32, -33, -128, -129, -32'768, -32'769,
                    std::int64_t{-2'147'483'648}, std::int64_t{-2'147'483'649}}},
      {"texts", Value::Array{"", "a", std::string(31, 'b'), std::string(32, 'c'),
                             std::string(256, 'd'), "Zürich"}},
      {"bytes", Value::Array{Bytes{}, Bytes{0, 255}, Bytes(256, 7)}},
      {"name", Value::name("/tmp/\xff\xfe")},
      {"none", Value::Map{}},
      {"long", Value::Array(17, Value(1))},
      {"deep", Value::Array(1, nested)}};
}

Bundle bundle() {
  Rule first;
  first.id = "ssh-key-modes";
  first.title = "Host keys are root's alone";
  first.severity = Severity::critical;
  first.owner = "platform-security";
  first.controls = {"CIS-5.2.2", "NIST-AC-6"};
  first.mode = Mode::enforce;
  first.rationale = "Whoever reads a host key can be that host.";
  first.breaker = {7, 21, 2, 500, 30};
  first.durable_intent = true;
  first.show_content = true;
  first.keep_content = true;
  first.owner_pause_minutes = 90;
  first.kind = "file";
  first.fields = Value::Map{{"path", "/etc/ssh/ssh_host_ed25519_key"},
                            {"owner", "root"},
                            {"mode", "0600"},
                            {"depth", 3},
                            {"choices", Value::Array{"a", "b"}}};
  Rule second;
  second.id = "motd";
  second.owner = "desk";
  second.severity = Severity::low;
  second.kind = "file";
  return Bundle{"base", {first, second}};
}

Receipt receipt() {
  Receipt out;
  out.incident = filled<16>(0xa1);
  out.phase = Phase::close;
  out.rule = "ssh-key-modes";
  out.title = "Host keys are root's alone";
  out.kind = "file";
  out.object = "/etc/ssh/\xff\x1b[31mkey";
  out.severity = Severity::critical;
  out.owner = "platform-security";
  out.controls = {"CIS-5.2.2"};
  out.mode = Mode::enforce;
  out.desired = "mode 0600";
  out.found = "mode 0644";
  out.left = "mode 0600";
  out.cause = {Confidence::likely, 4242, "/usr/bin/chmod", "chmod 644 key", 1000, 1001, "inotify"};
  out.cause.start_ns = 77'000'000'001;
  out.cause.inode = 131'072;
  out.cause.session = 3;
  out.cause.unit = "/user.slice/user-1001.slice/session-3.scope";
  out.cause.parents = {{4200, "bash"}, {4100, "sshd\xfe"}};
  out.cause.is_elsewhere = true;
  out.policy = {"base", 7, filled<32>(0xb2), {filled<32>(0xc3), filled<32>(0xc4)}};
  out.outcome = outcome::fixed;
  out.reason = "none";
  out.detail = "words";
  out.interrupted = true;
  out.detected = {1, 1'700'000'000'000'000'001};
  out.fixed = {2, 1'700'000'000'000'000'002};
  out.verified = {3, -4};
  return out;
}

Contention contention() {
  return {filled<16>(0xa1),          Phase::close,        "base", "ssh-key-modes",
          receipt().object,          "platform-security", 21,     1'700'000'000'000'000'001,
          1'700'000'060'000'000'001, receipt().cause};
}

Bytes receipt_bytes() { return encode_receipt(receipt(), sealed); }

Bytes epoch_start_bytes() {
  return encode_record("epoch_start", sealed, std::nullopt,
                       Value::Map{{"agent", "0.1.0"},
                                  {"previous", filled<16>(0x11)},
                                  {"last", 99},
                                  {"header", filled<32>(0x12)}});
}

Heartbeat heartbeat() {
  Heartbeat out;
  out.node = record_key().hash();
  out.epoch = filled<16>(0xe0);
  out.count = 12;
  out.made = sealed;
  out.agent_version = "0.1.0";
  out.root_version = 2;
  out.manifest_version = 7;
  out.manifest_digest = filled<32>(0xb2);
  out.stale = true;
  out.refused = "manifest_rollback";
  for (std::size_t i = 0; i < rule_states; ++i) out.rules[i] = static_cast<std::uint32_t>(i * 100);
  out.isolation = "full";
  out.sensors = {"inotify", "sweep"};
  out.blind_spots = {"containers"};
  out.sealed = {17, 1'000'000};
  out.pauses = {filled<16>(0x9a)};
  out.gaps = {{filled<16>(0xe0), Stream::routine, 100, 199, filled<32>(0xb3)}};
  out.ledger = {20'852'163, filled<32>(0xb4), "ledger_rewritten"};
  return out;
}

BatchHeader batch_header() {
  BatchHeader out;
  out.node = record_key().hash();
  out.epoch = filled<16>(0xe0);
  out.stream = Stream::routine;
  out.first = 41;
  out.previous = filled<32>(0xd5);
  return out;
}

Batch batch() {
  std::vector<SaltedRecord> records{{filled<16>(0x51), receipt_bytes()},
                                    {filled<16>(0x52), epoch_start_bytes()},
                                    {filled<16>(0x53), Bytes{}}};
  return seal_batch(batch_header(), std::move(records), record_key());
}

KeySuccession succession() {
  KeySuccession out;
  out.node = record_key().hash();
  out.number = 4;
  out.old_key = record_key().hash();
  out.key = key_of(10).public_key();
  out.wall_ns = sealed.wall_ns;
  out.epoch = filled<16>(0xe1);
  out.ended = filled<16>(0xe0);
  out.ends = {KeySuccession::End{17, filled<32>(0xd6)}, KeySuccession::End{44, filled<32>(0xd7)}};
  return out;
}

Bytes succession_object() { return seal_succession(succession(), record_key()); }

Root root() {
  Root out;
  out.fleet = filled<16>(0xf1);
  out.version = 3;
  out.expires_s = 1'800'000'000;
  out.origin = "example.org/fleet";
  out.root = {{key_of(2).public_key(), key_of(3).public_key()}, 2};
  out.policy = {{key_of(4).public_key()}, 1};
  out.ledger = {{key_of(5).public_key()}, 1};
  out.operators = {
      {"ada", key_of(6).public_key(), transport_key_of(6), {Right::view, Right::enroll}},
      {"ben", key_of(7).public_key(), transport_key_of(7), {Right::publish}}};
  return out;
}

Manifest manifest() {
  ManifestBundle staged;
  staged.policy = "base";
  staged.digest = filled<32>(0xb2);
  staged.size = 4'096;
  staged.rules = 2;
  staged.selector = {{{"role", {"db", "web"}}, {"site", {"zrh"}}}, {{"role", {"bastion"}}}};
  staged.stages = {{100, 1'700'000'000}, {1'000, 1'700'086'400}};
  ManifestBundle plain;
  plain.policy = "extra";
  plain.digest = filled<32>(0xb3);
  plain.size = 77;
  plain.rules = 1;
  return Manifest{
      7, 1'700'000'000, 1'702'592'000, "rev-3f9a01c2", {staged, plain}, filled<16>(0xf1)};
}

NodeCertificate certificate() {
  NodeCertificate out;
  out.fleet = filled<16>(0xf1);
  out.node = record_key().hash();
  out.name = "web1.example.org";
  out.labels = {{"role", "web"}, {"site", "zrh"}};
  out.record_key = record_key().public_key();
  out.transport_key = transport_key_of(8);
  out.version = 2;
  out.issued_s = 1'700'000'000;
  return out;
}

Acknowledgement acknowledgement() {
  Acknowledgement out;
  out.node = record_key().hash();
  out.epoch = filled<16>(0xe0);
  out.stream = Stream::routine;
  out.last = 43;
  out.header = filled<32>(0x61);
  out.credit_bytes = 65'536;
  out.leaf_index = 5;
  out.tree_size = 8;
  out.inclusion = {filled<32>(0x62), filled<32>(0x63)};
  out.consistent_from = 4;
  out.consistency = {filled<32>(0x64)};
  out.checkpoint = bytes_of("example.org/fleet\n8\n");
  return out;
}

ControllerContact contact() {
  return {"tcp://controller.example.org:7300", "tcp://[2001:db8::1]:7301", transport_key_of(9)};
}

}  // namespace reeve::samples
