// What `reeve push` shows once a manifest is published: hosts adopting it.
#pragma once

#include "controller/cli/adoption.h"
#include "controller/cli/session.h"

namespace reeve::cli {

// A manifest as it was published.
struct Pushed {
  Manifest manifest;
  Bytes object;
  Digest digest;
};

void tell_published(const Pushed& push, const Arguments& arguments);
// `before` is how the nodes stood just before. The command's exit code.
int watch_adoption(Session& session, const Pushed& push, const std::vector<SeenNode>& before,
                   std::int64_t wait_ns, const Arguments& arguments);

}  // namespace reeve::cli
