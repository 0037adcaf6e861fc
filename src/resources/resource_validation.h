#pragma once

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Everything that can be wrong with a resource in itself (reference 2.11), its name apart.
// Sentences begin in lower case and do not name the resource: the caller does.
Status ValidateResource(const v1::Resource& resource);

// A stack of reservations: kinds, roles, each a refinement of the one below.
Status ValidateReservations(
    const google::protobuf::RepeatedPtrField<v1::Resource::ReservationInfo>& reservations);

}  // namespace tepui
