// SPDX-License-Identifier: Apache-2.0
#include "server/addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <memory>

namespace tepui::server {

std::string Hostname() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

std::string AdvertisedIp(const std::string& ip) {
  if (ip != "0.0.0.0" && ip != "::") return ip;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(Hostname().c_str(), nullptr, &hints, &found) != 0) return "127.0.0.1";
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  char text[INET_ADDRSTRLEN] = {};
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text));
  return text;
}

uint32_t PackedIp(const std::string& ip) {
  in_addr address{};
  return inet_pton(AF_INET, ip.c_str(), &address) == 1 ? address.s_addr : 0;
}

}  // namespace tepui::server
