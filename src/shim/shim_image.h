// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace tepui::shim {

// Returns the complete executable tepui-shim: a static ELF file in this program's read-only data.
std::span<const std::byte> ShimImage();

}  // namespace tepui::shim
