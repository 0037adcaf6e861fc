// SPDX-License-Identifier: Apache-2.0
#include "election/master_address.h"

#include <fmt/format.h>

#include <utility>

#include "election/standalone.h"
#include "election/zookeeper_election.h"

namespace tepui::election {

Result<MasterAddress> ParseMaster(std::string_view text) {
  if (text.starts_with("zk://") || text.starts_with("file://")) {
    auto address = zookeeper::ParseAddress(text);
    if (!address) return Fail(address.error());
    return std::move(*address);
  }
  if (text.starts_with("https://")) {
    return Fail(Code::kUnimplemented, "'{}': TLS is not supported yet; write host:port", text);
  }
  std::string_view rest = text;
  if (rest.starts_with("http://") && rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.starts_with("master@")) rest.remove_prefix(7);
  auto where = ParseEndpoint(rest);
  if (!where) return Fail(where.error());
  return std::move(*where);
}

Endpoint WhereIs(const v1::MasterInfo& leader) {
  const v1::Address& address = leader.address();
  return {.host = address.ip().empty() ? leader.hostname() : address.ip(),
          .port = static_cast<uint16_t>(address.ip().empty() ? leader.port() : address.port())};
}

std::string ToString(const MasterAddress& address) {
  if (const auto* where = std::get_if<Endpoint>(&address)) return tepui::ToString(*where);
  return std::get<zookeeper::Address>(address).ToString();
}

std::unique_ptr<Detector> MakeDetector(const MasterAddress& address, Duration session_timeout,
                                       Clock& clock, const Poster& poster) {
  if (const auto* zookeeper = std::get_if<zookeeper::Address>(&address))
    return std::make_unique<ZooKeeperDetector>(*zookeeper, session_timeout, clock, poster);
  const auto& where = std::get<Endpoint>(address);
  v1::MasterInfo leader;
  leader.set_hostname(where.host);
  leader.set_port(where.port);
  return std::make_unique<FixedDetector>(poster, std::move(leader));
}

}  // namespace tepui::election
