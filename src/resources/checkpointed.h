// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "resources/resources.h"

namespace tepui {

// Returns an agent's total: the resources from its flags, with `checkpointed` dynamically reserved
// or made a volume since. Fails if `checkpointed` is not a part of them.
Result<Resources> WithCheckpointed(const Resources& flags, const Resources& checkpointed);

}  // namespace tepui
