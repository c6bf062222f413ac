// Asking somebody before something is signed: at the terminal, or by --yes.
#pragma once

#include "controller/cli/options.h"

namespace reeve::cli {

OptionSpec yes_option();  // --yes

// Errors: `consent_needed` (no terminal and no --yes), `not_consented`.
Status ask_consent(const Arguments& arguments, std::string_view question);

}  // namespace reeve::cli
