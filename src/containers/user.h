#pragma once

#include <string>

#include "base/result.h"
#include "shim/launch.h"

namespace tepui::containers {

// The ids of a user of this machine and of all groups he is in. kNotFound if there is no such user.
// Asks the user database, which may be on the network: blocks.
Result<shim::Launch::User> ResolveUser(const std::string& name);

}  // namespace tepui::containers
