// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/flags.h"

namespace tepui::cli {

// One run of the program.
struct Invocation {
  std::string program;                   // As shown in messages: "tepui master", "mesos-master".
  std::vector<std::string> words;        // The arguments after the command.
  std::vector<std::string> environment;  // "NAME=value".
};

// Exit codes, apart from those of tasks that `run` passes on.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsageError = 2;  // The flags are wrong; nothing was started.

// The commands. Each runs until its work is done or a signal ends it, and returns the process' exit
// code. The caller has blocked SIGINT, SIGTERM and SIGUSR1 before any thread was started.
int MasterCommand(const Invocation& invocation);
int AgentCommand(const Invocation& invocation);
int LocalCommand(const Invocation& invocation);
int RunCommand(const Invocation& invocation);
int SimulateCommand(const Invocation& invocation);
int StoreCommand(const Invocation& invocation);

// Prints help or version if requested, and returns the exit code then.
std::optional<int> AnswerQuestions(const FlagTable& table, const FlagResult& result);

// Prints every problem and how to get help.
int ReportProblems(const std::string& program, const std::vector<std::string>& problems);

// "tepui 0.1.0 (speaks Mesos 1.11.0)".
std::string VersionLine();

}  // namespace tepui::cli
