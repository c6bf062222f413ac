#include "controller/cli/bundle_fetch.h"

#include "common/limits.h"

namespace reeve::cli {

Result<Bytes> fetch_bundle(Session& session, const Digest& digest) {
  Bytes bytes;
  for (std::uint64_t total = 1; bytes.size() < total;) {
    const auto items = session.controller().request(
        "bundle", {{"digest", digest}, {"offset", std::uint64_t{bytes.size()}}});
    if (!items.ok()) return items.error();
    if (items->empty()) return Error{.name = "malformed", .detail = "an empty part of a bundle"};
    Fields fields(items->front(), "bundle");
    total = fields.natural("total");
    const Bytes part = fields.binary("bytes");
    REEVE_TRY(fields.finish(UnknownFields::keep));
    if (part.empty() || total > limits::bundle_bytes_max || bytes.size() + part.size() > total)
      return Error{.name = "malformed", .detail = "the controller's bundle has another size"};
    append(bytes, part);
  }
  if (sha256(bytes) == digest) return bytes;
  return Error{.name = "wrong_digest", .detail = "the controller's bundle is another one"};
}

}  // namespace reeve::cli
