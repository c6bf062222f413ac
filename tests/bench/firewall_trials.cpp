// Every rule of the product's table flushed until the table is as it was; the floor is a bare loop
// in a network namespace of its own: a netlink event, one libnftables transaction, one raw dump.
#include <fcntl.h>
#include <fmt/format.h>
#include <nftables/libnftables.h>
#include <unistd.h>

#include <stdexcept>

#include "common/bytes.h"
#include "tests/bench/netlink.h"
#include "tests/bench/rig.h"

namespace reeve::bench {
namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

class Nft {
 public:
  Nft() : context_(nft_ctx_new(NFT_CTX_DEFAULT)) {
    if (!context_ || nft_ctx_buffer_error(context_.get()) != 0)
      throw std::runtime_error("libnftables does not start");
  }
  void run(const std::string& text) {
    if (nft_run_cmd_from_buffer(context_.get(), text.c_str()) != 0)
      throw std::runtime_error(nft_ctx_get_error_buffer(context_.get()));
  }

 private:
  std::unique_ptr<nft_ctx, FreeContext> context_;
};

void run_floor(const std::string& name, const std::string& body, FloorPage& page) {
  const std::string text = fmt::format(
      "table inet {0}\ndelete table inet {0}\ntable inet {0} {{\n{1}\n}}\n", name, body);
  Nft nft;
  nft.run(text);
  RuleTable table(name);
  const std::string wanted = table.dump();
  RulesetChanges changes;
  page.is_ready = true;
  while (true) {
    changes.wait();
    nft.run(text);
    if (table.dump() != wanted) throw std::runtime_error("the table did not stay");
    page.verified_ns = now_ns();
    changes.forget();  // its own
  }
}

class FirewallTrials final : public Trials {
 public:
  FirewallTrials(std::string name, const OtherNetwork& other)
      : object_("inet " + name), product_(name), wanted_(product_.dump()) {
    other.enter();
    floor_.emplace(name);
    other.leave();
    if (wanted_.empty()) throw std::runtime_error(object_ + " has no rules");
    if (floor_->dump() != wanted_) throw std::runtime_error("the two tables differ");
  }

  std::string object(std::size_t) const override { return object_; }
  Half product(std::size_t) override { return break_one(product_); }
  Half floor(std::size_t) override { return break_one(*floor_); }

 private:
  Half break_one(RuleTable& table) {
    Half half;
    half.broken_ns = now_ns();
    table.flush();
    look_until(object_.c_str(), half, [&] { return table.dump() == wanted_; });
    return half;
  }

  std::string object_;
  RuleTable product_;
  std::string wanted_;
  std::optional<RuleTable> floor_;
};

}  // namespace

void time_firewall(const std::string& table, const std::string& body, std::size_t trials) {
  const OtherNetwork other;
  other.enter();
  FloorProcess process([&](FloorPage& page) { run_floor(table, body, page); });
  other.leave();
  FirewallTrials flushes(table, other);
  run_trials({.name = "firewall", .trials = trials}, flushes, process);
}

}  // namespace reeve::bench
