// Where records go that leave the ledger for other tools: each takes one page at a time, whole, or
// says why it did not. What is delivered again carries the same record's name.
#pragma once

#include <memory>
#include <span>

#include "controller/cli/verify.h"

namespace reeve::cli {

class ExportSink {
 public:
  virtual ~ExportSink() = default;
  // Error `delivery_failed`: another try may do better; all others are final.
  virtual Status deliver(std::span<const SeenRecord> records) = 0;
};

// `file:PATH`: one JSON object a line, appended and synced. `syslog:tcp://HOST:PORT`,
// `syslog:udp://HOST:PORT`, `syslog:unix:PATH`: RFC 5424; over TCP with octet counting (RFC 6587
// section 3.4.1), to a local socket as datagrams. `webhook:URL`: a POST of JSON lines, signed by
// `secret`. Errors: `usage`, `file_unwritable`.
Result<std::unique_ptr<ExportSink>> open_sink(const std::string& target, Bytes secret);

// The one line of syslog for a record; where it would be longer, its name and `truncated`. Pure.
std::string syslog_line(const SeenRecord& seen, std::size_t bytes_max);
// What the header Reeve-Signature holds: "v1=" and the HMAC-SHA-256, in hexadecimal digits, of
// the seconds since 1970 as in Reeve-Timestamp, a dot and the body. Pure.
std::string webhook_signature(ByteView secret, std::int64_t now_s, std::string_view body);

// The gate to libcurl. `secret` may be empty: nothing is signed then. Error `usage` for what is no
// https URL, or http beyond this machine.
Result<std::unique_ptr<ExportSink>> open_webhook(const std::string& url, Bytes secret);

}  // namespace reeve::cli
