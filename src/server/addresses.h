#pragma once

#include <cstdint>
#include <string>

#include "mesos/v1/mesos.pb.h"

namespace tepui::server {

// The name this machine goes by.
std::string Hostname();

// The address to tell others when listening on `ip`: itself, or for a wildcard the address that the
// machine's own name resolves to, else 127.0.0.1.
std::string AdvertisedIp(const std::string& ip);

// An IPv4 address as MasterInfo.ip wants it (network byte order in memory); 0 for others.
uint32_t PackedIp(const std::string& ip);

}  // namespace tepui::server
