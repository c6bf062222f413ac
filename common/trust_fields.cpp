#include "common/trust_fields.h"

#include "common/limits.h"

namespace reeve::trust_fields {

Error malformed(std::string_view what, std::string_view problem) {
  return Error{"malformed", std::string(what) + ": " + std::string(problem)};
}

Error over_limit(std::string_view what, std::string_view problem) {
  return Error{"limit_exceeded", std::string(what) + ": " + std::string(problem)};
}

Result<SignedObject> open_object(ByteView object, ObjectType type) {
  if (object.size() > limits::trust_object_bytes_max) {
    return over_limit("signed object", "is larger than a message can carry");
  }
  return parse_signed_object(object, type);
}

std::vector<PublicKey> enroller_keys(const Root& root) {
  std::vector<PublicKey> keys;
  for (const Operator& who : root.operators) {
    if (has_right(who, Right::enroll)) keys.push_back(who.key);
  }
  return keys;
}

Result<Value> decode_payload(ByteView payload, std::string_view what) {
  auto value = decode(payload);
  if (!value) return value.error();
  const Value* found = value->find("format");
  auto number = found ? found->natural() : std::nullopt;
  if (!number) return malformed(what, "has no format number");
  if (*number != format) {
    return Error{"unsupported_version", std::string(what) + ": format " + std::to_string(*number) +
                                            " is not known to this version of Reeve"};
  }
  return value;
}

Status require_fleet(std::string_view what, const FleetId& named, const Root& trusted) {
  if (named == trusted.fleet) return {};
  return Error{"wrong_fleet", std::string(what) + ": was signed for another fleet",
               "use the directory of the fleet that it was made for"};
}

}  // namespace reeve::trust_fields
