// SPDX-License-Identifier: Apache-2.0
#include "api/operator/about.h"

#include <string>

#include "base/build_time.h"
#include "base/version.h"

namespace tepui::api {

mesos::v1::VersionInfo VersionInfo() {
  mesos::v1::VersionInfo info;
  info.set_version(std::string(kMesosVersion));
  info.set_build_date(BuildDate());
  info.set_build_time(static_cast<double>(BuildTime()));
  info.set_build_user("tepui");
  return info;
}

}  // namespace tepui::api
