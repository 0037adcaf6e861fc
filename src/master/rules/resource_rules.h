// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master::validation {

using ResourceField = google::protobuf::RepeatedPtrField<v1::Resource>;

// Rules for the resources of tasks, executors and operations alike (reference 2.4, 2.5). Failures
// are kInvalid.

// Returns `status` with a context before its sentence: "<what>: <sentence>".
Status Within(std::string_view what, Status status);

// Returns the sum of the resources of a message, which lists their reservations. Each must be
// valid, and so must its volume: reserved, not revocable, with a valid id and a container path.
Result<Resources> ReadResources(const ResourceField& resources);

// Checks that no two persistent volumes of one role have the same id, in `resources` and `also`
// together.
Status ValidateDistinctVolumes(const Resources& resources, const Resources& also = {});

// Checks that all are allocated, and to the same role.
Status ValidateOneAllocationRole(const Resources& resources);

// Checks that of each name either all or none are revocable.
Status ValidateNotMixedRevocable(const Resources& resources);

// Checks that no range and no set item is in two of `parts`, which will be used at the same time.
// (Their sum would not show it.)
Status ValidateDisjoint(std::span<const Resources> parts);

// Checks that all come from the agent itself, or all from one resource provider.
Status ValidateOneProvider(const Resources& resources);

}  // namespace tepui::master::validation
