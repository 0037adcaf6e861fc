// SPDX-License-Identifier: Apache-2.0
#include "master/rules/container_rules.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "master/rules/resource_rules.h"

namespace tepui::master::validation {
namespace {

using Source = v1::Volume::Source;
using Variable = v1::Environment::Variable;

constexpr uint32_t kMaxPort = 65535;

bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Status ValidateSecret(const v1::Secret& secret) {
  switch (secret.type()) {
    case v1::Secret::REFERENCE:
      if (secret.has_reference() && !secret.has_value()) return {};
      return Fail(Code::kInvalid, "A secret of type REFERENCE has 'reference' and no 'value'");
    case v1::Secret::VALUE:
      if (secret.has_value() && !secret.has_reference()) return {};
      return Fail(Code::kInvalid, "A secret of type VALUE has 'value' and no 'reference'");
    case v1::Secret::UNKNOWN:
      return {};
  }
  return {};
}

Status ValidateVariable(const Variable& variable) {
  if (HasNul(variable.name()) || HasNul(variable.value()) ||
      HasNul(variable.secret().value().data())) {
    return Fail(Code::kInvalid, "It has a zero byte, which no environment can hold");
  }
  switch (variable.type()) {
    case Variable::VALUE:
      if (variable.has_value() && !variable.has_secret()) return {};
      return Fail(Code::kInvalid, "Of type VALUE, it must have 'value' and no 'secret'");
    case Variable::SECRET:
      if (!variable.has_secret() || variable.has_value()) {
        return Fail(Code::kInvalid, "Of type SECRET, it must have 'secret' and no 'value'");
      }
      return ValidateSecret(variable.secret());
    case Variable::UNKNOWN:
      break;
  }
  return Fail(Code::kInvalid, "Its type is UNKNOWN");
}

Status ValidateEnvironment(const v1::Environment& environment) {
  for (const Variable& variable : environment.variables()) {
    if (Status valid = ValidateVariable(variable); !valid) {
      return Within(fmt::format("The environment variable '{}'", variable.name().c_str()),
                    std::move(valid));
    }
  }
  return {};
}

// Checks where a fetched file is stored: its path must stay in the sandbox.
Status ValidateOutputFile(std::string_view path) {
  if (path.empty()) return Fail(Code::kInvalid, "The 'output_file' of a URI is empty");
  if (path.starts_with('/')) {
    return Fail(Code::kInvalid, "The 'output_file' '{}' of a URI must be relative to the sandbox",
                path);
  }
  for (std::string_view rest = path; !rest.empty();) {
    const size_t end = rest.find('/');
    if (rest.substr(0, end) == "..") {
      return Fail(Code::kInvalid, "The 'output_file' '{}' of a URI leaves the sandbox", path);
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {};
}

Status ValidateUris(const v1::CommandInfo& command) {
  for (const v1::CommandInfo::URI& uri : command.uris()) {
    if (uri.value().empty()) return Fail(Code::kInvalid, "A URI of the command is empty");
    if (HasNul(uri.value()) || HasNul(uri.output_file())) {
      return Fail(Code::kInvalid, "A URI of the command has a zero byte in it");
    }
    if (!uri.has_output_file()) continue;
    if (Status valid = ValidateOutputFile(uri.output_file()); !valid) return valid;
  }
  return {};
}

bool HasImage(const v1::ContainerInfo* container) {
  return container != nullptr && (container->has_docker() || container->mesos().has_image());
}

// Checks the command of a check: it runs inside the task's container and has no image of its own
// that could supply a value.
Status ValidateCheckCommand(const v1::CommandInfo& command) {
  return ValidateCommand(command, nullptr);
}

Status ValidatePort(uint32_t port) {
  if (port <= kMaxPort) return {};
  return Fail(Code::kInvalid, "{} is not a port", port);
}

Status ValidatePath(bool has_path, std::string_view path) {
  if (!has_path || path.starts_with('/')) return {};
  return Fail(Code::kInvalid, "The path '{}' must begin with '/'", path);
}

Status ValidateSeconds(double seconds, std::string_view field) {
  if (seconds >= 0 && std::isfinite(seconds)) return {};
  return Fail(Code::kInvalid, "'{}' is {}; it must be a number of seconds that is not negative",
              field, seconds);
}

Status ValidateSource(const Source& source) {
  const auto require = [&](bool present, std::string_view part) -> Status {
    if (present) return {};
    return Fail(Code::kInvalid, "A source of type {} needs '{}'", Source::Type_Name(source.type()),
                part);
  };
  switch (source.type()) {
    case Source::DOCKER_VOLUME:
      return require(source.has_docker_volume(), "docker_volume");
    case Source::HOST_PATH:
      return require(source.has_host_path(), "host_path");
    case Source::SANDBOX_PATH:
      return require(source.has_sandbox_path(), "sandbox_path");
    case Source::SECRET:
      if (Status valid = require(source.has_secret(), "secret"); !valid) return valid;
      return ValidateSecret(source.secret());
    case Source::CSI_VOLUME:
      return require(source.csi_volume().has_static_provisioning(),
                     "csi_volume.static_provisioning");
    case Source::UNKNOWN:
      break;
  }
  return Fail(Code::kInvalid, "The type of its source is unknown");
}

Status ValidateVolume(const v1::Volume& volume) {
  if (volume.container_path().empty()) return Fail(Code::kInvalid, "It has no container path");
  if (volume.has_host_path() + volume.has_image() + volume.has_source() != 1) {
    return Fail(Code::kInvalid, "It needs exactly one of 'host_path', 'image' and 'source'");
  }
  return volume.has_source() ? ValidateSource(volume.source()) : Status();
}

Status ValidateImage(const v1::Image& image) {
  const bool docker = image.type() == v1::Image::DOCKER;
  if (docker ? image.has_docker() : image.has_appc()) return {};
  return Fail(Code::kInvalid, "An image of type {} needs '{}'", v1::Image::Type_Name(image.type()),
              docker ? "docker" : "appc");
}

Status ValidateDocker(const v1::ContainerInfo& container) {
  if (!container.has_docker())
    return Fail(Code::kInvalid, "A container of type DOCKER needs 'docker'");
  for (const v1::Parameter& parameter : container.docker().parameters()) {
    // The agent gives containers their names, and recovers them by these names.
    if (parameter.key() == "name")
      return Fail(Code::kInvalid, "The docker parameter 'name' cannot be set");
  }
  for (const auto& mapping : container.docker().port_mappings()) {
    for (uint32_t port : {mapping.host_port(), mapping.container_port()}) {
      if (Status valid = ValidatePort(port); !valid)
        return Within("A port mapping", std::move(valid));
    }
  }
  return {};
}

Status ValidateNetwork(const v1::NetworkInfo& network) {
  for (const auto& mapping : network.port_mappings()) {
    for (uint32_t port : {mapping.host_port(), mapping.container_port()}) {
      if (Status valid = ValidatePort(port); !valid)
        return Within("A port mapping", std::move(valid));
    }
  }
  return {};
}

}  // namespace

Status ValidateCommand(const v1::CommandInfo& command, const v1::ContainerInfo* container) {
  if (!command.has_value()) {
    if (command.shell()) {
      return Fail(Code::kInvalid,
                  "The command needs a 'value' to give to the shell (or 'shell' set to false)");
    }
    if (!HasImage(container))
      return Fail(Code::kInvalid, "The command needs a 'value', the program to run");
  }
  if (HasNul(command.value()) || std::ranges::any_of(command.arguments(), HasNul)) {
    return Fail(Code::kInvalid, "The command has a zero byte in its value or arguments");
  }
  if (Status valid = ValidateEnvironment(command.environment()); !valid) return valid;
  return ValidateUris(command);
}

Status ValidateContainer(const v1::ContainerInfo& container) {
  for (const v1::Volume& volume : container.volumes()) {
    if (Status valid = ValidateVolume(volume); !valid) {
      return Within(fmt::format("The volume at '{}'", volume.container_path()), std::move(valid));
    }
  }
  for (const v1::NetworkInfo& network : container.network_infos()) {
    if (Status valid = ValidateNetwork(network); !valid) return valid;
  }
  if (container.type() == v1::ContainerInfo::DOCKER) return ValidateDocker(container);
  return container.mesos().has_image() ? ValidateImage(container.mesos().image()) : Status();
}

Status ValidateCheck(const v1::CheckInfo& check) {
  const auto require = [&](bool present, std::string_view part) -> Status {
    if (present) return {};
    return Fail(Code::kInvalid, "A check of type {} needs '{}'",
                v1::CheckInfo::Type_Name(check.type()), part);
  };
  switch (check.type()) {
    case v1::CheckInfo::COMMAND:
      if (Status valid = require(check.has_command(), "command"); !valid) return valid;
      if (Status valid = ValidateCheckCommand(check.command().command()); !valid) return valid;
      break;
    case v1::CheckInfo::HTTP:
      if (Status valid = require(check.has_http(), "http"); !valid) return valid;
      if (Status valid = ValidatePath(check.http().has_path(), check.http().path()); !valid)
        return valid;
      if (Status valid = ValidatePort(check.http().port()); !valid) return valid;
      break;
    case v1::CheckInfo::TCP:
      if (Status valid = require(check.has_tcp(), "tcp"); !valid) return valid;
      if (Status valid = ValidatePort(check.tcp().port()); !valid) return valid;
      break;
    case v1::CheckInfo::UNKNOWN:
      return Fail(Code::kInvalid, "The check has no type, or an unknown one");
  }
  if (Status valid = ValidateSeconds(check.delay_seconds(), "delay_seconds"); !valid) return valid;
  if (Status valid = ValidateSeconds(check.interval_seconds(), "interval_seconds"); !valid)
    return valid;
  return ValidateSeconds(check.timeout_seconds(), "timeout_seconds");
}

Status ValidateHealthCheck(const v1::HealthCheck& check) {
  const auto require = [&](bool present, std::string_view part) -> Status {
    if (present) return {};
    return Fail(Code::kInvalid, "A health check of type {} needs '{}'",
                v1::HealthCheck::Type_Name(check.type()), part);
  };
  switch (check.type()) {
    case v1::HealthCheck::COMMAND:
      if (Status valid = require(check.has_command(), "command"); !valid) return valid;
      if (Status valid = ValidateCheckCommand(check.command()); !valid) return valid;
      break;
    case v1::HealthCheck::HTTP: {
      const v1::HealthCheck::HTTPCheckInfo& http = check.http();
      if (Status valid = require(check.has_http(), "http"); !valid) return valid;
      if (http.has_scheme() && http.scheme() != "http" && http.scheme() != "https") {
        return Fail(Code::kInvalid, "The scheme '{}' is neither http nor https", http.scheme());
      }
      if (Status valid = ValidatePath(http.has_path(), http.path()); !valid) return valid;
      if (Status valid = ValidatePort(http.port()); !valid) return valid;
      break;
    }
    case v1::HealthCheck::TCP:
      if (Status valid = require(check.has_tcp(), "tcp"); !valid) return valid;
      if (Status valid = ValidatePort(check.tcp().port()); !valid) return valid;
      break;
    case v1::HealthCheck::UNKNOWN:
      return Fail(Code::kInvalid, "The health check has no type, or an unknown one");
  }
  if (Status valid = ValidateSeconds(check.delay_seconds(), "delay_seconds"); !valid) return valid;
  if (Status valid = ValidateSeconds(check.grace_period_seconds(), "grace_period_seconds"); !valid)
    return valid;
  if (Status valid = ValidateSeconds(check.interval_seconds(), "interval_seconds"); !valid)
    return valid;
  return ValidateSeconds(check.timeout_seconds(), "timeout_seconds");
}

}  // namespace tepui::master::validation
