#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master::validation {

using ResourceField = google::protobuf::RepeatedPtrField<v1::Resource>;

// What holds for the resources of tasks, executors and operations alike (reference 2.4, 2.5).
// Failures are kInvalid.

// `status` with its sentence set into a context: "<what>: <sentence>".
Status Within(std::string_view what, Status status);

// The resources of a message, which lists their reservations, summed. They are valid one by one,
// and so are their volumes: reserved, not revocable, with a valid id and a container path.
Result<Resources> ReadResources(const ResourceField& resources);

// No two persistent volumes of one role have the same id. `also` is looked at together with
// `resources`.
Status ValidateDistinctVolumes(const Resources& resources, const Resources& also = {});

// All are allocated, and to the same role.
Status ValidateOneAllocationRole(const Resources& resources);

// Of each name either all or none are revocable.
Status ValidateNotMixedRevocable(const Resources& resources);

// No range and no set item is in two of `parts`, which are to be used side by side. (Their sum
// would lose it.)
Status ValidateDisjoint(std::span<const Resources> parts);

// All come from the agent itself, or all from one resource provider.
Status ValidateOneProvider(const Resources& resources);

}  // namespace tepui::master::validation
