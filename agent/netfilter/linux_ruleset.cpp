#include "agent/netfilter/linux_ruleset.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>

#include "agent/netfilter/netfilter_limits.h"
#include "agent/netfilter/netlink_channel.h"
#include "agent/netfilter/nft_context.h"
#include "agent/netfilter/nft_words.h"
#include "agent/netfilter/ruleset_reader.h"
#include "agent/netfilter/scratch_request.h"

namespace reeve {
namespace {

// Names as nft's grammar has them, so that one can stand in a text of ours and means nothing else.
bool is_plain_name(std::string_view name) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
  return !name.empty() && name.find_first_not_of(plain) == std::string_view::npos;
}

Status is_tryable(const ScratchRequest& request) {
  if (request.text.text.size() > limits::scratch_text_bytes_max)
    return Error{"ruleset_refused",
                 fmt::format("the text is longer than {} bytes", limits::scratch_text_bytes_max)};
  if (request.keep.size() > limits::scratch_names_max)
    return Error{"ruleset_refused", "more sets to keep than any table has"};
  REEVE_TRY(reads_no_file(request.text.text));
  return only_adds(request.text.text);
}

}  // namespace

// The oldest answer makes room for a new one.
class LinuxRuleset::Remembered {
 public:
  const ScratchReply* find(const Digest& request) const {
    const auto found = replies_.find(request);
    return found == replies_.end() ? nullptr : &found->second;
  }
  void add(const Digest& request, ScratchReply reply) {
    if (order_.size() >= limits::scratch_results_max) {
      replies_.erase(order_.front());
      order_.pop_front();
    }
    if (replies_.emplace(request, std::move(reply)).second) order_.push_back(request);
  }

 private:
  std::map<Digest, ScratchReply> replies_;
  std::deque<Digest> order_;
};

Result<std::unique_ptr<Ruleset>> LinuxRuleset::open(std::unique_ptr<ScratchRoom> room) {
  auto reader = RulesetReader::open();
  if (!reader.ok()) return reader.error();
  auto nft = NftContext::open();
  if (!nft.ok()) return nft.error();
  return std::unique_ptr<Ruleset>(
      std::make_unique<LinuxRuleset>(std::move(*reader), std::move(*nft), std::move(room)));
}

LinuxRuleset::LinuxRuleset(std::unique_ptr<RulesetReader> reader, std::unique_ptr<NftContext> nft,
                           std::unique_ptr<ScratchRoom> room)
    : reader_(std::move(reader)),
      nft_(std::move(nft)),
      room_(std::move(room)),
      remembered_(std::make_unique<Remembered>()) {}

LinuxRuleset::~LinuxRuleset() = default;

Result<std::optional<Digest>> LinuxRuleset::table(const TableId& table,
                                                  std::span<const std::string> keep) const {
  return reader_->table(table, keep);
}

Result<std::optional<std::vector<ChainRule>>> LinuxRuleset::chain(const TableId& table,
                                                                  const std::string& chain) const {
  return reader_->chain(table, chain);
}

Result<Digest> LinuxRuleset::canonical_table(const ScratchText& text,
                                             std::span<const std::string> keep) const {
  auto reply = canonical({text, {keep.begin(), keep.end()}, std::nullopt});
  if (!reply.ok()) return reply.error();
  return reply->table;
}

Result<std::vector<ChainRule>> LinuxRuleset::canonical_chain(const ScratchText& text,
                                                             const std::string& chain) const {
  auto reply = canonical({text, {}, chain});
  if (!reply.ok()) return reply.error();
  return std::move(reply->rules);
}

// What the namespace itself failed at may succeed another time, and is not remembered.
Result<ScratchReply> LinuxRuleset::canonical(const ScratchRequest& request) const {
  const Bytes bytes = encode_request(request);
  const Digest key = sha256(bytes);
  if (const ScratchReply* known = remembered_->find(key))
    return known->error ? Result<ScratchReply>(*known->error) : *known;
  REEVE_TRY(is_tryable(request));
  auto end = room_->enter();
  if (!end.ok()) return end.error();
  REEVE_TRY(bound_waits(end->get()));
  REEVE_TRY(send_framed(end->get(), bytes));
  const auto answer = receive_framed(end->get(), limits::scratch_reply_bytes_max);
  if (!answer.ok()) return answer.error();
  auto reply = decode_reply(*answer);
  if (!reply.ok()) return reply.error();
  if (reply->error && reply->error->name == "scratch_failed") return *reply->error;
  remembered_->add(key, *reply);
  if (reply->error) return *reply->error;
  return reply;
}

Result<std::optional<std::string>> LinuxRuleset::listing(const TableId& table) const {
  if (!family_number(table.family) || !is_plain_name(table.name))
    return Error{"check_failed", fmt::format("nft cannot list table {}", to_text(table))};
  const auto there = reader_->table(table, {});
  if (!there.ok()) return there.error();
  if (!*there) return std::optional<std::string>{};
  auto text = nft_->run(fmt::format("list table {} {}", table.family, table.name));
  if (!text.ok()) return Error{"check_failed", text.error().detail};
  return std::optional(std::move(*text));
}

Status LinuxRuleset::apply(const std::string& text) {
  REEVE_TRY(reads_no_file(text));
  auto ran = nft_->run(text);
  if (!ran.ok()) return Error{"fix_failed", ran.error().detail};
  return {};
}

void LinuxRuleset::rest() {
  nft_->rest();
  // Half a megabyte a table, in pieces too small to go back to the kernel by themselves.
  malloc_trim(0);
}

}  // namespace reeve
