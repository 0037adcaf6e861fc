// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "containers/fetch/fetcher.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {

// `fetcher` must outlive the containerizer.
inline Fetching FetchWith(Fetcher& fetcher) {
  return {[&fetcher](const std::string& id, const v1::CommandInfo& command,
                     const std::string& sandbox, const std::optional<shim::Launch::User>& user,
                     std::move_only_function<void(Status)> done) {
            fetcher.Fetch(id, command, sandbox, user, std::move(done));
          },
          [&fetcher](const std::string& id) { fetcher.Cancel(id); }};
}

}  // namespace tepui::containers
