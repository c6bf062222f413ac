// The scratch child: a process that shuts itself into an empty network namespace and an empty root
// directory, without privileges outside, loads one text there and says what became of it. Tables of
// its own stand guard: a text that touches them, or any table but the one that it may make, has
// escaped, and so has one whose changes the kernel told of and then took back.
#pragma once

#include "agent/netfilter/scratch_request.h"
#include "common/fd.h"

namespace reeve {

// The forked child's whole life: reads one request from the stream, answers it. Exit status.
// `empty_root` as for enter_scratch_namespace().
int serve_scratch(Fd end, const std::string& empty_root);

// What serve_scratch() does once it is shut in; changes the network namespace that it is called in.
ScratchReply try_text(const ScratchRequest& request);

}  // namespace reeve
