// The loop around one Agent: it polls sensors, courier, launcher, control socket and signals, and
// steps the agent when one of them speaks or the agent's time has come. One thread; it ends at a
// signal to stop or when the launcher is gone.
#pragma once

#include "agent/agent.h"
#include "agent/control.h"
#include "agent/launcher.h"

namespace reeve {

struct LoopParts {
  Agent& agent;
  const Clock& clock;
  std::vector<Sensor*> sensors;  // the agent's, in its order
  SocketCourierPort& courier;
  LauncherChannel& launcher;
  ControlServer& control;
  int signals = -1;  // signalfd(2) of what means "stop"
};

// Who asked for the stop.
StopCause run_loop(LoopParts parts);

}  // namespace reeve
