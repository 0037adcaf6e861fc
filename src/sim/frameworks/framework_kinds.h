// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sim/frameworks/framework.h"

namespace tepui::sim {

// The kinds of MakeFramework, each in its own file.

std::unique_ptr<Framework> MakeBatch(const std::string& name, const std::string& role,
                                     SeededRandom random);
std::unique_ptr<Framework> MakeService(const std::string& name, const std::string& role,
                                       SeededRandom random);
std::unique_ptr<Framework> MakeGreedy(const std::string& name, const std::string& role,
                                      SeededRandom random);
std::unique_ptr<Framework> MakeHoarder(const std::string& name, const std::string& role);
std::unique_ptr<Framework> MakeNonsense(const std::string& name, const std::string& role,
                                        SeededRandom random);

}  // namespace tepui::sim
