// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "web/router.h"

namespace tepui::api {

// Adds the routes that master and agent share: /health, /version and /flags. `flags` must outlive
// the router.
void AddCommonRoutes(web::Router* router,
                     const std::vector<std::pair<std::string, std::string>>& flags);

}  // namespace tepui::api
