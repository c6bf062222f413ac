// reeve-agent run: the agent. The launcher is the process that was started; everything below
// decide() happens in the deciding process, which it forks.
#include <fmt/format.h>

#include <csignal>

#include "agent/attribution/live_processes.h"
#include "agent/commands/commands.h"
#include "agent/launcher.h"
#include "agent/loop.h"
#include "agent/netfilter/scratch_child.h"
#include "agent/owner_line.h"
#include "agent/programs.h"
#include "agent/sandbox.h"
#include "agent/sensors/fanotify_queue.h"
#include "agent/sensors/files.h"
#include "agent/sensors/inotify_queue.h"
#include "agent/sensors/listeners.h"
#include "agent/sensors/nftables.h"
#include "common/paths.h"

namespace reeve {
namespace {

class StderrNotes final : public Notes {
 public:
  void note(std::string_view line) override { tell_owner(line); }
};

// The deciding process may not fork: the launcher makes its scratch children.
class LauncherRoom final : public ScratchRoom {
 public:
  explicit LauncherRoom(LauncherChannel& launcher) : launcher_(launcher) {}
  Result<Fd> enter() override { return launcher_.ask_for_scratch(); }

 private:
  LauncherChannel& launcher_;
};

// Who changed a file, where the kernel tells: by fanotify's numbers and the table of execs. Inotify
// in fanotify's place only says that somebody did.
struct FileEyes {
  std::unique_ptr<ProcProcesses> processes;
  std::unique_ptr<ExecWitness> witness;
  std::unique_ptr<DirectoryQueue> queue;
  std::string blind_spot;  // what it cannot say, and why; empty where it can say all
};

Result<FileEyes> open_file_eyes(const Clock& clock) {
  FileEyes out;
  auto fanotify = FanotifyQueue::open();
  if (!fanotify.ok()) {
    auto inotify = InotifyQueue::open();
    if (!inotify.ok()) return inotify.error();
    out.queue = std::move(*inotify);
    out.blind_spot = "who changes files: " + fanotify.error().detail;
    return out;
  }
  const int group = (*fanotify)->group_fd();
  out.queue = std::move(*fanotify);
  if (!sees_host_pids()) {
    out.blind_spot = "who changes files: numbers of processes are not the kernel's here";
    return out;
  }
  auto table = KernelExecTable::load(product_programs().probe, group);
  if (!table.ok())
    out.blind_spot = "who changes files, if it ends at once: " + table.error().detail;
  out.processes = std::make_unique<ProcProcesses>(clock);
  out.witness = std::make_unique<ExecWitness>(table.ok() ? std::move(*table) : nullptr,
                                              *out.processes, clock);
  return out;
}

// Everything that the deciding process needs beside the agent itself.
struct Workplace {
  std::unique_ptr<LinuxHost> host;
  FileEyes files;
  std::vector<std::unique_ptr<Sensor>> sensors;
  ControlServer control;
  Fd signals;
};

template <class Opened>
Status add_sensor(std::vector<std::unique_ptr<Sensor>>& sensors, Opened opened) {
  if (!opened.ok()) return opened.error();
  sensors.push_back(std::move(*opened));
  return {};
}

Result<std::vector<std::unique_ptr<Sensor>>> open_sensors(const Options& options,
                                                          const SocketEyes& sockets,
                                                          FileEyes& files) {
  std::vector<std::unique_ptr<Sensor>> sensors;
  REEVE_TRY(add_sensor(sensors, FileSensor::open(options.root, std::move(files.queue),
                                                 files.witness.get(), files.blind_spot)));
  REEVE_TRY(add_sensor(sensors, ListenerSensor::open(sockets)));
  // An ordinary user may not hear of changes to the packet filter; sweeps look at it all the same.
  if (auto added = add_sensor(sensors, NftablesSensor::open()); !added.ok())
    sensors.push_back(std::make_unique<NftablesSensor>(added.error()));
  return sensors;
}

// Without it everything goes on; only the host's owner is not answered.
ControlServer open_control(const SystemDisk& disk, Notes& notes) {
  auto control = ControlServer::listen(disk.directory_fd());
  if (control.ok()) return std::move(*control);
  notes.note("nobody is answered on this host: " + control.error().detail);
  return ControlServer(Fd());
}

Result<Workplace> open_workplace(const Options& options, const SystemDisk& disk,
                                 LauncherChannel& launcher, const Clock& clock, Notes& notes) {
  auto signals = signals_to_stop();
  if (!signals.ok()) return signals.error();
  auto network = open_network(std::make_unique<LauncherRoom>(launcher));
  if (!network.ok()) return network.error();
  auto host = LinuxHost::open(options.root, std::move(*network));
  if (!host.ok()) return host.error();
  auto files = open_file_eyes(clock);
  if (!files.ok()) return files.error();
  auto sensors = open_sensors(options, (*host)->sockets(), *files);
  if (!sensors.ok()) return sensors.error();
  return Workplace{std::move(*host), std::move(*files), std::move(*sensors),
                   open_control(disk, notes), std::move(*signals)};
}

// Who this node is and whom it trusts is read in here, each time: a process that is forked again
// stands where the one before it stood, whatever its launcher knew when the service was started.
int decide(const Options& options, SystemDisk& disk, LauncherChannel launcher,
           const LastDeath& last_death) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // a closed log must not end enforcement
  StderrNotes notes;
  const SystemClock clock;
  auto around = open_workplace(options, disk, launcher, clock, notes);
  if (!around.ok()) return tell_error(around.error());
  SocketCourierPort courier;
  std::vector<Sensor*> sensors;
  std::string names;
  for (const auto& sensor : around->sensors) {
    sensors.push_back(sensor.get());
    names += fmt::format("{}{}", names.empty() ? "" : ", ", sensor->name());
  }
  auto identity = load_identity(disk);
  if (!identity.ok()) return tell_error(identity.error());
  notes.note(fmt::format("{} {} on {}, sensors: {}", identity->certificate.name, REEVE_VERSION,
                         options.root, names));
  if (auto sealed = seal_deciding_process(); !sealed.ok()) return tell_error(sealed.error());
  auto agent = Agent::start({clock, disk, *around->host, around->host.get(), sensors, courier,
                             *identity, notes, last_death.wait_status,
                             limits::journal_segment_bytes_max, options.journal_bytes_max,
                             limits::journal_reserve_bytes, last_death.was_stuck});
  if (!agent.ok()) return tell_error(agent.error());
  const StopCause cause = run_loop(
      {**agent, clock, sensors, courier, launcher, around->control, around->signals.get()});
  (*agent)->stop(cause);
  notes.note("stopped");
  return 0;
}

// Whether there is a controller to talk to. The secrets are only looked at: the launcher, which
// forks the process that speaks and signs, keeps none of them. Errors: those of load_identity() and
// RecordKeys::load().
Result<bool> has_controller(SystemDisk& disk) {
  const auto identity = load_identity(disk);
  if (!identity.ok()) return identity.error();
  if (auto keys = RecordKeys::load(disk, identity->certificate); !keys.ok()) return keys.error();
  return identity->contact.has_value();
}

}  // namespace

int run_agent(const Options& options) {
  auto disk = SystemDisk::open_directory(options.state);
  if (!disk.ok()) {
    Error error = disk.error();
    if (error.name == "state_missing") error.next = "enroll this host: reeve-agent join TOKEN";
    return tell_error(error);
  }
  auto lock = lock_state((*disk)->directory_fd(), options.state);
  if (!lock.ok()) return tell_error(lock.error());
  const auto with_courier = has_controller(**disk);
  if (!with_courier.ok()) return tell_error(with_courier.error());
  if (auto made = (*disk)->make_directory(paths::courier_root); !made.ok())
    return tell_error(made.error());
  LaunchPlan plan;
  plan.courier_user = options.courier_user;
  plan.empty_root = fmt::format("{}/{}", options.state, paths::courier_root);
  plan.with_courier = *with_courier;
  plan.decide = [&](LauncherChannel channel, const LastDeath& last_death) {
    return decide(options, **disk, std::move(channel), last_death);
  };
  plan.scratch = [&](Fd end) { return serve_scratch(std::move(end), plan.empty_root); };
  const auto launched = launch(plan);
  return launched.ok() ? *launched : tell_error(launched.error());
}

}  // namespace reeve
