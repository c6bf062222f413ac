#include "tests/fleet/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "common/witness.h"

namespace reeve::testing {
namespace {

constexpr std::size_t findings_max = 20;

std::string short_name(ByteView bytes) { return hex(bytes.first(4)); }

std::int64_t integer_of(const Record& record, std::string_view field) {
  const auto* value = record.body.find(field);
  return value != nullptr ? value->integer().value_or(0) : 0;
}

std::string name_of_chain(const ChainKey& key) {
  return fmt::format("{}/{}/{}", short_name(key.node.view()), short_name(key.epoch.view()),
                     name_of(key.stream));
}

}  // namespace

void Witness::find(std::string what) {
  if (findings_.size() < findings_max) findings_.push_back(std::move(what));
}

void Witness::saw_fix(SeenFix fix) {
  ++counts_.fixes;
  fixes_.push_back(std::move(fix));
}

void Witness::saw_batch_leave(const Batch& batch) {
  left_[batch.header.node].insert(batch.header_digest());
}

void Witness::saw_acknowledgement(const Acknowledgement& acknowledgement) {
  const bool is_of_nothing = acknowledgement.header.is_zero();
  if (!is_of_nothing && acknowledged_.insert(acknowledgement.header).second) ++counts_.acknowledged;
  unchecked_.push_back(acknowledgement);
}

void Witness::saw_forgery(const Digest& header, const NodeId& node) {
  forged_.insert(header);
  forged_nodes_.insert(node);
}

void Witness::saw_policy(const NodeId& node, std::uint64_t version) {
  auto& newest = versions_[node];
  if (version < newest)
    find(fmt::format("node {} went back from policy version {} to {}", short_name(node.view()),
                     newest, version));
  newest = std::max(newest, version);
}

std::uint64_t Witness::next_sequence(const ChainKey& key) const {
  const auto found = chains_.find(key);
  return found == chains_.end() ? 0 : found->second.next;
}

void Witness::look(const Store& store, Look look) {
  const auto count = store.leaf_count();
  if (!count.ok()) return find("the store cannot count its leaves: " + count.error().detail);
  if (*count < leaves_.size())
    return find(fmt::format("the ledger shrank from {} leaves to {}", leaves_.size(), *count));
  if (look == Look::all_leaves) {
    const auto hashes = store.leaf_hashes(0, leaves_.size());
    if (!hashes.ok() || *hashes != leaves_) find("leaves that had been committed have changed");
  }
  for (std::uint64_t index = leaves_.size(); index < *count; ++index) {
    const auto leaf = store.leaf(index);
    if (!leaf.ok() || !*leaf) return find(fmt::format("leaf {} cannot be read", index));
    if ((*leaf)->hash != leaf_hash((*leaf)->object))
      find(fmt::format("leaf {} is not what its hash says", index));
    leaves_.push_back((*leaf)->hash);
    head_.append((*leaf)->hash);
    roots_.push_back(head_.root());
    ++counts_.leaves;
    take_leaf(store, **leaf);
  }
  for (const Acknowledgement& done : std::exchange(unchecked_, {})) judge_acknowledgement(done);
  for (const auto& [node, cosignature] : std::exchange(unchecked_cosignatures_, {}))
    judge_cosignature(node, cosignature);
}

// One tree of each size, ever: a checkpoint of another one is a fork.
void Witness::judge_acknowledgement(const Acknowledgement& done) {
  const auto what =
      fmt::format("{} up to {}", name_of_chain({done.node, done.epoch, done.stream}), done.last);
  if (done.tree_size == 0 || done.tree_size > roots_.size())
    return find("acknowledged in a tree that the ledger never had: " + what);
  const TreeView tree{done.tree_size, roots_[done.tree_size - 1]};
  if (!done.checkpoint.empty()) {
    ++counts_.checkpoints;
    const auto note = decode_note(text_of(done.checkpoint));
    const auto checkpoint = note.ok() ? decode_checkpoint_text(note->text) : note.error();
    if (!checkpoint.ok() || checkpoint->tree != tree)
      find("a checkpoint forks from the ledger: " + what);
  }
  if (done.header.is_zero()) return;
  if (!kept_.contains(done.header)) return find("acknowledged and not in the ledger: " + what);
  if (done.leaf_index >= tree.size || !inclusion_holds(leaves_[done.leaf_index], done.leaf_index,
                                                       tree.size, done.inclusion, tree.root))
    find("acknowledged without a proof that holds: " + what);
}

void Witness::saw_cosignature(const NodeId& node, const Cosignature& cosignature) {
  ++counts_.cosignatures;
  unchecked_cosignatures_.emplace_back(node, cosignature);
}

// Whatever a node signs is the one tree of that size that there ever was.
void Witness::judge_cosignature(const NodeId& node, const Cosignature& cosignature) {
  const auto key = read_cosigner_key(cosignature.key);
  if (!key.ok() || cosignature.size == 0 || cosignature.size > roots_.size())
    return find(fmt::format("node {} has cosigned a tree that the ledger never had",
                            short_name(node.view())));
  const std::string origin = "test-fleet";
  const NoteKey who{cosigner_name(origin, node), key->key};
  const TreeView tree{cosignature.size, roots_[cosignature.size - 1]};
  const Note note{checkpoint_text({origin, tree}), {line_of(cosignature, who)}};
  const auto at = cosigned_at(note, who);
  if (!at.ok() || !*at)
    find(fmt::format("node {} has cosigned another tree of {} leaves than the ledger's",
                     short_name(node.view()), cosignature.size));
}

void Witness::saw_published(std::string_view text) {
  if (text.empty() || !published_.insert(sha256(view_of(text))).second) return;
  ++counts_.published;
  const auto note = decode_note(text);
  const auto checkpoint = note.ok() ? decode_checkpoint_text(note->text) : note.error();
  if (!checkpoint.ok()) return find("what is published as a checkpoint is none");
  const TreeView& tree = checkpoint->tree;
  if (tree.size > roots_.size())
    return find(fmt::format("a checkpoint of {} leaves is published, and {} are committed",
                            tree.size, roots_.size()));
  if (tree.size > 0 && tree.root != roots_[tree.size - 1])
    find(fmt::format("the published checkpoint of {} leaves forks from the ledger", tree.size));
}

void Witness::saw_ledger(const NodeId& node, const LedgerSeen& seen) {
  if (seen.error == "ledger_rewritten")
    find(fmt::format("node {} says that the ledger was rewritten", short_name(node.view())));
  // What was shown in a step that a power cut ended is looked at when the controller is back.
  if (seen.size == 0 || seen.size > roots_.size()) return;
  if (seen.root != roots_[seen.size - 1])
    find(fmt::format("node {} has accepted a tree of {} leaves that is not the ledger's",
                     short_name(node.view()), seen.size));
}

void Witness::take_leaf(const Store& store, const Leaf& leaf) {
  if (leaf.type == ObjectType::key_succession && !kept_.insert(sha256(leaf.object)).second)
    return find(fmt::format("leaf {}: a key's succession is in the ledger twice", leaf.index));
  if (leaf.type != ObjectType::batch_header) return;
  const auto rows = store.batches({.from_leaf = leaf.index}, 1);
  if (!rows.ok() || rows->empty() || rows->front().leaf != leaf.index)
    return find(fmt::format("leaf {} has no batch", leaf.index));
  Bytes whole = leaf.object;
  append(whole, rows->front().bodies);
  const auto batch = read_own_batch(whole);
  if (!batch.ok()) return find(fmt::format("leaf {}: its batch cannot be read", leaf.index));
  take_batch(rows->front(), *batch);
}

void Witness::take_batch(const BatchRow& row, const Batch& batch) {
  const BatchHeader& header = batch.header;
  const ChainKey key{header.node, header.epoch, header.stream};
  const Digest digest = batch.header_digest();
  const auto where = fmt::format("{} at {}", name_of_chain(key), header.first);
  if (!kept_.insert(digest).second) return find(where + " is in the ledger twice");
  const bool is_forged = forged_.contains(digest);
  if (is_forged) {
    ++counts_.equivocations;
    kept_aside_.insert(header.node);
  }
  if ((row.standing == Standing::equivocation) != is_forged)
    return find(where + (is_forged ? " is made up and passes for the node's chain"
                                   : " is honest and was set aside"));
  if (is_forged) return;
  if (!left_[header.node].contains(digest)) find(where + " never left its node");
  SeenChain& chain = chains_[key];
  if (header.first != chain.next || header.previous != chain.last)
    return find(fmt::format("{} does not follow its chain, which is at {}", where, chain.next));
  for (std::size_t i = 0; i < batch.records.size(); ++i)
    take_record(header, header.first + i, batch.records[i].bytes);
  chain.next = header.first + header.count;
  chain.last = digest;
}

void Witness::take_record(const BatchHeader& header, std::uint64_t sequence, ByteView bytes) {
  ++counts_.records;
  const auto record = decode_record(bytes);
  if (!record.ok()) return find("a record cannot be decoded: " + record.error().detail);
  if (record->type == "journal_trimmed") ++counts_.trimmed;
  if (sequence == 0) take_epoch_start(header, *record);
  if (record->type == "unclean_stop") {
    ++counts_.unclean_stops;
    const auto* epoch = record->body.find("epoch");
    const auto ended =
        epoch != nullptr && epoch->binary() != nullptr ? fixed<16>(*epoch->binary()) : std::nullopt;
    if (!ended) return find("an unclean_stop names no epoch");
    stops_[{header.node, *ended}] = {integer_of(*record, "since"), integer_of(*record, "until")};
  }
  if (record->type == "gap") {
    ++counts_.gaps;
    gaps_[header.node].push_back({static_cast<std::uint64_t>(integer_of(*record, "count")),
                                  integer_of(*record, "since"), integer_of(*record, "until")});
  }
  if (record->type != "receipt") return;
  const auto receipt = decode_receipt(*record);
  if (!receipt.ok()) return find("a receipt cannot be decoded: " + receipt.error().detail);
  if (receipt->interrupted) ++counts_.resumed;
  accounted_[{header.node, receipt->object}].push_back(
      {receipt->detected.mono_ns, record->sealed.mono_ns});
}

void Witness::take_epoch_start(const BatchHeader& header, const Record& record) {
  if (record.type != "epoch_start") return find("a stream does not begin with its epoch_start");
  SeenChain& chain = chains_[{header.node, header.epoch, header.stream}];
  const auto* previous = record.body.find("previous");
  if (previous == nullptr || previous->binary() == nullptr) return;
  chain.previous = fixed<16>(*previous->binary());
  const auto* last = record.body.find("last");
  if (last == nullptr) return;
  chain.previous_last = last->natural();
  const auto* digest = record.body.find("header");
  if (digest != nullptr && digest->binary() != nullptr)
    chain.previous_header = fixed<32>(*digest->binary());
}

// Every epoch is in the ledger as far as its successor says that it went, and no further.
void Witness::judge_successions() {
  for (const auto& [key, chain] : chains_) {
    if (!chain.previous) continue;
    const ChainKey before{key.node, *chain.previous, key.stream};
    const auto found = chains_.find(before);
    const std::uint64_t next = found == chains_.end() ? 0 : found->second.next;
    const std::uint64_t told = chain.previous_last ? *chain.previous_last + 1 : 0;
    if (next != told)
      find(fmt::format("{} ends at {} in the ledger; its successor says {}", name_of_chain(before),
                       next, told));
    else if (next > 0 && chain.previous_header != found->second.last)
      find(name_of_chain(before) + " ends in another batch than its successor says");
  }
}

bool Witness::is_accounted(const SeenFix& fix) {
  return std::ranges::any_of(accounted_[{fix.node, fix.object}], [&](const Span& span) {
    return span.begin <= fix.mono_ns && fix.mono_ns <= span.end;
  });
}

bool Witness::is_excused(const SeenFix& fix) {
  // Gaps of the two streams overlap: the one that ends first has the least use for later fixes.
  SeenGap* account = nullptr;
  for (SeenGap& gap : gaps_[fix.node]) {
    if (gap.left == 0 || fix.wall_ns < gap.since || fix.wall_ns > gap.until) continue;
    if (account == nullptr || gap.until < account->until) account = &gap;
  }
  if (account != nullptr) {
    --account->left;
    return true;
  }
  const SeenLife& life = lives_[{fix.node, fix.epoch}];
  // A death leaves the intent, a power cut nothing that was not synced. A disk that refuses leaves
  // neither, nor perhaps the epoch itself: then the next stop that is told of has the bounds.
  const bool may_be_lost =
      life.had_faults || (life.end == SeenLife::End::power_cut && !fix.is_intent_durable);
  if (!may_be_lost) return false;
  // Nothing could be written from the first moment to the last, and the launcher did not live until
  // something could.
  const bool is_unheard_of = !chains_.contains({fix.node, fix.epoch, Stream::urgent});
  if (is_unheard_of && life.had_faults) return true;
  return std::ranges::any_of(stops_, [&](const auto& entry) {
    const auto& [node, epoch] = entry.first;
    if (node != fix.node || (epoch != fix.epoch && !life.had_faults)) return false;
    // Where the clock jumped the bounds are those of the clock.
    const auto& [since, until] = entry.second;
    if (life.clock_jumped) return true;
    return fix.wall_ns >= since && (fix.wall_ns <= until || until < since);
  });
}

void Witness::judge_fixes() {
  for (const SeenFix& fix : fixes_) {
    if (is_accounted(fix)) continue;
    if (is_excused(fix)) {
      ++counts_.excused;
      continue;
    }
    const SeenLife& life = lives_[{fix.node, fix.epoch}];
    const auto stop = stops_.find({fix.node, fix.epoch});
    find(fmt::format(
        "a fix without a record: {} of node {} at {} in epoch {}, which ended by {}{}{}; {}",
        fix.object, short_name(fix.node.view()), fix.wall_ns, short_name(fix.epoch.view()),
        static_cast<int>(life.end), life.had_faults ? " with disk faults" : "",
        life.clock_jumped ? " with clock jumps" : "",
        stop == stops_.end() ? std::string("no unclean_stop tells of it")
                             : fmt::format("the unclean_stop says {} to {}", stop->second.since,
                                           stop->second.until)));
  }
}

}  // namespace reeve::testing
