#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/router.h"

namespace tepui::http {

// What master and agent serve alike: /health, /version and /flags. `flags` must outlive the router.
void AddCommonRoutes(Router* router, const std::vector<std::pair<std::string, std::string>>& flags);

}  // namespace tepui::http
