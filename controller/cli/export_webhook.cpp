// The gate to libcurl: one POST for each page of records.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <ctime>

#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/export_sinks.h"
#include "controller/cli/record_view.h"

namespace reeve::cli {
namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// What a receiver answers is not looked at beyond its status.
std::size_t drop(char* /*bytes*/, std::size_t size, std::size_t count, void* /*unused*/) {
  return size * count;
}

class Webhook final : public ExportSink {
 public:
  Webhook(Easy curl, std::string host, Bytes secret)
      : curl_(std::move(curl)), host_(std::move(host)), secret_(std::move(secret)) {}

  Status deliver(std::span<const SeenRecord> records) override {
    std::string body;
    for (const SeenRecord& seen : records) body += record_json(seen);
    const std::int64_t now_s = std::time(nullptr);
    Headers headers(nullptr, curl_slist_free_all);
    const auto add = [&](const std::string& line) {
      headers.reset(curl_slist_append(headers.release(), line.c_str()));
    };
    add("Content-Type: application/x-ndjson");
    add(fmt::format("Reeve-Timestamp: {}", now_s));
    if (!secret_.empty()) add("Reeve-Signature: " + webhook_signature(secret_, now_s, body));
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDS, body.data());
    const CURLcode code = curl_easy_perform(curl_.get());
    if (code != CURLE_OK) return failed(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300 ? Status{} : failed(fmt::format("status {}", status));
  }

 private:
  Error failed(std::string_view why) const {
    return Error{.name = "delivery_failed",
                 .detail = fmt::format("webhook at {}: {}", printable(host_), why)};
  }

  Easy curl_;
  std::string host_;  // all that is told of the URL, which may hold secrets
  Bytes secret_;
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_this_machine(const std::string& host) {
  in_addr address{};
  const bool is_loopback =
      inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]" || is_loopback;
}

struct Target {
  std::string host;
  bool is_clear = false;  // http, within this machine
};

// Records go nowhere in the clear but within this machine.
Result<Target> read_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  const bool is_url = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  const std::string scheme = is_url ? part_of(parsed.get(), CURLUPART_SCHEME) : "";
  Target target{part_of(parsed.get(), CURLUPART_HOST), scheme == "http"};
  if (scheme == "https" || (target.is_clear && is_this_machine(target.host))) return target;
  return Error{.name = "usage",
               .detail = "the webhook's is no https URL; http is for this machine only",
               .next = "reeve export --help"};
}

}  // namespace

Result<std::unique_ptr<ExportSink>> open_webhook(const std::string& url, Bytes secret) {
  const auto target = read_url(url);
  if (!target.ok()) return target.error();
  Easy curl(curl_easy_init(), curl_easy_cleanup);
  REEVE_ASSERT(curl != nullptr);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
  // A proxy of the environment is not this machine.
  if (target->is_clear) curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, long{limits::export_timeout_s});
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "reeve/" REEVE_VERSION);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, drop);
  return std::unique_ptr<ExportSink>(
      std::make_unique<Webhook>(std::move(curl), target->host, std::move(secret)));
}

}  // namespace reeve::cli
