// The kind `firewall`: tables that are ours as a whole, and single rules in chains that are not.
// Its texts are judged in nft_text, rows become text in firewall_rows, its fields are read in
// firewall_rule, and what it does is in firewall_table and firewall_require; here is its row.
#include "agent/kinds/firewall_objects.h"

namespace reeve {

namespace {

Result<std::unique_ptr<Resource>> bind_firewall(const Rule& rule) {
  auto bound = bind_firewall_rule(rule);
  if (!bound.ok()) return bound.error();
  if (auto* table = std::get_if<OwnTable>(&*bound)) return own_table(std::move(*table));
  return required_rule(std::move(std::get<RequiredRule>(*bound)));
}

constexpr std::string_view protocols_in[] = {"tcp", "udp", "sctp", "ping",
                                             "esp", "gre", "vrrp", "any"};
constexpr std::string_view protocols_with_ports[] = {"tcp", "udp", "sctp"};

constexpr FieldRow inbound_columns[] = {
    {.name = "protocol",
     .type = FieldType::choice,
     .required = true,
     .help = "What may come in; ping is an echo request, any is everything.",
     .choices = protocols_in},
    {.name = "ports",
     .type = FieldType::ports,
     .help = "Ports of tcp, udp or sctp; none stands for all of them.",
     .many = true},
    {.name = "from",
     .type = FieldType::network,
     .help = "Addresses or networks that it may come from; none stands for anywhere.",
     .many = true},
    {.name = "interface",
     .type = FieldType::text,
     .help = "The interface that it comes in by, by its name; a * at the end stands for any rest."},
};

constexpr FieldRow forbid_columns[] = {
    {.name = "protocol",
     .type = FieldType::choice,
     .required = true,
     .help = "The protocol whose ports must not be reachable.",
     .choices = protocols_with_ports},
    {.name = "ports",
     .type = FieldType::ports,
     .required = true,
     .help = "Ports that must not be reachable, whoever listens there.",
     .many = true},
    {.name = "from",
     .type = FieldType::network,
     .help = "Addresses or networks that must not reach them; none stands for all other hosts.",
     .many = true},
};

constexpr FieldRow fields[] = {
    {.name = "table",
     .type = FieldType::text,
     .help = "A table that is the rule's as a whole, as \"inet reeve_web\": whatever is in it and "
             "not in body goes."},
    {.name = "body",
     .type = FieldType::body,
     .help = "With table: what stands between the table's braces, in nft's syntax."},
    {.name = "keep",
     .type = FieldType::text,
     .help = "With table: sets and maps of it whose elements are not compared, and are put back "
             "at a fix.",
     .many = true},
    {.name = "inbound",
     .type = FieldType::rows,
     .help = "What may come into this host; everything else is dropped.",
     .columns = inbound_columns},
    {.name = "require",
     .type = FieldType::text,
     .help = "One rule in nft's syntax that stands at the head of another's chain."},
    {.name = "chain",
     .type = FieldType::text,
     .help = "With require: the chain, as \"ip filter INPUT\"; it is never made."},
    {.name = "forbid",
     .type = FieldType::rows,
     .help = "Ports of this host that no other host may reach, whatever other rules say.",
     .columns = forbid_columns},
};

constexpr std::string_view asking[] = {"table", "inbound", "require", "forbid"};
constexpr FieldGroup groups[] = {{.fields = asking, .at_most_one = true, .at_least_one = true}};

}  // namespace

extern const KindRow firewall_kind;
const KindRow firewall_kind = {
    .name = "firewall",
    .summary = "Tables of the packet filter, and rules in those of others.",
    .fields = fields,
    .groups = groups,
    .bind = bind_firewall,
};

}  // namespace reeve
