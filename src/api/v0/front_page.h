// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "api/v0/master_json.h"
#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "net/http.h"

namespace tepui::api {

// What a browser shows at "/" of a master: a description, the cluster in numbers, and links to the
// documents. HTML without scripts; every text from outside is escaped.
net::Response FrontPage(const MasterIdentity& master, const master::ReadModel& model);

// The page of a master that does not lead: a link to the leader, or a note that there is none.
net::Response StandbyPage(const std::optional<mesos::v1::MasterInfo>& leader);

}  // namespace tepui::api
