// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/endpoint.h"
#include "base/result.h"

namespace tepui::client {

// Parses the Location of a 307 that came over `scheme`: "//host:port/path", which keeps the scheme,
// or the same with a scheme of its own (reference 1.1).
Result<Endpoint> ParseLocation(std::string_view location, Scheme scheme);

}  // namespace tepui::client
