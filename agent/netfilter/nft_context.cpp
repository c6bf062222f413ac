#include "agent/netfilter/nft_context.h"

#include <fmt/format.h>
#include <nftables/libnftables.h>

#include <algorithm>
#include <cstdlib>

#include "agent/netfilter/netfilter_limits.h"
#include "common/text.h"

namespace reeve {
namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

std::string words_of(const char* buffer) {
  return buffer == nullptr ? std::string() : std::string(buffer);
}

std::string_view take_line(std::string_view& words) {
  const std::string_view line = words.substr(0, words.find('\n'));
  words.remove_prefix(std::min(words.size(), line.size() + 1));
  return line;
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

// Whether so many characters there are a piece of the line: neither blank at an end nor cut in the
// middle of a word.
bool is_piece(std::string_view line, std::size_t at, std::size_t length) {
  if (length == 0 || at + length > line.size()) return false;
  const std::size_t end = at + length;
  const auto is_blank = [&](std::size_t i) { return line[i] == ' ' || line[i] == '\t'; };
  if (is_blank(at) || is_blank(end - 1)) return false;
  if (at > 0 && is_word(line[at - 1]) && is_word(line[at])) return false;
  return end == line.size() || !is_word(line[end - 1]) || !is_word(line[end]);
}

// The line of the text that nft's marks stand under. Of a text that does not come from a file nft
// 1.0.6 tells the columns and always shows the first line; where several lines would do, none is
// named. Empty then.
std::string_view marked_line(std::string_view text, std::string_view marks) {
  const std::size_t at = std::min(marks.find('^'), marks.size());
  std::string_view found;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!is_piece(line, at, marks.size() - at)) continue;
    if (!found.empty()) return {};
    found = line;
  }
  return found;
}

// nft shows each error in three lines: what, a line of the text, and marks under where it is.
std::string errors_in(std::string_view words, std::string_view text) {
  std::string out;
  while (!words.empty()) {
    std::string_view line = take_line(words);
    const auto error = line.find("Error: ");
    if (error == std::string_view::npos) continue;
    line.remove_prefix(error + 7);
    take_line(words);
    std::string_view source = marked_line(text, take_line(words));
    source.remove_prefix(std::min(source.find_first_not_of(" \t"), source.size()));
    out += fmt::format("{}{}", out.empty() ? "" : "; ", line);
    if (!source.empty()) out += fmt::format(" in `{}`", shortened(source, limits::nft_line_max));
  }
  return out;
}

}  // namespace

struct NftContext::Context {
  std::unique_ptr<nft_ctx, FreeContext> handle;
};

NftContext::NftContext() = default;
NftContext::~NftContext() = default;

Result<std::unique_ptr<NftContext>> NftContext::open() {
  // nft reckons times of day in the local zone, and an empty namespace has another than the host.
  if (::setenv("TZ", "UTC0", 1) != 0) return Error{"nft_failed", "cannot set the time zone"};
  auto context = std::make_unique<NftContext>();
  REEVE_TRY(context->renew());
  return context;
}

Status NftContext::renew() {
  auto fresh = std::make_unique<Context>();
  fresh->handle.reset(nft_ctx_new(NFT_CTX_DEFAULT));
  nft_ctx* handle = fresh->handle.get();
  if (handle == nullptr || nft_ctx_buffer_output(handle) != 0 || nft_ctx_buffer_error(handle) != 0)
    return Error{"nft_failed", "libnftables does not start"};
  nft_ctx_clear_include_paths(handle);
  nft_ctx_output_set_flags(handle, NFT_CTX_OUTPUT_STATELESS);
  context_ = std::move(fresh);
  runs_ = 0;
  return {};
}

// One that cannot be had is no reason to give up the one that is there.
void NftContext::rest() {
  if (runs_ > 0) static_cast<void>(renew());
}

Result<std::string> NftContext::run(const std::string& text) {
  // What libnftables remembers of each run's table is given back, before a run and never behind it:
  // closing its socket waits for the kernel to free what the last transaction replaced.
  if (runs_ >= limits::nft_runs_max) REEVE_TRY(renew());
  ++runs_;
  nft_ctx* handle = context_->handle.get();
  const int outcome = nft_run_cmd_from_buffer(handle, text.c_str());
  // Reading a buffer empties it.
  std::string output = words_of(nft_ctx_get_output_buffer(handle));
  std::string words = words_of(nft_ctx_get_error_buffer(handle));
  if (outcome == 0) return output;
  std::string errors = errors_in(words, text);
  if (errors.empty()) errors = "nft refused the text without a word";
  return Error{"nft_refused", shortened(printable(errors), limits::nft_words_max)};
}

}  // namespace reeve
