// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Checks everything about a single resource (reference 2.11) except its name. Sentences begin in
// lower case and do not name the resource: the caller does.
Status ValidateResource(const v1::Resource& resource);

// Checks a stack of reservations: their types and roles, and that each is a refinement of the one
// below.
Status ValidateReservations(
    const google::protobuf::RepeatedPtrField<v1::Resource::ReservationInfo>& reservations);

}  // namespace tepui
