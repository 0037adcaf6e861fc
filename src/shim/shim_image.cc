// SPDX-License-Identifier: Apache-2.0
#include "shim/shim_image.h"

// TEPUI_SHIM_FILE is the path of the linked shim, a string literal from the build.
asm(".pushsection .rodata.tepui_shim,\"a\",@progbits\n"
    ".balign 16\n"
    ".hidden tepui_shim_image_begin\n"
    ".hidden tepui_shim_image_end\n"
    ".globl tepui_shim_image_begin\n"
    ".globl tepui_shim_image_end\n"
    "tepui_shim_image_begin:\n"
    ".incbin \"" TEPUI_SHIM_FILE
    "\"\n"
    "tepui_shim_image_end:\n"
    ".popsection\n");

extern "C" {
extern const std::byte tepui_shim_image_begin[];
extern const std::byte tepui_shim_image_end[];
}

namespace tepui::shim {

std::span<const std::byte> ShimImage() { return {tepui_shim_image_begin, tepui_shim_image_end}; }

}  // namespace tepui::shim
