// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

namespace tepui::security {

// What a token states about its bearer: name -> value.
using Claims = std::map<std::string, std::string>;

// Who sends a request, the same as a Principal of Mesos. The edge makes it once for each request
// and passes it into every entry of a core. A caller without both is anonymous.
struct Caller {
  std::optional<std::string> principal = std::nullopt;
  Claims claims = {};

  friend bool operator==(const Caller&, const Caller&) = default;
};

}  // namespace tepui::security
