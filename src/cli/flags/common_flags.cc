// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/common_flags.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "base/units.h"
#include "cli/flags/json_flag.h"

namespace tepui::cli {
namespace {

bool IsIp(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool IsWildcard(const std::string& ip) { return ip == "0.0.0.0" || ip == "::"; }

std::string ToText(const in_addr& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

bool IsLoopback(const in_addr& address) { return (ntohl(address.s_addr) >> 24) == 127; }

// Returns the address that the machine's own name resolves to, if others can use it; otherwise that
// of the first interface that is up; otherwise loopback.
std::string MachineIp() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) == 0) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(name.data(), nullptr, &hints, &found) == 0) {
      const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
      for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        const in_addr address = reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr;
        if (!IsLoopback(address)) return ToText(address);
      }
    }
  }
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) == 0) {
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(interfaces, &freeifaddrs);
    for (const ifaddrs* entry = interfaces; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
          (entry->ifa_flags & IFF_UP) == 0) {
        continue;
      }
      const in_addr address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
      if (!IsLoopback(address)) return ToText(address);
    }
  }
  return "127.0.0.1";
}

// Returns the name that an address resolves to, or the address itself.
std::string NameOf(const std::string& ip) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(ip.c_str(), nullptr, &hints, &found) != 0) return ip;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  std::array<char, NI_MAXHOST> name{};
  if (getnameinfo(found->ai_addr, found->ai_addrlen, name.data(), name.size(), nullptr, 0,
                  NI_NAMEREQD) != 0)
    return ip;
  return name.data();
}

Result<std::string> RunDiscoveryCommand(const std::string& command) {
  // "e": the processes that the agent starts later do not inherit the descriptor.
  FILE* output = popen(command.c_str(), "re");
  if (output == nullptr) return Fail(Code::kInternal, "'{}' cannot be started", command);
  std::array<char, 256> buffer{};
  const size_t length = fread(buffer.data(), 1, buffer.size() - 1, output);
  const int status = pclose(output);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Fail(Code::kInvalid, "'{}' failed", command);
  std::string ip(buffer.data(), length);
  ip.erase(ip.find_last_not_of(" \t\r\n") + 1);
  if (!IsIp(ip))
    return Fail(Code::kInvalid, "'{}' printed '{}', which is not an IP address", command, ip);
  return ip;
}

void CheckIp(const std::string& flag, const std::optional<std::string>& ip,
             std::vector<std::string>* problems) {
  if (ip && !IsIp(*ip))
    problems->push_back(fmt::format("--{}: '{}' is not an IP address", flag, *ip));
}

// Binds a text that has no value while it is empty.
FlagBinding BindIfAny(std::string* target) {
  FlagBinding binding = BindFlag(target);
  binding.format = [target]() -> std::optional<std::string> {
    if (target->empty()) return std::nullopt;
    return *target;
  };
  return binding;
}

}  // namespace

