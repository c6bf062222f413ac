#include "agent/netfilter/scratch_child.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/netfilter/change_feed.h"
#include "agent/netfilter/netfilter_limits.h"
#include "agent/netfilter/nft_context.h"
#include "agent/netfilter/ruleset_reader.h"
#include "agent/netfilter/scratch_namespace.h"

namespace reeve {
namespace {

constexpr std::string_view canary = "reeve_canary";
constexpr std::string_view canary_families[] = {"ip", "ip6", "inet", "arp", "bridge", "netdev"};

std::string canary_text() {
  std::string out;
  for (const std::string_view family : canary_families)
    out += fmt::format(
        "table {} {} {{\n set s {{ type inet_service; elements = {{ 1, 2 }}; }}\n"
        " counter c {{ packets 3 bytes 4; }}\n chain r {{ meta mark 1 counter packets 5 bytes 6; "
        "}}\n"
        "}}\n",
        family, canary);
  return out;
}

Error escape(std::string detail) {
  return {"firewall_escape", std::move(detail),
          "a table's text may only define what is in that table"};
}

// What an empty namespace without a root directory does not know.
Error refused(const Error& error) {
  Error out{"ruleset_refused", error.detail};
  for (const std::string_view unknown : {"Could not", "does not exist", "Unknown", "No such file"})
    if (out.detail.find(unknown) != std::string::npos)
      out.next =
          "write numbers for services, protocols, users and addresses, and match interfaces by "
          "name with iifname or oifname";
  return out;
}

using Digests = std::vector<std::pair<TableId, Digest>>;

Result<Digests> exact_digests(RulesetReader& reader, const TableId& but) {
  auto tables = reader.tables();
  if (!tables.ok()) return tables.error();
  Digests out;
  for (const TableId& table : *tables) {
    if (table == but) continue;
    auto digest = reader.exact(table);
    if (!digest.ok()) return digest.error();
    out.emplace_back(table, digest->value_or(Digest{}));
  }
  return out;
}

Error failed(const Error& error) {
  return {"scratch_failed", error.detail, error.next, error.os_errno};
}

class Trial {
 public:
  explicit Trial(const ScratchRequest& request) : request_(request) {}

  Result<ScratchReply> run() {
    if (auto ready = prepare(); !ready.ok()) return failed(ready.error());
    if (auto loaded = nft_->run(request_.text.text); !loaded.ok()) return refused(loaded.error());
    REEVE_TRY(stayed_inside());
    return look();
  }

 private:
  Status prepare() {
    auto nft = NftContext::open();
    if (!nft.ok()) return nft.error();
    auto reader = RulesetReader::open();
    if (!reader.ok()) return reader.error();
    nft_ = std::move(*nft);
    reader_ = std::move(*reader);
    if (auto loaded = nft_->run(canary_text()); !loaded.ok()) return loaded.error();
    auto before = exact_digests(*reader_, request_.text.table);
    if (!before.ok()) return before.error();
    before_ = std::move(*before);
    auto feed = ChangeFeed::open(limits::scratch_feed_bytes);
    if (!feed.ok()) return feed.error();
    feed_ = std::move(*feed);
    return {};
  }

  Status stayed_inside() {
    const RulesetNews news = feed_->read();
    if (news.overflowed)
      return Error{"scratch_failed", "the text makes more changes than can be followed"};
    for (const RulesetChange& change : news.changes)
      for (const TableId& table : change.tables)
        if (table != request_.text.table)
          return escape(fmt::format("the text changes table {}", to_text(table)));
    const auto after = exact_digests(*reader_, request_.text.table);
    if (!after.ok()) return failed(after.error());
    if (*after != before_) return escape("the text changes what is not in its table");
    return {};
  }

  Result<ScratchReply> look() {
    const TableId& table = request_.text.table;
    ScratchReply reply;
    auto digest = reader_->table(table, request_.keep);
    if (!digest.ok()) return failed(digest.error());
    if (!*digest) return escape(fmt::format("the text does not make table {}", to_text(table)));
    reply.table = **digest;
    if (!request_.chain) return reply;
    auto rules = reader_->chain(table, *request_.chain);
    if (!rules.ok()) return failed(rules.error());
    if (!*rules)
      return Error{"ruleset_refused", fmt::format("the text makes no chain {}", *request_.chain)};
    reply.rules = std::move(**rules);
    return reply;
  }

  const ScratchRequest& request_;
  std::unique_ptr<NftContext> nft_;
  std::unique_ptr<RulesetReader> reader_;
  std::unique_ptr<ChangeFeed> feed_;
  Digests before_;
};

}  // namespace

ScratchReply try_text(const ScratchRequest& request) {
  if (request.text.table.name == canary)
    return {escape(fmt::format("the table's name {} is reserved", canary)), {}, {}};
  auto reply = Trial(request).run();
  return reply.ok() ? std::move(*reply) : ScratchReply{reply.error(), {}, {}};
}

int serve_scratch(Fd end, const std::string& empty_root) {
  if (!bound_waits(end.get()).ok()) return 1;
  const auto bytes =
      receive_framed(end.get(), limits::scratch_text_bytes_max + limits::scratch_reply_bytes_max);
  if (!bytes.ok()) return 1;
  const auto request = decode_request(*bytes);
  if (!request.ok()) return 1;
  const auto inside = enter_scratch_namespace(end.get(), empty_root);
  const ScratchReply reply =
      inside.ok() ? try_text(*request) : ScratchReply{inside.error(), {}, {}};
  return send_framed(end.get(), encode_reply(reply)).ok() ? 0 : 1;
}

}  // namespace reeve
