// A packet filter in memory: tables as blocks (chains, sets) of lines, which it reads from the
// texts that it is given, and understands the few commands that kinds use. It logs every
// transaction, applies all of one or nothing, and refuses what a test tells it to. It knows no
// packet and no rule's meaning beyond its words.
#pragma once

#include <map>

#include "agent/host_ruleset.h"

namespace reeve {

class FakeRuleset final : public Ruleset {
 public:
  // "table inet x {\n...\n}\n" and the commands below, one a line. The test's own doing: not
  // logged, and it must be right.
  //   table F N | delete table F N | delete rule F T C handle H | insert rule F T C TEXT
  //   add rule F T C TEXT | add element F T SET { ... }
  void load(const std::string& text);
  void set_here(bool is_here) { is_here_ = is_here; }

  // From now on this method ("table", "chain", "canonical", "listing", "apply") answers the error.
  void refuse(const std::string& act, Error error) { refusals_[act] = std::move(error); }
  // Transactions with this text in them are refused as nft would: `fix_failed`.
  void refuse_texts_with(std::string words) { refused_words_ = std::move(words); }
  void allow_all();
  // Listings say this instead of the truth.
  void list_as(std::string text) { listed_as_ = std::move(text); }

  const std::vector<std::string>& applied() const { return applied_; }
  // How often the kernel's tables and chains were asked for.
  std::size_t looks() const { return looks_; }
  std::size_t listings() const { return listings_; }
  // The table as it would be listed; empty where there is none.
  std::string text_of(const TableId& table) const;

  bool is_here() const override { return is_here_; }
  Result<std::optional<Digest>> table(const TableId& table,
                                      std::span<const std::string> keep) const override;
  Result<std::optional<std::vector<ChainRule>>> chain(const TableId& table,
                                                      const std::string& chain) const override;
  Result<Digest> canonical_table(const ScratchText& text,
                                 std::span<const std::string> keep) const override;
  Result<std::vector<ChainRule>> canonical_chain(const ScratchText& text,
                                                 const std::string& chain) const override;
  Result<std::optional<std::string>> listing(const TableId& table) const override;
  Status apply(const std::string& text) override;
  void rest() override {}

 private:
  struct Line {
    std::uint64_t handle = 0;
    std::string text;
    std::string comment;
  };
  using Table = std::map<std::string, std::vector<Line>>;  // "chain input" to its lines
  struct Tables {
    std::map<TableId, Table> all;
    std::uint64_t next_handle = 1;
  };

  static Status run(Tables& tables, const std::string& text);
  static Status run_command(Tables& tables, std::string_view line);
  static Line line_of(Tables& tables, std::string_view text);
  static Digest digest_of(const Table& table, std::span<const std::string> keep);
  static std::vector<ChainRule> rules_of(const std::vector<Line>& lines);
  Status refusal(const std::string& act) const;
  Result<Table> scratch(const ScratchText& text) const;

  Tables tables_;
  bool is_here_ = true;
  std::map<std::string, Error> refusals_;
  std::string refused_words_;
  std::optional<std::string> listed_as_;
  std::vector<std::string> applied_;
  mutable std::size_t looks_ = 0;
  mutable std::size_t listings_ = 0;
};

}  // namespace reeve
