#pragma once

#include <cstddef>
#include <span>

namespace tepui::shim {

// The executable tepui-shim, whole: a static ELF file that lives in this program's read-only data.
std::span<const std::byte> ShimImage();

}  // namespace tepui::shim
