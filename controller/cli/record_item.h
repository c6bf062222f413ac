// One record as `reeve show` asks for it and judges it, for commands that act on one. Defined in
// show.cpp.
#pragma once

#include "controller/cli/session.h"
#include "controller/cli/verify.h"

namespace reeve::cli {

// Errors: `usage` for what is no record's name, `wrong_record`, `unproven` where its proof does not
// hold, those of request().
Result<SeenRecord> ask_record_item(Session& session, const std::string& name);

}  // namespace reeve::cli
