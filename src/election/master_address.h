#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/host_port.h"
#include "election/election.h"
#include "zookeeper/address.h"

namespace tepui::election {

// What an operator writes for --master: one master, or where the masters meet.
using MasterAddress = std::variant<HostPort, zookeeper::Address>;

// "host:port", also as "http://host:port" or "master@host:port" (a pid of Mesos); or
// "zk://user:password@h1:p1,h2:p2/path", or "file:///name" of a file that holds that. kInvalid with
// how it should look; the sentence shows no password.
Result<MasterAddress> ParseMaster(std::string_view text);

// Where a leader is reached: its address, or its name if it says no address.
HostPort WhereIs(const v1::MasterInfo& leader);

// For logs: without the password.
std::string ToString(const MasterAddress& address);

// Follows the leader there. `session_timeout`: of ZooKeeper.
std::unique_ptr<Detector> MakeDetector(const MasterAddress& address, Duration session_timeout,
                                       Clock& clock, const Poster& poster);

}  // namespace tepui::election
