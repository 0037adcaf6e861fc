#pragma once

#include "base/result.h"
#include "resources/resources.h"

namespace tepui {

// An agent's total: what its flags give, of which `checkpointed` was dynamically reserved or made a
// volume since. Fails if that is not a part of it.
Result<Resources> WithCheckpointed(const Resources& flags, const Resources& checkpointed);

}  // namespace tepui
