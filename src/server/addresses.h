// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mesos/v1/mesos.pb.h"

namespace tepui::server {

// The host name of this machine.
std::string Hostname();

// Returns the address to announce when listening on `ip`: `ip` itself, or for a wildcard the
// address that the machine's own name resolves to, else 127.0.0.1.
std::string AdvertisedIp(const std::string& ip);

// Returns an IPv4 address in the form of MasterInfo.ip (network byte order in memory); 0 for other
// addresses.
uint32_t PackedIp(const std::string& ip);

}  // namespace tepui::server
