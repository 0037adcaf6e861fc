// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "resources/resources.h"

namespace tepui::capacity {

// How tasks of plain amounts use offered resources: parts of any scalar that is not tied to a disk,
// volume or provider, is not shared and will not be revoked.

bool Fits(const Quantities& amounts, const Resources& offered);

// Takes the amounts, which must fit, out of `offered`, reserved resources first. Returns what was
// taken, as it was offered.
Resources Take(const Quantities& amounts, Resources* offered);

}  // namespace tepui::capacity
