// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/flags.h"

namespace tepui::bench {

// The command line of a program that measures, in the syntax of base/flags.h.
class CommandLine {
 public:
  // `arguments` describes the words that are no flags; if it is empty, there must be none.
  CommandLine(const std::string& program, const std::string& purpose,
              const std::string& arguments = "");

  // `target` has the default and must outlive the command line.
  template <class T>
  void Add(std::string name, T* target, std::string help) {
    table_.Add(std::move(name), target, std::move(help));
  }
  // Adds a number from `least` to `most`.
  void AddNumber(std::string name, int* target, int least, int most, std::string help);
  // Adds a text that is one of `choices`.
  void AddChoice(std::string name, std::string* target, std::vector<std::string> choices,
                 std::string help);

  // Sets the targets and returns the words that are no flags. Ends the program after --help, and
  // with status 2 if anything is wrong; all problems are printed.
  std::vector<std::string> Parse(int argc, char** argv);
  // Prints the problems and ends the program with status 2.
  [[noreturn]] void Refuse(const std::vector<std::string>& problems) const;

 private:
  const std::string program_;
  FlagTable table_;
};

}  // namespace tepui::bench
