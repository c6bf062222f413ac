// libnftables with its output kept in memory: a text in, words out. What it remembers of the kernel
// (half a megabyte a table) is given back after each run: making a context anew costs a twentieth of
// a transaction. Names of hosts, services and users are none of its business: texts come here
// vetted. Times of day in rules are UTC everywhere. One thread uses it.
#pragma once

#include <memory>

#include "common/result.h"

namespace reeve {

class NftContext {
 public:
  // Errors: `nft_failed`.
  static Result<std::unique_ptr<NftContext>> open();

  // Runs the text as one transaction and answers what it prints. Errors: `nft_refused` with nft's
  // words, shortened to limits::nft_words_max; `nft_failed`.
  Result<std::string> run(const std::string& text);
};

}  // namespace reeve
