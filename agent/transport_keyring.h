// The transport keys of this node: the one in use, the one that comes, the one that was. A new key
// and the statement of it are durable before the controller hears of them; the key in use changes
// when the controller has acknowledged, and the former one is tried again where the new one does
// not connect, as after a controller was restored from a backup. So the node is never locked out.
#pragma once

#include "agent/identity.h"

namespace reeve {

class TransportKeyring {
 public:
  // Takes up a rotation that was begun before. Borrows the disk.
  TransportKeyring(Disk& disk, const Identity& identity);

  // Where one is under way already, that one goes on. Errors: the disk's.
  Status begin(const SigningKey& record_key, std::int64_t now_s);
  // Seals the statement by this record key where an older one has signed it: a key that has a
  // successor may move the session no more.
  void seal_anew(const SigningKey& record_key, std::int64_t now_s);
  // What the controller is to hear; null where no rotation is under way.
  const Bytes* statement() const { return next_ ? &next_->statement : nullptr; }
  // The controller has acknowledged it. Errors: the disk's; then all is as before.
  Status complete();

  // The key for a courier that starts: the newest, or the one before it, in turn, while no session
  // by the newest has stood.
  const TransportKeyPair& for_next_courier();
  // The controller admitted the courier's key. By the newest: the former is given up. By the
  // former: the controller has lost the newest, and is told of it again.
  void session_stands();
  std::uint64_t version() const { return version_; }

 private:
  struct Next {
    TransportKeyPair pair;
    Bytes statement;
    std::uint64_t version = 0;
  };
  void take_up();
  Bytes sealed(const Next& next, const SigningKey& record_key, std::int64_t now_s) const;

  Disk& disk_;
  NodeId node_;
  TransportKeyPair current_;
  std::optional<TransportKeyPair> former_;
  std::optional<Next> next_;
  std::uint64_t version_ = 0;
  bool courier_has_former_ = false;
  bool tried_current_ = false;  // since there is a former one
};

}  // namespace reeve
