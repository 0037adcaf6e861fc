// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master {

// Converts the forms that resources take in messages (reference 2.2, 2.11). Inside the master all
// resources are allocated to a role and list their reservations; frameworks may write both in
// another form.

using ResourceList = google::protobuf::RepeatedPtrField<v1::Resource>;

// Brings `resources` into that form: those without allocation info are allocated to `role`. Fails
// if they are not valid.
Status Normalize(ResourceList* resources, const std::string& role);
Status Normalize(v1::Offer::Operation* operation, const std::string& role);

void ClearAllocation(ResourceList* resources);
void ClearAllocation(v1::Offer::Operation* operation);

// Returns an agent's total: the resources from its flags, with `checkpointed` reserved or made a
// volume since. Fails if `checkpointed` is not a part of them.
Result<Resources> TotalOf(const v1::AgentInfo& info, const ResourceList& checkpointed);

}  // namespace tepui::master
