#include "agent/netfilter/nft_context.h"

#include <fmt/format.h>
#include <nftables/libnftables.h>

#include <algorithm>
#include <cstdlib>

#include "common/limits.h"
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

// nft shows each error in three lines: what, the line of the text, and where in it.
std::string errors_in(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    std::string_view line = take_line(words);
    const auto error = line.find("Error: ");
    if (error == std::string_view::npos) continue;
    line.remove_prefix(error + 7);
    std::string_view source = take_line(words);
    source.remove_prefix(std::min(source.find_first_not_of(" \t"), source.size()));
    out += fmt::format("{}{} in `{}`", out.empty() ? "" : "; ", line,
                       shortened(source, limits::nft_line_max));
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

Result<std::string> NftContext::run(const std::string& text) {
  // What libnftables may leak in a run is given back from time to time.
  if (++runs_ > limits::nft_runs_max) REEVE_TRY(renew());
  nft_ctx* handle = context_->handle.get();
  const int outcome = nft_run_cmd_from_buffer(handle, text.c_str());
  // Reading a buffer empties it.
  std::string output = words_of(nft_ctx_get_output_buffer(handle));
  std::string words = words_of(nft_ctx_get_error_buffer(handle));
  if (outcome == 0) return output;
  std::string errors = errors_in(words);
  if (errors.empty()) errors = "nft refused the text without a word";
  return Error{"nft_refused", shortened(printable(errors), limits::nft_words_max)};
}

}  // namespace reeve
