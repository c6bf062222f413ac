// An honest ledger for tests of an agent: a log in memory that proves what it acknowledges, from
// what the agent holds. A test owns it and may make another one that tells another story.
#pragma once

#include <doctest/doctest.h>

#include <map>

#include "common/batch.h"
#include "common/note.h"
#include "common/wire.h"
#include "tests/common/trust_fixture.h"

namespace reeve::testing {

class TestLedger {
 public:
  // Signs as the ledger of trust_fixture::root().
  // The leaf's index; the same object again is the same leaf.
  std::uint64_t append(ByteView object) {
    const Digest hash = leaf_hash(object);
    const auto known = indexes_.find(hash);
    if (known != indexes_.end()) return known->second;
    indexes_[hash] = leaves_.size();
    leaves_.push_back(hash);
    return leaves_.size() - 1;
  }
  // What others log.
  void grow(std::size_t leaves, std::string_view words = "leaf of another") {
    for (std::size_t i = 0; i < leaves; ++i) {
      Bytes object = bytes_of(words);
      append_u64(object, leaves_.size());
      append(object);
    }
  }
  // History as somebody would like it to have been: another leaf, or two in each other's place.
  void rewrite(std::uint64_t index, const Digest& hash) {
    indexes_.erase(leaves_.at(index));
    leaves_[index] = hash;
  }
  void swap(std::uint64_t one, std::uint64_t other) {
    std::swap(leaves_.at(one), leaves_.at(other));
    indexes_[leaves_[one]] = one;
    indexes_[leaves_[other]] = other;
  }
  void cut(std::uint64_t size) {
    leaves_.resize(size);
    std::erase_if(indexes_, [&](const auto& entry) { return entry.second >= size; });
  }

  bool has(ByteView object) const { return indexes_.contains(leaf_hash(object)); }
  std::uint64_t size() const { return leaves_.size(); }
  TreeView tree() const { return {leaves_.size(), tree_root(leaves_)}; }
  TreeView tree_at(std::uint64_t size) const {
    return {size, tree_root(std::span(leaves_).first(size))};
  }
  Bytes checkpoint() const {
    return bytes_of(
        sign_checkpoint({origin, tree()}, trust_fixture::key(trust_fixture::ledger_key)));
  }
  std::vector<Digest> consistency(std::uint64_t from) const {
    if (from == 0 || from > leaves_.size()) return {};
    auto path = consistency_path(Source(leaves_), from, leaves_.size());
    REQUIRE(path.ok());
    return *std::move(path);
  }

  std::string origin = trust_fixture::root().origin;  // another one after a recovery
  // The agent holds a checkpoint of this size, as it has said or been sent.
  std::uint64_t held = 0;

  // Everything that it takes to believe that leaf `index` is there; the agent holds the checkpoint
  // afterwards.
  void prove(Acknowledgement& answer, std::uint64_t index) {
    answer.leaf_index = index;
    answer.tree_size = leaves_.size();
    answer.inclusion = inclusion_path(leaves_, index);
    answer.consistent_from = held;
    answer.consistency = consistency(held);
    answer.checkpoint = checkpoint();
    held = leaves_.size();
  }

 private:
  // As slow as can be and as plain.
  class Source final : public HashSource {
   public:
    explicit Source(std::span<const Digest> leaves) : leaves_(leaves) {}
    Result<Digest> subtree(unsigned level, std::uint64_t index) const override {
      return tree_root(leaves_.subspan(index << level, std::size_t{1} << level));
    }

   private:
    std::span<const Digest> leaves_;
  };

  std::vector<Digest> leaves_;
  std::map<Digest, std::uint64_t> indexes_;
};

// The bare claim, without any proof.
inline Acknowledgement claim_of(const Batch& batch) {
  Acknowledgement answer;
  answer.node = batch.header.node;
  answer.epoch = batch.header.epoch;
  answer.stream = batch.header.stream;
  answer.last = batch.header.first + batch.header.count - 1;
  answer.header = batch.header_digest();
  return answer;
}

}  // namespace reeve::testing
