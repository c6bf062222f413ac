// libnftables with its output kept in memory: a text in, words out. Made before the deciding
// process is sealed, since it reads tables of names from /etc. A context is kept for a few runs:
// what it remembers of the kernel is half a megabyte a table, and giving it back waits for what the
// last transaction left the kernel to free (20 ms and more). Names of hosts, services and users are
// none of its business: texts come here vetted. Times of day in rules are UTC everywhere. One
// thread uses it.
#pragma once

#include <memory>

#include "agent/netfilter/netfilter_limits.h"
#include "common/result.h"

namespace reeve {

class NftContext {
 public:
  // Errors: `nft_failed`.
  static Result<std::unique_ptr<NftContext>> open();
  NftContext();
  ~NftContext();
  NftContext(const NftContext&) = delete;

  // Runs the text as one transaction and answers what it prints. Errors: `nft_refused` with nft's
  // words, shortened to limits::nft_words_max.
  Result<std::string> run(const std::string& text);
  // Gives back what the runs so far have left. Best long after the last: see above.
  void rest();

 private:
  struct Context;
  Status renew();

  std::unique_ptr<Context> context_;
  int runs_ = 0;
};

}  // namespace reeve
