// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/endpoint.h"
#include "election/election.h"
#include "zookeeper/address.h"

namespace tepui::election {

// The value of --master: one master, or the ZooKeeper path where masters are elected.
using MasterAddress = std::variant<Endpoint, zookeeper::Address>;

// Parses "host:port", "http://host:port" or "master@host:port" (a pid of Mesos); or
// "zk://user:password@h1:p1,h2:p2/path", or "file:///name" of a file that contains that. kInvalid
// names the expected form; its sentence shows no password.
Result<MasterAddress> ParseMaster(std::string_view text);

// Returns where a leader is reached: its address, or its hostname if it announces no address.
Endpoint WhereIs(const v1::MasterInfo& leader);

// For logs: leaves out the password.
std::string ToString(const MasterAddress& address);

// Makes a detector that follows the leader at `address`. `session_timeout` is that of ZooKeeper
// sessions.
std::unique_ptr<Detector> MakeDetector(const MasterAddress& address, Duration session_timeout,
                                       Clock& clock, const Poster& poster);

}  // namespace tepui::election
