#include "controller/uploads.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve {

void Uploads::forget_idle() {
  const auto oldest = clock_.boottime_ns() - limits::upload_idle_ns;
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const bool idle = upload->second.touched_ns < oldest;
    if (idle) promised_bytes_ -= upload->second.total;
    upload = idle ? uploads_.erase(upload) : std::next(upload);
  }
}

Result<Uploads::Upload*> Uploads::find_or_begin(const Key& key, const Part& part) {
  if (const auto known = uploads_.find(key); known != uploads_.end()) return &known->second;
  if (part.offset != 0) {
    return Error{"upload_gap", "upload: no part of this bundle is here", "begin at offset 0"};
  }
  if (part.total == 0 || part.total > limits::bundle_bytes_max) {
    return Error{"limit_exceeded", fmt::format("upload: {} bytes; a bundle has 1 to {}", part.total,
                                               limits::bundle_bytes_max)};
  }
  const auto own = std::count_if(uploads_.begin(), uploads_.end(),
                                 [&](const auto& entry) { return entry.first.first == key.first; });
  if (static_cast<std::size_t>(own) >= limits::uploads_per_operator ||
      promised_bytes_ + part.total > limits::upload_bytes_max) {
    return Error{"too_many_uploads", "upload: too many bundles wait for their manifest",
                 "publish what is uploaded, or wait five minutes"};
  }
  auto& begun = uploads_[key];
  begun.total = part.total;
  promised_bytes_ += part.total;
  return &begun;
}

Status Uploads::add(const KeyHash& owner, const Part& part) {
  forget_idle();
  auto found = find_or_begin({owner, part.digest}, part);
  if (!found.ok()) return found.error();
  auto& upload = **found;
  upload.touched_ns = clock_.boottime_ns();
  if (part.total != upload.total || part.offset > upload.total ||
      part.bytes.size() > upload.total - part.offset) {
    return Error{"upload_mismatch", "upload: this part does not fit the bundle it belongs to"};
  }
  if (part.offset + part.bytes.size() <= upload.bytes.size()) return {};
  if (part.offset != upload.bytes.size()) {
    return Error{"upload_gap", fmt::format("upload: the next part begins at {}, this one at {}",
                                           upload.bytes.size(), part.offset)};
  }
  append(upload.bytes, part.bytes);
  if (upload.bytes.size() < upload.total) return {};
  upload.finished = sha256(upload.bytes) == part.digest;
  if (upload.finished) return {};
  promised_bytes_ -= upload.total;
  uploads_.erase({owner, part.digest});
  return Error{"upload_mismatch", "upload: the bundle does not have its digest"};
}

const Bytes* Uploads::find(const Digest& digest) const {
  for (const auto& [key, upload] : uploads_) {
    if (key.second == digest && upload.finished) return &upload.bytes;
  }
  return nullptr;
}

void Uploads::remove(const Digest& digest) {
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const bool wanted = upload->first.second == digest;
    if (wanted) promised_bytes_ -= upload->second.total;
    upload = wanted ? uploads_.erase(upload) : std::next(upload);
  }
}

}  // namespace reeve
