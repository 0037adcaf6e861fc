// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flags.h"
#include "base/log.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::cli {

// Flags that master and agent share (reference 7.1).
struct CommonFlags {
  LogOptions log;  // The command sets its program.

  std::optional<std::string> ip;
  uint16_t port = 0;
  std::optional<std::string> advertise_ip;
  std::optional<std::string> ip_discovery_command;
  std::optional<std::string> hostname;
  bool hostname_lookup = true;
  std::optional<mesos::v1::DomainInfo> domain;
  Duration zk_session_timeout = std::chrono::seconds(10);
};

void DeclareCommonFlags(FlagTable* table, CommonFlags* flags);

// The address a server listens on and the one it advertises.
struct Identity {
  std::string bind_ip;  // The address to listen on.
  std::string ip;       // The address under which others reach it.
  std::string hostname;
};

// Runs ip_discovery_command, looks up the machine's address and its name; may block for as long as
// the resolver does. `default_ip` is the address to listen on without --ip.
Identity FindIdentity(const CommonFlags& flags, const std::string& default_ip,
                      std::vector<std::string>* problems);

// Adds problems of these flags that the table did not check.
void CheckCommonFlags(const CommonFlags& flags, std::vector<std::string>* problems);

}  // namespace tepui::cli
