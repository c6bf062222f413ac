#include "agent/netfilter/scratch_request.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "agent/netfilter/netfilter_limits.h"

namespace reeve {
namespace {

void append_text(Bytes& out, std::string_view text) {
  append_u32(out, static_cast<std::uint32_t>(text.size()));
  append(out, view_of(text));
}

std::string text_from(ByteReader& reader) {
  const std::size_t length = reader.u32();
  return std::string(text_of(reader.take(length)));
}

Error malformed() { return {"scratch_failed", "the scratch namespace's process talks nonsense"}; }

}  // namespace

Bytes encode_request(const ScratchRequest& request) {
  Bytes out;
  append_text(out, request.text.table.family);
  append_text(out, request.text.table.name);
  append_text(out, request.text.text);
  append_u32(out, static_cast<std::uint32_t>(request.keep.size()));
  for (const std::string& name : request.keep) append_text(out, name);
  out.push_back(request.chain ? 1 : 0);
  append_text(out, request.chain.value_or(""));
  return out;
}

Result<ScratchRequest> decode_request(ByteView bytes) {
  ByteReader reader(bytes);
  ScratchRequest request;
  request.text.table.family = text_from(reader);
  request.text.table.name = text_from(reader);
  request.text.text = text_from(reader);
  const std::uint32_t kept = reader.u32();
  if (kept > limits::scratch_names_max) return malformed();
  for (std::uint32_t i = 0; i < kept && reader.ok(); ++i) request.keep.push_back(text_from(reader));
  const bool wants_chain = reader.u8() != 0;
  std::string chain = text_from(reader);
  if (wants_chain) request.chain = std::move(chain);
  if (!reader.ok() || !reader.at_end()) return malformed();
  return request;
}

Bytes encode_reply(const ScratchReply& reply) {
  Bytes out;
  out.push_back(reply.error ? 1 : 0);
  const Error error = reply.error.value_or(Error{});
  append_text(out, error.name);
  append_text(out, error.detail);
  append_text(out, error.next);
  append(out, reply.table.view());
  append_u32(out, static_cast<std::uint32_t>(reply.rules.size()));
  for (const ChainRule& rule : reply.rules) {
    append_u64(out, rule.handle);
    append_text(out, rule.comment);
    append(out, rule.meaning.view());
  }
  return out;
}

Result<ScratchReply> decode_reply(ByteView bytes) {
  ByteReader reader(bytes);
  ScratchReply reply;
  const bool failed = reader.u8() != 0;
  Error error{text_from(reader), text_from(reader)};
  error.next = text_from(reader);
  reply.table = reader.take_fixed<32>();
  const std::uint32_t rules = reader.u32();
  for (std::uint32_t i = 0; i < rules && reader.ok(); ++i) {
    ChainRule rule{reader.u64(), text_from(reader), {}};
    rule.meaning = reader.take_fixed<32>();
    reply.rules.push_back(std::move(rule));
  }
  if (!reader.ok() || !reader.at_end()) return malformed();
  if (failed) reply.error = std::move(error);
  return reply;
}

Status bound_waits(int socket) {
  const timeval patience{limits::scratch_deadline_s, 0};
  if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
    return os_error("scratch_failed", "bound", "the wait for a scratch namespace", errno);
  return {};
}

Status send_framed(int socket, ByteView message) {
  Bytes framed;
  append_u32(framed, static_cast<std::uint32_t>(message.size()));
  append(framed, message);
  ByteView rest = framed;
  while (!rest.empty()) {
    const auto sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return os_error("scratch_failed", "write to", "the scratch namespace", errno);
    rest = rest.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

namespace {

Status receive_whole(int socket, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto got = ::recv(socket, out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return Error{"scratch_failed", "nft took too long over the text in a scratch namespace"};
    if (got < 0) return os_error("scratch_failed", "read from", "the scratch namespace", errno);
    if (got == 0) return Error{"scratch_failed", "nft died of the text in a scratch namespace"};
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace

Result<Bytes> receive_framed(int socket, std::size_t bytes_max) {
  Bytes head(4);
  REEVE_TRY(receive_whole(socket, head));
  const std::size_t length = ByteReader(head).u32();
  if (length > bytes_max) return malformed();
  Bytes message(length);
  REEVE_TRY(receive_whole(socket, message));
  return message;
}

}  // namespace reeve
