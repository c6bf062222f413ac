#include "controller/operator_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace reeve {
namespace {

constexpr std::size_t epoch_prefix_min = 8;
constexpr std::size_t epoch_hex_digits = 2 * Epoch::size();

Value encode_error(const Error& error) {
  Value::Map map{{"name", error.name}, {"detail", error.detail}};
  if (!error.next.empty()) map.emplace_back("next", error.next);
  return map;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The next part up to a slash; text then begins behind it.
std::string_view cut_part(std::string_view& text) {
  const auto slash = text.find('/');
  const auto part = text.substr(0, slash);
  text = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
  return part;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

Bytes encode_operator_request(const OperatorRequest& request) {
  return encode(Value::Map{{"v", operator_protocol_version},
                           {"id", request.id},
                           {"op", request.operation},
                           {"made", request.made_wall_ns},
                           {"ctl", request.controller},
                           {"args", request.arguments}});
}

Result<OperatorRequest> decode_operator_request(ByteView payload) {
  auto value = decode(payload);
  if (!value.ok()) return value.error();
  Fields fields(*value, "operator request");
  const auto version = fields.natural("v");
  OperatorRequest request;
  request.id = fields.natural("id");
  request.operation = fields.text("op");
  request.made_wall_ns = fields.integer("made");
  request.controller = fields.bytes<32>("ctl");
  request.arguments = fields.value("args");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (version != operator_protocol_version) {
    return Error{"unsupported_version", fmt::format("operator request: version {}, expected {}",
                                                    version, operator_protocol_version)};
  }
  if (request.arguments.map() == nullptr) {
    return Error{"malformed", "operator request: args is no map"};
  }
  return request;
}

Bytes encode_operator_reply(const OperatorReply& reply) {
  Value::Map map{{"id", reply.id}, {"more", reply.more}};
  if (reply.error) {
    map.emplace_back("error", encode_error(*reply.error));
  } else {
    map.emplace_back("items", reply.items);
  }
  return encode(std::move(map));
}

Result<OperatorReply> decode_operator_reply(ByteView bytes) {
  auto value = decode(bytes);
  if (!value.ok()) return value.error();
  Fields fields(*value, "operator reply");
  OperatorReply reply;
  reply.id = fields.natural("id");
  reply.more = fields.boolean("more");
  if (fields.has("error")) {
    Fields error(fields.value("error"), "operator reply error");
    reply.error = Error{error.text("name"), error.text("detail"), error.text_or("next", "")};
    REEVE_TRY(error.finish(UnknownFields::keep));
  } else {
    reply.items = fields.array("items");
  }
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return reply;
}

std::optional<RecordName> parse_record_name(std::string_view text) {
  RecordName name;
  name.node = cut_part(text);
  name.epoch_prefix = cut_part(text);
  const auto stream = stream_named(cut_part(text));
  const auto sequence = parse_number(cut_part(text));
  const bool epoch_valid = name.epoch_prefix.size() >= epoch_prefix_min &&
                           name.epoch_prefix.size() <= epoch_hex_digits &&
                           is_hex(name.epoch_prefix);
  if (!text.empty() || !is_valid_id(name.node) || !epoch_valid || !stream || !sequence) {
    return std::nullopt;
  }
  name.stream = *stream;
  name.sequence = *sequence;
  return name;
}

std::string record_name(std::string_view node, const Epoch& epoch, Stream stream,
                        std::uint64_t sequence) {
  return fmt::format("{}/{}/{}/{}", node, hex(epoch.view()).substr(0, epoch_prefix_min),
                     name_of(stream), sequence);
}

}  // namespace reeve
