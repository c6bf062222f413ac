// A network namespace of the test program's own, without which no case here runs: as an ordinary
// user in a user namespace as well. Cases share it and begin with an empty ruleset.
#pragma once

#include <doctest/doctest.h>

#include "agent/host_ruleset.h"
#include "agent/netfilter/linux_ruleset.h"
#include "agent/netfilter/nft_context.h"
#include "agent/netfilter/ruleset_reader.h"

namespace reeve::fixture {

// Enters it at the first call. False, having said why, where none can be had.
bool in_own_namespace();

// A case that needs the namespace.
#define NAMESPACE_CASE(name) TEST_CASE(name* doctest::skip(!reeve::fixture::in_own_namespace()))

struct PacketFilter {
  PacketFilter();  // with an empty ruleset

  void load(const std::string& text);   // must succeed
  bool takes(const std::string& text);  // where the kernel may lack what it needs
  Digest digest(const TableId& table, std::vector<std::string> keep = {});
  Digest exact(const TableId& table);
  // Of table inet t, loaded alone.
  Digest digest_of(const std::string& text, std::vector<std::string> keep = {});

  std::unique_ptr<NftContext> nft;
  std::unique_ptr<RulesetReader> reader;
};

inline const TableId inet_t{"inet", "t"};
inline std::string table_t(const std::string& body) { return "table inet t {\n" + body + "\n}\n"; }

void loopback_up();            // the interface lo of the namespace
void send_datagram(int port);  // over loopback, IPv4

}  // namespace reeve::fixture
