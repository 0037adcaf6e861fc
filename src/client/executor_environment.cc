// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "base/units.h"
#include "client/executor_core.h"

namespace tepui::client {
namespace {

class Reader {
 public:
  explicit Reader(const std::map<std::string, std::string>& environment)
      : environment_(environment) {}

  std::string Get(const std::string& name) const {
    const auto it = environment_.find(name);
    return it == environment_.end() ? "" : it->second;
  }

  std::string Require(const std::string& name) {
    std::string value = Get(name);
    if (value.empty()) problems_.push_back(fmt::format("{} is not set", name));
    return value;
  }

  void RequireDuration(const std::string& name, Duration* target) {
    const std::string text = Require(name);
    if (text.empty()) return;
    const Result<Duration> duration = ParseDuration(text);
    if (!duration) {
      problems_.push_back(fmt::format("{}: {}", name, duration.error().message));
    } else if (*duration < Duration::zero()) {
      problems_.push_back(fmt::format("{}: '{}' is negative", name, text));
    } else {
      *target = *duration;
    }
  }

  void ReadAgent(Endpoint* agent) {
    const std::string socket = Get("MESOS_DOMAIN_SOCKET");
    if (!socket.empty()) {
      agent->unix_path = socket;
      return;
    }
    // The pid of the agent, "slave(1)@ip:port", is set by every version of Mesos.
    std::string name = "MESOS_AGENT_ENDPOINT";
    std::string text = Get(name);
    if (text.empty()) {
      name = "MESOS_SLAVE_PID";
      text = Require(name);
      if (text.empty()) return;
      const size_t at = text.find('@');
      text.erase(0, at == std::string::npos ? 0 : at + 1);
    }
    Result<Endpoint> endpoint = ParseEndpoint(text);
    if (endpoint) {
      *agent = std::move(*endpoint);
    } else {
      problems_.push_back(fmt::format("{}: {}", name, endpoint.error().message));
    }
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  const std::map<std::string, std::string>& environment_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<ExecutorEnvironment> ExecutorEnvironment::Parse(
    const std::map<std::string, std::string>& environment) {
  Reader reader(environment);
  ExecutorEnvironment result;
  reader.ReadAgent(&result.agent);
  result.framework_id = reader.Require("MESOS_FRAMEWORK_ID");
  result.executor_id = reader.Require("MESOS_EXECUTOR_ID");
  result.token = reader.Get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN");
  result.checkpoint = reader.Get("MESOS_CHECKPOINT") == "1";
  result.local = environment.contains("MESOS_LOCAL");
  if (result.checkpoint) {
    reader.RequireDuration("MESOS_RECOVERY_TIMEOUT", &result.recovery_timeout);
    reader.RequireDuration("MESOS_SUBSCRIPTION_BACKOFF_MAX", &result.subscription_backoff_max);
  }
  reader.RequireDuration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", &result.shutdown_grace_period);
  if (!reader.problems().empty()) {
    return Fail(Code::kInvalid, "This is not the environment of an executor: {}",
                fmt::join(reader.problems(), "; "));
  }
  return result;
}

}  // namespace tepui::client
