// SPDX-License-Identifier: Apache-2.0
#include "resources/resources.h"

namespace tepui {
namespace {

using Operation = v1::Offer::Operation;
using Protos = google::protobuf::RepeatedPtrField<v1::Resource>;

// Replaces `consumed` in `resources` by `converted`.
Status Convert(const Resources& consumed, const Resources& converted, Resources* resources) {
  if (!resources->Contains(consumed)) {
    return Fail(Code::kInvalid, "{} does not contain {}", resources->ToString(),
                consumed.ToString());
  }
  *resources -= consumed;
  *resources += converted;
  return {};
}

Status ExpectDynamic(const Resource& resource) {
  if (resource.is_dynamically_reserved()) return {};
  return Fail(Code::kInvalid, "Resource '{}' is not dynamically reserved", resource.ToString());
}

Status Reserve(const Operation::Reserve& reserve, Resources* resources) {
  const auto reserved = Resources::FromProto(reserve.resources());
  if (!reserved) return Fail(reserved.error());
  const auto source = Resources::FromProto(reserve.source());
  if (!source) return Fail(source.error());
  for (const Resource& resource : *reserved) {
    if (auto dynamic = ExpectDynamic(resource); !dynamic) return dynamic;
  }
  if (source->empty()) return Convert(reserved->PopReservation(), *reserved, resources);
  // A source may be reserved in any way, but otherwise it must equal the resources to be reserved.
  if (source->WithoutReservations() != reserved->WithoutReservations()) {
    return Fail(
        Code::kInvalid,
        "The source {} and the resources {} of RESERVE differ in more than their reservations",
        source->ToString(), reserved->ToString());
  }
  return Convert(*source, *reserved, resources);
}

Status Unreserve(const Operation::Unreserve& unreserve, Resources* resources) {
  for (const v1::Resource& proto : unreserve.resources()) {
    const auto reserved = Resources::FromProto(proto);
    if (!reserved) return Fail(reserved.error());
    for (const Resource& resource : *reserved) {
      if (auto dynamic = ExpectDynamic(resource); !dynamic) return dynamic;
      if (resource.is_persistent_volume()) {
        return Fail(Code::kInvalid,
                    "Resource '{}' is a persistent volume; destroy it before unreserving it",
                    resource.ToString());
      }
    }
    if (auto done = Convert(*reserved, reserved->PopReservation(), resources); !done) return done;
  }
  return {};
}

// Returns a persistent volume that is not empty.
Result<Resource> VolumeOf(const v1::Resource& proto) {
  const auto volume = Resource::FromProto(proto);
  if (!volume) return volume;
  if (!volume->is_persistent_volume()) {
    return Fail(Code::kInvalid, "Resource '{}' is not a persistent volume", volume->ToString());
  }
  if (volume->empty()) return Fail(Code::kInvalid, "The volume '{}' is empty", volume->ToString());
  return volume;
}

Status Create(const Operation::Create& create, Resources* resources) {
  for (const v1::Resource& proto : create.volumes()) {
    const auto volume = VolumeOf(proto);
    if (!volume) return Fail(volume.error());
    if (auto done = Convert({volume->WithoutVolume()}, {*volume}, resources); !done) return done;
  }
  return {};
}

Status Destroy(const Operation::Destroy& destroy, Resources* resources) {
  for (const v1::Resource& proto : destroy.volumes()) {
    const auto volume = VolumeOf(proto);
    if (!volume) return Fail(volume.error());
    if (auto done = Convert({*volume}, {volume->WithoutVolume()}, resources); !done) return done;
    if (resources->Contains(*volume)) {
      return Fail(Code::kInvalid,
                  "The volume '{}' cannot be destroyed: there are more copies of it in use",
                  volume->ToString());
    }
  }
  return {};
}

// Growing and shrinking need a disk that can be divided and that the agent itself manages.
Status ExpectResizable(const Resource& volume) {
  if (!volume.provider_id().empty()) {
    return Fail(Code::kInvalid,
                "The volume '{}' belongs to a resource provider and cannot be resized",
                volume.ToString());
  }
  if (volume.is_shared()) {
    return Fail(Code::kInvalid, "The volume '{}' is shared and cannot be resized",
                volume.ToString());
  }
  if (volume.WithoutVolume().is_indivisible()) {
    return Fail(Code::kInvalid, "The volume '{}' takes up its whole disk and cannot be resized",
                volume.ToString());
  }
  return {};
}

Status Grow(const Operation::GrowVolume& grow, Resources* resources) {
  const auto volume = VolumeOf(grow.volume());
  if (!volume) return Fail(volume.error());
  if (auto resizable = ExpectResizable(*volume); !resizable) return resizable;
  const auto addition = Resource::FromProto(grow.addition());
  if (!addition) return Fail(addition.error());
  if (addition->empty())
    return Fail(Code::kInvalid, "GROW_VOLUME must add something to '{}'", volume->ToString());
  if (volume->WithoutVolume().WithScalar(addition->scalar()) != *addition) {
    return Fail(Code::kInvalid,
                "The volume '{}' cannot grow by '{}', which is a different kind of disk",
                volume->ToString(), addition->ToString());
  }
  return Convert({*volume, *addition}, {volume->WithScalar(volume->scalar() + addition->scalar())},
                 resources);
}

Status Shrink(const Operation::ShrinkVolume& shrink, Resources* resources) {
  const auto volume = VolumeOf(shrink.volume());
  if (!volume) return Fail(volume.error());
  if (auto resizable = ExpectResizable(*volume); !resizable) return resizable;
  const auto less = Amount::Checked(shrink.subtract().value());
  if (!less)
    return Fail(Code::kInvalid, "SHRINK_VOLUME of '{}': {}", volume->ToString(),
                less.error().message);
  if (*less <= Amount() || *less >= volume->scalar()) {
    return Fail(
        Code::kInvalid,
        "The volume '{}' cannot shrink by {}: the amount must be above 0 and below its size",
        volume->ToString(), less->ToString());
  }
  const Resource freed = volume->WithoutVolume().WithScalar(*less);
  return Convert({*volume}, {volume->WithScalar(volume->scalar() - *less), freed}, resources);
}

}  // namespace

Result<Resources> Resources::Apply(const v1::Offer::Operation& operation) const {
  Resources out = *this;
  Status done;
  switch (operation.type()) {
    case Operation::LAUNCH:
    case Operation::LAUNCH_GROUP:
      break;
    case Operation::RESERVE:
      done = Reserve(operation.reserve(), &out);
      break;
    case Operation::UNRESERVE:
      done = Unreserve(operation.unreserve(), &out);
      break;
    case Operation::CREATE:
      done = Create(operation.create(), &out);
      break;
    case Operation::DESTROY:
      done = Destroy(operation.destroy(), &out);
      break;
    case Operation::GROW_VOLUME:
      done = Grow(operation.grow_volume(), &out);
      break;
    case Operation::SHRINK_VOLUME:
      done = Shrink(operation.shrink_volume(), &out);
      break;
    case Operation::CREATE_DISK:
    case Operation::DESTROY_DISK:
      return Fail(Code::kUnimplemented,
                  "{} is carried out by a resource provider; its result is not known beforehand",
                  Operation::Type_Name(operation.type()));
    case Operation::UNKNOWN:
      return Fail(Code::kInvalid, "The operation has no known type");
  }
  if (!done) return Fail(done.error());
  return out;
}

}  // namespace tepui
