#pragma once

#include <optional>

#include "api/v0/master_json.h"
#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "net/http.h"

namespace tepui::api {

// What a browser sees at "/" of a master: what this is, the cluster in numbers, and where the
// documents are. HTML without scripts; every text from outside is escaped.
net::Response FrontPage(const MasterIdentity& master, const master::ReadModel& model);

// What a master shows there that does not lead: a link to the leader, or that there is none.
net::Response StandbyPage(const std::optional<mesos::v1::MasterInfo>& leader);

}  // namespace tepui::api
