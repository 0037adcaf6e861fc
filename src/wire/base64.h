// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// RFC 4648 base64, standard alphabet with padding.
void AppendBase64(std::string_view bytes, std::string* out);

// White space between characters is skipped and the padding may be missing, as Mesos reads it.
// kInvalid for any other character, for data after the padding, and for a number of characters that
// no bytes encode to.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace tepui::wire
