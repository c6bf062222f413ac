// How a new host enrolls by token: a state directory in the making, and the conversation with the
// enrollment endpoint. Keys and the signed request are durable before anything is sent, so that a
// join that was cut off goes on where it was: asked again, the controller answers again. Stepped by
// its owner, who moves the directory to its place when all of it is there.
#pragma once

#include "agent/courier_port.h"
#include "common/clock.h"
#include "common/disk.h"
#include "common/token.h"
#include "common/wire.h"

namespace reeve {

// What the node says of itself; `labels` are completed by those that the token leaves no choice of.
struct JoinWishes {
  std::string name;
  Labels labels;
};
// Errors: check_bounds()'.
Result<JoinWishes> complete_wishes(const Token& token, JoinWishes wishes);

class Joining {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;  // the directory in the making
    CourierPort& courier;
    const TokenText& token;
  };
  // Makes keys and request, or takes up those that an earlier try with the same token and wishes
  // left there. Errors: `token_expired`, the disk's.
  static Result<Joining> begin(const Parts& parts, const JoinWishes& wishes);

  enum class Progress { asking, pending, complete };
  // A new courier is told whom to talk to.
  void courier_started();
  // Hears the courier and asks when it is time to. An Error is final: the controller's refusal, or
  // an answer that does not hold (`root_mismatch`, `certificate_mismatch`, those of trust.h).
  Result<Progress> step();
  std::int64_t next_due() const { return ask_due_; }

  // By this try or, for all that is known, by the earlier one whose request was taken up.
  bool was_sent() const { return was_sent_; }
  // Whether the controller itself has refused: then the directory is of no use any more.
  bool was_refused() const { return was_refused_; }
  const NodeCertificate& certificate() const { return certificate_; }
  // Once it is complete, the fleet's name.
  std::string fleet() const { return root_ ? root_->origin : std::string(); }

 private:
  Joining(const Parts& parts, TransportKeyPair transport, NodeCertificate certificate,
          Bytes request);
  static Result<Joining> make(const Parts& parts, const JoinWishes& wishes);
  static std::optional<Joining> take_up(const Parts& parts, const JoinWishes& wishes);
  Result<Progress> hear(const WireMessage& message);
  Status hear_root(ByteView object);
  Result<Progress> hear_answer(ByteView payload);
  Status finish(ByteView certificate);
  void ask();

  Parts parts_;
  TransportKeyPair transport_;
  NodeCertificate certificate_;
  Bytes request_;
  std::optional<Root> root_;
  Bytes root_object_;
  Progress progress_ = Progress::asking;
  bool link_is_up_ = false;
  bool was_sent_ = false;
  bool was_refused_ = false;
  std::int64_t ask_due_ = 0;
};

}  // namespace reeve