void DeclareCommonFlags(FlagTable* table, CommonFlags* flags) {
  table->Group("Logging");
  table->Add("quiet", &flags->log.quiet, "Log nothing to stderr.");
  table->Add("logging_level", &flags->log.level,
             "Log messages of this level and above: INFO, WARNING or ERROR (or DEBUG).");
  table
      ->AddBinding("log_dir", BindIfAny(&flags->log.directory),
                   "Also log to a file in this directory.")
      .IsPath();

  table->Group("Network");
  table->Add("ip", &flags->ip,
             "IP address to listen on. Not together with --ip_discovery_command.");
  table->Add("port", &flags->port, "Port to listen on; 0 lets the kernel choose.");
  table->Add("advertise_ip", &flags->advertise_ip,
             "IP address at which other processes reach this one.");
  table->Add("ip_discovery_command", &flags->ip_discovery_command,
             "Command that prints the IP address to listen on.");
  table->Add("hostname", &flags->hostname,
             "Host name to advertise; the default is the name of the advertised address.");
  table->Add(
      "hostname_lookup", &flags->hostname_lookup,
      "Look up the name of the advertised address; if false, the address is used as host name.");
  table
      ->AddBinding(
          "domain", BindJson(&flags->domain),
          R"(Fault domain: {"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}.)")
      .AlsoPlainPath();

  const std::string modules =
      "Mesos modules are shared objects built against Mesos and cannot be loaded";
  const std::string authentication = "there is no authentication yet";
  table
      ->Add("zk_session_timeout", &flags->zk_session_timeout,
            "How long ZooKeeper keeps the session of a process that does not answer.")
      .Check([flags]() -> Status {
        if (flags->zk_session_timeout >= std::chrono::seconds(1) &&
            flags->zk_session_timeout <= std::chrono::hours(1))
          return {};
        return Fail(Code::kInvalid, "must be from 1secs to 1hrs, not {}",
                    FormatDuration(flags->zk_session_timeout));
      });

  table->AddUnsupported("logbufsecs", "0", "log messages are never buffered");
  table->AddUnsupported("initialize_driver_logging", "true", "logging is always initialized");
  table->AddUnsupported("external_log_file", "", "only the program's own log file exists");
  table->AddUnsupported("cleanup_log_files", "0", "rotate log files with logrotate");
  table->AddUnsupported("advertise_port", "",
                        "the advertised port is always the port it listens on");
  table->AddUnsupported("memory_profiling", "false", "there is no memory profiler");
  table->AddUnsupported("firewall_rules", "", "endpoints cannot be disabled");
  table->AddUnsupported("modules", "", modules);
  table->AddUnsupported("modules_dir", "", modules);
  table->AddUnsupported("hooks", "", modules);
  table->AddUnsupported("authenticate_http_readonly", "false", authentication);
  table->AddUnsupported("authenticate_http_readwrite", "false", authentication)
      .Alias("authenticate_http");
  table->AddUnsupported("http_cors_allowed_origins", "", "no cross-origin headers are sent");
  table->AddUnsupported("http_authenticators", "basic", authentication);
  table->AddUnsupported("acls", "", "there is no authorization yet");
  table->AddUnsupported("master_detector", "", modules);
}

void CheckCommonFlags(const CommonFlags& flags, std::vector<std::string>* problems) {
  CheckIp("ip", flags.ip, problems);
  CheckIp("advertise_ip", flags.advertise_ip, problems);
  if (flags.advertise_ip && IsWildcard(*flags.advertise_ip)) {
    problems->push_back(
        fmt::format("--advertise_ip: no other machine can reach '{}'", *flags.advertise_ip));
  }
  if (flags.ip && flags.ip_discovery_command) {
    problems->push_back("--ip and --ip_discovery_command exclude each other");
  }
  if (flags.domain && !flags.domain->has_fault_domain())
    problems->push_back("--domain has no fault_domain");
  const std::string& level = flags.log.level;
  if (level != "INFO" && level != "WARNING" && level != "ERROR" && level != "DEBUG") {
    problems->push_back(
        fmt::format("--logging_level: '{}' is not INFO, WARNING, ERROR or DEBUG", level));
  }
}

Identity FindIdentity(const CommonFlags& flags, const std::string& default_ip,
                      std::vector<std::string>* problems) {
  Identity identity;
  identity.bind_ip = flags.ip.value_or(default_ip);
  if (flags.ip_discovery_command) {
    Result<std::string> found = RunDiscoveryCommand(*flags.ip_discovery_command);
    if (found) {
      identity.bind_ip = std::move(*found);
    } else {
      problems->push_back(fmt::format("--ip_discovery_command: {}", found.error().message));
    }
  }
  identity.ip = flags.advertise_ip
                    ? *flags.advertise_ip
                    : (IsWildcard(identity.bind_ip) ? MachineIp() : identity.bind_ip);
  identity.hostname = flags.hostname ? *flags.hostname
                                     : (flags.hostname_lookup ? NameOf(identity.ip) : identity.ip);
  return identity;
}

}  // namespace tepui::cli
