#include "controller/cli/push_watch.h"

#include <fmt/format.h>

#include "controller/cli/cli_limits.h"
#include "controller/cli/json.h"
#include "controller/cli/node_list.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

// The wait for adoption, and what is shown of it.
class Watch {
 public:
  Watch(Session& session, Adoption adoption, std::int64_t wait_ns, const Arguments& arguments)
      : session_(session),
        adoption_(std::move(adoption)),
        wait_ns_(wait_ns),
        live_(out_is_terminal() && !arguments.has("json")) {}

  // Ends when all is decided, time is up, or the user or the controller ended it (an Error).
  Status run();
  const Adoption& adoption() const { return adoption_; }

 private:
  bool is_over(std::int64_t now_ns) const;
  void show() const {
    if (live_) print_out("\r\x1b[K" + adoption_.progress(out_columns() - 1));
  }

  Session& session_;
  Adoption adoption_;
  std::int64_t wait_ns_;
  bool live_;
  std::int64_t began_ns_ = 0;
  std::int64_t changed_ns_ = 0;
};

bool Watch::is_over(std::int64_t now_ns) const {
  if (now_ns - began_ns_ >= wait_ns_) return true;
  if (adoption_.newcomers() > 0 && now_ns - began_ns_ < limits::push_newcomers_ns) return false;
  if (adoption_.all_adopted()) return true;
  return adoption_.all_decided() && now_ns - changed_ns_ >= limits::push_settle_ns;
}

Status Watch::run() {
  began_ns_ = changed_ns_ = session_.monotonic_ns();
  for (;;) {
    const auto nodes = ask_expected_nodes(session_);
    if (!nodes.ok()) return nodes.error();
    if (adoption_.look(*nodes, session_.now_wall_ns())) changed_ns_ = session_.monotonic_ns();
    show();
    if (is_over(session_.monotonic_ns())) break;
    if (!session_.controller().pause(limits::operator_poll_ns)) {
      return Error{.name = "interrupted", .detail = "stopped while waiting for hosts"};
    }
  }
  if (live_) print_out("\r\x1b[K");
  return {};
}

void tell_outcome(const Pushed& push, const Adoption& adoption, const Arguments& arguments) {
  if (arguments.has("json")) {
    JsonObject head;
    head.natural("version", push.manifest.version).text("manifest", hex(push.digest.view()));
    head.text("source_revision", push.manifest.source_revision);
    const std::string object = head.object();
    print_out(object.substr(0, object.size() - 1) + "," + adoption.json_members() + "}\n");
    return;
  }
  if (adoption.expected() == 0) {
    print_out("no host is connected; hosts adopt it when they are back\n");
    return;
  }
  print_out(adoption.progress(out_columns()) + "\n" + adoption.laggards());
}

}  // namespace

void tell_published(const Pushed& push, const Arguments& arguments) {
  if (arguments.has("json")) return;
  print_out(fmt::format("published version {}", push.manifest.version));
  std::string_view before = ": ";
  for (const ManifestBundle& bundle : push.manifest.bundles) {
    print_out(fmt::format("{}{} ({})", before, bundle.policy, counted(bundle.rules, "rule")));
    before = ", ";
  }
  print_out("\n");
}

int watch_adoption(Session& session, const Pushed& push, const std::vector<SeenNode>& before,
                   std::int64_t wait_ns, const Arguments& arguments) {
  Watch watch(session, Adoption(push.manifest.version, push.digest, before), wait_ns, arguments);
  const auto ended = watch.run();
  if (!ended.ok()) {
    if (out_is_terminal()) print_out("\n");
    Error error = ended.error();
    error.next = fmt::format("version {} stays published; reeve status shows who has adopted it",
                             push.manifest.version);
    print_error(error);
  }
  tell_outcome(push, watch.adoption(), arguments);
  return ended.ok() && watch.adoption().all_adopted() ? exit_code::done : exit_code::deviations;
}

}  // namespace reeve::cli
