#pragma once

#include "resources/resources.h"

namespace tepui::capacity {

// How tasks of plain amounts use what is offered: parts of any scalar that is not tied to a disk,
// volume or provider, is not shared and will not be revoked.

bool Fits(const Quantities& amounts, const Resources& offered);

// Takes the amounts, which fit, out of `offered`: from what is reserved first. What was taken, as
// it was offered.
Resources Take(const Quantities& amounts, Resources* offered);

}  // namespace tepui::capacity
