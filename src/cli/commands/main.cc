// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/flags.h"
#include "cli/commands/command.h"
#include "cli/servers/signals.h"

namespace tepui::cli {
namespace {

struct Command {
  std::string_view name;
  std::vector<std::string_view> old_names;  // Names of the Mesos programs with the same purpose.
  std::string_view summary;
  int (*run)(const Invocation&);
};

const std::array<Command, 6>& Commands() {
  static const std::array<Command, 6> commands = {{
      {"master", {"mesos-master"}, "run a master", MasterCommand},
      {"agent", {"mesos-agent", "mesos-slave"}, "run an agent", AgentCommand},
      {"local",
       {"mesos-local"},
       "run a master and agents in one process, to try things out",
       LocalCommand},
      {"run",
       {"mesos-execute"},
       "run a command or task on a cluster and show its output",
       RunCommand},
      {"simulate",
       {},
       "plan capacity: simulate a cluster and its load, report utilisation and waiting times",
       SimulateCommand},
      {"store", {}, "inspect, check, export and import the store of a master", StoreCommand},
  }};
  return commands;
}

void PrintHelp(FILE* out) {
  fmt::print(out,
             "Tepui, a cluster manager that speaks Apache Mesos.\n\nUsage: tepui <command> "
             "[flags]\n\nCommands:\n");
  for (const Command& command : Commands())
    fmt::print(out, "  {:<9}{}\n", command.name, command.summary);
  fmt::print(out,
             "  version  print the version\n  help     print this, or the help of a command\n\n"
             "tepui <command> --help lists the flags of a command. Called by the name "
             "mesos-master, mesos-agent,\n"
             "mesos-slave, mesos-local or mesos-execute the program is that command.\n");
}

int Main(std::vector<std::string> words) {
  const std::string called =
      words.empty() ? "tepui" : words.front().substr(words.front().rfind('/') + 1);
  if (!words.empty()) words.erase(words.begin());
  for (const Command& command : Commands()) {
    for (const std::string_view name : command.old_names) {
      if (called == name) return command.run({called, std::move(words), ProcessEnvironment()});
    }
  }
  // "tepui help master" is "tepui master --help".
  if (words.size() == 2 && words[0] == "help") words = {words[1], "--help"};
  if (words.empty()) {
    PrintHelp(stderr);
    return kUsageError;
  }
  const std::string name = words.front();
  words.erase(words.begin());
  if (name == "help" || name == "--help" || name == "-h") {
    PrintHelp(stdout);
    return kSuccess;
  }
  if (name == "version" || name == "--version") {
    fmt::print("{}\n", VersionLine());
    return kSuccess;
  }
  for (const Command& command : Commands()) {
    if (command.name == name)
      return command.run({"tepui " + name, std::move(words), ProcessEnvironment()});
  }
  fmt::print(stderr, "'{}' is not a command of tepui.\n\n", name);
  PrintHelp(stderr);
  return kUsageError;
}

}  // namespace
}  // namespace tepui::cli

int main(int argc, char** argv) {
  tepui::cli::BlockSignals();
  return tepui::cli::Main(std::vector<std::string>(argv, argv + argc));
}
