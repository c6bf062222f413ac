// Bundles on their way from operators, in memory until a manifest publishes them. Bounded in number
// and bytes, and forgotten when nothing comes for limits::upload_idle_ns.
#pragma once

#include <map>

#include "common/clock.h"
#include "common/seal.h"
#include "controller/controller_limits.h"

namespace reeve {

class Uploads {
 public:
  explicit Uploads(const Clock& clock) : clock_(clock) {}

  struct Part {
    Digest digest;
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    ByteView bytes;
  };
  // Parts come in order; a part that is there already is success. A finished upload whose bytes do
  // not have their digest is forgotten. Errors: `upload_gap`, `upload_mismatch`, `limit_exceeded`,
  // `too_many_uploads`.
  Status add(const KeyHash& owner, const Part& part);
  // The bytes of a finished upload by anyone; null when there is none.
  const Bytes* find(const Digest& digest) const;
  void remove(const Digest& digest);

 private:
  struct Upload {
    Bytes bytes;
    std::uint64_t total = 0;
    std::int64_t touched_ns = 0;
    bool finished = false;
  };
  using Key = std::pair<KeyHash, Digest>;
  void forget_idle();
  Result<Upload*> find_or_begin(const Key& key, const Part& part);

  const Clock& clock_;
  std::map<Key, Upload> uploads_;
  std::size_t promised_bytes_ = 0;
};

}  // namespace reeve
