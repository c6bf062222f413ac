// On disk, trust/checkpoint: magic, u32 version, u64 size, root 32, u16 length and the ledger's
// origin, u16 length and the signed note, u64 SipHash-2-4 of all before it under 16 zero bytes.
#include "agent/ledger_watch.h"

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::string_view magic = "RVCP";
constexpr std::uint32_t version = 2;
constexpr std::size_t file_bytes_max = limits::acknowledged_checkpoint_bytes_max + 512;

}  // namespace

LedgerWatch::LedgerWatch(Disk& disk, std::string origin) : disk_(disk), origin_(std::move(origin)) {
  load();
}

void LedgerWatch::load() {
  const auto bytes = disk_.read(paths::accepted_checkpoint, file_bytes_max);
  if (bytes.ok() && !bytes->has_value()) return;
  is_lost_ = true;
  if (!bytes.ok() || (*bytes)->size() < 8) return;
  const ByteView covered = ByteView(**bytes).first((*bytes)->size() - 8);
  ByteReader reader(**bytes);
  if (text_of(reader.take(magic.size())) != magic || reader.u32() != version) return;
  TreeView tree;
  tree.size = reader.u64();
  tree.root = reader.take_fixed<32>();
  const std::string origin(text_of(reader.take(reader.u16())));
  const std::string note(text_of(reader.take(reader.u16())));
  if (reader.u64() != checksum(covered, {}) || !reader.ok() || !reader.at_end()) return;
  is_lost_ = false;
  accepted_ = tree;
  origin_ = origin;
  note_ = note;
  // A start that a power cut took may have left the name behind only in memory.
  is_kept_ = false;
}

// The first one is believed as it comes, after however many recoveries its ledger is.
void LedgerWatch::hear(const Acknowledgement& acknowledgement, const Root& root,
                       std::int64_t now_ns) {
  if (acknowledgement.checkpoint.empty()) return;
  const std::string_view note = text_of(acknowledgement.checkpoint);
  const auto checkpoint = accepted_.size == 0 ? verify_ledger_checkpoint(note, root)
                                              : verify_checkpoint(note, origin_, root.ledger.keys);
  if (checkpoint.ok()) judge(acknowledgement, *checkpoint, now_ns);
}

// Where the proof begins elsewhere nothing can be said of a longer tree; nor ever of a shorter one,
// which may be no more than late.
void LedgerWatch::judge(const Acknowledgement& acknowledgement, const Checkpoint& checkpoint,
                        std::int64_t now_ns) {
  const TreeView& tree = checkpoint.tree;
  is_shorter_ = tree.size < accepted_.size;
  if (is_shorter_ || tree == accepted_) return;
  if (accepted_.size == 0) return accept(checkpoint, acknowledgement.checkpoint);
  const bool is_judged =
      tree.size == accepted_.size || acknowledgement.consistent_from == accepted_.size;
  if (!is_judged) return;
  if (consistency_holds(accepted_, tree, acknowledgement.consistency))
    return accept(checkpoint, acknowledgement.checkpoint);
  contradicted(checkpoint, acknowledgement.checkpoint, now_ns);
}

void LedgerWatch::accept(const Checkpoint& checkpoint, ByteView note) {
  accepted_ = checkpoint.tree;
  origin_ = checkpoint.origin;
  note_ = text_of(note);
  is_kept_ = false;
}

Result<bool> LedgerWatch::is_next(const VerifiedRecovery& recovery, const Root& root) const {
  const std::uint64_t before = recoveries_before(origin_, root).value_or(0);
  if (recovery.number <= before) return false;
  if (recovery.recovery.old_origin != origin_)
    return Error{"recovery_gap", "recovery: it goes on from another ledger than the one here"};
  const TreeView& trusted = recovery.recovery.trusted;
  if (trusted.size == accepted_.size && trusted.root != accepted_.root)
    return Error{"recovery_contradicts", "recovery: this agent has accepted another tree there"};
  return true;
}

void LedgerWatch::recover(const LedgerRecovery& recovery) {
  origin_ = recovery.new_origin;
  if (accepted_.size > recovery.trusted.size) {
    accepted_ = recovery.trusted;
    note_.clear();
  }
  is_kept_ = false;
  is_lost_ = is_shorter_ = is_rewritten_ = false;
  contradictions_.clear();
  begin_link();
}

// Whoever holds the ledger key can sign such ones without end, and must not fill the disk so.
void LedgerWatch::contradicted(const Checkpoint& other, ByteView note, std::int64_t now_ns) {
  is_rewritten_ = true;
  const Digest text = sha256(view_of(checkpoint_text(other)));
  if (std::ranges::find(contradictions_, text) != contradictions_.end()) return;
  if (contradictions_.size() >= limits::rewrites_remembered_max) contradictions_.pop_front();
  contradictions_.push_back(text);
  if (now_ns >= rewrites_until_) {
    rewrites_until_ = now_ns + limits::rewrites_interval_ns;
    rewrites_ = 0;
  }
  if (rewrites_ >= limits::rewrites_recorded_max) {
    ++rewrites_more_;
    return;
  }
  ++rewrites_;
  rewrite_ = Rewrite{accepted_, other.tree, note_, std::string(text_of(note)),
                     std::exchange(rewrites_more_, 0)};
}

bool LedgerWatch::proves(const Acknowledgement& acknowledgement, const Digest& leaf) {
  const bool is_proven = accepted_.size > 0 && acknowledgement.tree_size == accepted_.size &&
                         inclusion_holds(leaf, acknowledgement.leaf_index, accepted_.size,
                                         acknowledgement.inclusion, accepted_.root);
  if (!is_proven) is_asking_ = true;
  return is_proven;
}

std::string_view LedgerWatch::trouble() const {
  if (is_rewritten_) return "ledger_rewritten";
  return is_shorter_ ? "ledger_shorter" : "";
}

void LedgerWatch::begin_link() {
  is_asking_ = true;
  ask_at_ = 0;
}

bool LedgerWatch::send(CourierPort& courier, std::int64_t now_ns) {
  if (!is_asking_ || now_ns < ask_at_) return true;
  Bytes held;
  append_u64(held, accepted_.size);
  const bool is_sent = courier.send(encode_message(MessageType::checkpoint_held, held));
  is_asking_ = !is_sent;
  ask_at_ = now_ns + (is_sent ? limits::checkpoint_ask_ns : limits::send_retry_ns);
  return is_sent;
}

std::optional<std::int64_t> LedgerWatch::next_due() const {
  return is_asking_ ? std::optional(ask_at_) : std::nullopt;
}

void LedgerWatch::keep(std::int64_t now_ns) {
  if (kept_at_ && now_ns < *kept_at_ + limits::checkpoint_write_ns) return;
  keep_now(now_ns);
}

void LedgerWatch::keep_now(std::int64_t now_ns) {
  if (is_kept_) return;
  kept_at_ = now_ns;
  Bytes bytes = bytes_of(magic);
  append_u32(bytes, version);
  append_u64(bytes, accepted_.size);
  append(bytes, accepted_.root.view());
  append_u16(bytes, static_cast<std::uint16_t>(origin_.size()));
  append(bytes, view_of(origin_));
  append_u16(bytes, static_cast<std::uint16_t>(note_.size()));
  append(bytes, view_of(note_));
  append_u64(bytes, checksum(bytes, {}));
  is_kept_ = replace_file(disk_, paths::accepted_checkpoint, bytes).ok();
}

}  // namespace reeve
