#include "controller/audit/batch_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/stored_bodies.h"

namespace reeve {
namespace {

Error fault(std::string_view name, const Error& beneath) {
  return Error{std::string(name), fmt::format("{}: {}", beneath.name, beneath.detail)};
}

Error not_signed(std::string_view why) { return Error{"leaf_not_signed", std::string(why)}; }

ChainKey key_of(const BatchHeader& header) { return {header.node, header.epoch, header.stream}; }

// A record `gap` of numbered records; absent for every other record.
std::optional<ChainGap> gap_in(ByteView bytes) {
  const auto record = decode_record(bytes);
  if (!record.ok() || record->type != "gap" || record->body.find("epoch") == nullptr)
    return std::nullopt;
  Fields fields(record->body, "gap");
  ChainGap gap;
  gap.epoch = fields.bytes<16>("epoch");
  const auto stream = stream_named(fields.text("stream"));
  gap.stream = stream.value_or(Stream::urgent);
  gap.first = fields.natural("first");
  gap.last = fields.natural("last");
  gap.header = fields.bytes<32>("header");
  if (!stream || !fields.finish(UnknownFields::keep).ok()) return std::nullopt;
  return gap;
}

Status check_row(const BatchRow& row, const BatchHeader& header, ByteView object) {
  const bool is_same = row.node == header.node && row.first == header.first &&
                       row.count == header.count && row.header == sha256(object);
  if (is_same) return {};
  return Error{"batch_differs", "the store's row of this batch says another thing than its header"};
}

}  // namespace

Status BatchWalk::take_certificate(const NodeCertificate& certificate) {
  const RecordKey first{certificate.record_key, 0, std::nullopt};
  const auto [owner, fresh] = owners_.try_emplace(first.hash(), certificate.node);
  if (owner->second != certificate.node) return not_signed("another node's key is in it");
  keys_.try_emplace(certificate.node, certificate.node, first);
  if (keys_.at(certificate.node).find(first.hash()) != nullptr) return {};
  return not_signed("a later certificate has another record key");
}

Status BatchWalk::take_succession(ByteView object) {
  const auto signer = signer_of(object, ObjectType::key_succession);
  if (!signer.ok()) return fault("leaf_not_signed", signer.error());
  const auto owner = owners_.find(*signer);
  if (owner == owners_.end()) return not_signed("key_unknown: by no key of a node");
  const auto added = keys_.at(owner->second).add(object);
  if (!added.ok()) return fault("leaf_not_signed", added.error());
  if (*added == KeyChain::Added::known) return not_signed("broken_chain: it is there twice");
  const auto opened = parse_signed_object(object, ObjectType::key_succession);
  const auto link = decode_succession(opened->payload);
  owners_.try_emplace(key_hash(link->key), owner->second);
  return {};
}

Result<BatchHeader> BatchWalk::judge_header(ByteView object) const {
  const auto signer = signer_of(object, ObjectType::batch_header);
  if (!signer.ok()) return fault("leaf_not_signed", signer.error());
  const auto owner = owners_.find(*signer);
  if (owner == owners_.end()) return not_signed("key_unknown: by no key of a node");
  const KeyChain& chain = keys_.at(owner->second);
  const RecordKey* key = chain.find(*signer);
  REEVE_ASSERT(key != nullptr);
  const auto opened = parse_signed_object(object, ObjectType::batch_header);
  if (auto holds = require_signatures(*opened, {&key->key, 1}, 1); !holds.ok())
    return fault("leaf_not_signed", holds.error());
  auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return fault("leaf_not_signed", header.error());
  if (header->key != *signer || header->node != owner->second)
    return not_signed("bad_signature: it names another key or node than the one that signed");
  if (auto may = check_use(*key, chain.successors(*signer), *header); !may.ok())
    return fault("leaf_not_signed", may.error());
  return header;
}

Status BatchWalk::take_batch(const Leaf& leaf, const BatchRow& row) {
  const auto header = judge_header(leaf.object);
  if (!header.ok()) return header.error();
  REEVE_TRY(check_row(row, *header, leaf.object));
  REEVE_TRY(take_bodies(leaf, row, *header));
  if (row.standing == Standing::equivocation) return check_aside(row, *header);
  return take_chained(leaf, row, *header);
}

// Bodies may be withheld, all of a batch's or some: the header still proves how many there were.
Status BatchWalk::take_bodies(const Leaf& leaf, const BatchRow& row, const BatchHeader& header) {
  ++counts_.batches;
  counts_.records += header.count;
  const auto records = read_bodies(header, row.bodies);
  if (!records.ok()) return fault("body_changed", records.error());
  const auto there = std::ranges::count_if(
      *records, [](const StoredRecord& record) { return record.body.has_value(); });
  const std::uint64_t missing = header.count - static_cast<std::uint64_t>(there);
  if (missing > 0) {
    ++counts_.withheld;
    counts_.withheld_records += missing;
    if (!counts_.first_withheld) counts_.first_withheld = leaf.index;
  }
  for (const StoredRecord& record : *records) {
    const auto gap = record.body ? gap_in(record.body->bytes) : std::nullopt;
    if (gap) explain(header.node, *gap);
  }
  return {};
}

void BatchWalk::explain(const NodeId& node, const ChainGap& gap) {
  gaps_[{node, gap.epoch, gap.stream}].emplace(gap.last, gap);
}

Status BatchWalk::take_chained(const Leaf& leaf, const BatchRow& row, const BatchHeader& header) {
  const auto [place, fresh] = ends_.try_emplace(key_of(header), End{0, {}, row.chain, 0});
  End& end = place->second;
  if (end.id != row.chain)
    return Error{"batch_differs", "the store's row of this batch puts it into another chain"};
  if (header.first < end.next)
    return Error{"chain_broken", "its sequences are taken by an earlier batch of its chain"};
  if (header.first == end.next && header.previous != end.last)
    return Error{"chain_broken", "it names another header before it than the one that is there"};
  if (header.first > end.next) {
    const ChainGap missing{header.epoch, header.stream, end.next, header.first - 1,
                           header.previous};
    holes_.push_back({leaf.index, header.node, missing});
  }
  end.next = header.first + header.count;
  end.last = row.header;
  end.leaf = leaf.index;
  return {};
}

Status BatchWalk::check_aside(const BatchRow& row, const BatchHeader& header) const {
  const auto found = ends_.find(key_of(header));
  if (found == ends_.end() || found->second.id != row.chain)
    return Error{"batch_differs", "it is kept aside of a chain that is not there"};
  if (header.first == found->second.next && header.previous == found->second.last)
    return Error{"chain_broken", "it is kept aside, and yet its chain goes on with it"};
  return {};
}

// From its end backwards: the last piece names the header that the batch behind the hole names, the
// others join on. A segment of a journal that made way is a piece.
bool BatchWalk::is_accounted_for(const ChainHole& hole) const {
  const ChainGap& missing = hole.gap;
  const auto told = gaps_.find({hole.node, missing.epoch, missing.stream});
  if (told == gaps_.end()) return false;
  std::optional<std::uint64_t> first;
  const auto [from, until] = told->second.equal_range(missing.last);
  for (auto piece = from; piece != until; ++piece) {
    if (piece->second.header == missing.header)
      first = std::min(first.value_or(missing.last), piece->second.first);
  }
  while (first && *first > missing.first) {
    const auto before = told->second.lower_bound(*first - 1);
    if (before == told->second.end() || before->second.first >= *first) return false;
    first = before->second.first;
  }
  return first.has_value();
}

std::optional<ChainHole> BatchWalk::unexplained_hole() const {
  const auto found =
      std::ranges::find_if(holes_, [&](const ChainHole& hole) { return !is_accounted_for(hole); });
  return found == holes_.end() ? std::nullopt : std::optional(*found);
}

}  // namespace reeve
