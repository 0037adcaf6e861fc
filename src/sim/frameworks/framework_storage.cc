// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/framework_storage.h"

#include <fmt/format.h>

#include <utility>

namespace tepui::sim {
namespace {

// Size of one reservation, and of the resources made from it.
constexpr double kCpus = 0.2;
constexpr double kMem = 32;
constexpr double kDisk = 128;
// The amount by which volumes grow and shrink.
constexpr Amount kStep = Amount::FromMilli(16'000);

Operation OfType(Operation::Type type) {
  Operation operation;
  operation.set_type(type);
  return operation;
}

// True if an operation of this owner reserved the resource.
bool IsOurs(const Resource& resource, const std::string& owner) {
  return resource.is_dynamically_reserved() && resource.reservations().back().principal() == owner;
}

}  // namespace

Operation Storage::WithId(Operation operation) {
  if (!Rarely(random_, 4))
    operation.mutable_id()->set_value(fmt::format("{}-o{}", owner_, next_++));
  return operation;
}

Storage::Plan Storage::Use(const v1::Offer& offer, OfferPool& pool) {
  const Resources offered = Resources::FromProto(offer.resources()).value_or(Resources());
  std::vector<Resource> volumes;
  std::vector<Resource> disks;
  for (const Resource& resource : offered) {
    if (!IsOurs(resource, owner_) || resource.name() != ResourceNames::Disk()) continue;
    (resource.is_persistent_volume() ? volumes : disks).push_back(resource);
  }
  if (!volumes.empty()) return UseVolume(offered, volumes[random_.Below(volumes.size())]);
  if (!disks.empty()) return UseDisk(disks.front());
  return Reserve(offer.allocation_info().role(), pool);
}

Storage::Plan Storage::Reserve(const std::string& role, OfferPool& pool) {
  Resources plain;
  if (!pool.TakeUnreserved(Amounts(kCpus, kMem, kDisk), &plain)) return {};
  v1::Resource::ReservationInfo reservation;
  reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation.set_role(role);
  reservation.set_principal(owner_);
  const Result<Resources> reserved = plain.PushReservation(reservation);
  if (!reserved) return {};

  Plan plan;
  Operation operation = OfType(Operation::RESERVE);
  reserved->ToProto(operation.mutable_reserve()->mutable_resources());
  plan.operations.push_back(WithId(std::move(operation)));
  if (Rarely(random_, 2)) return plan;
  for (const Resource& resource : *reserved) {
    if (resource.name() != ResourceNames::Disk()) continue;
    plan.operations.push_back(Create(resource, plan.volume.Add()));
  }
  return plan;
}

Storage::Plan Storage::UseDisk(const Resource& disk) {
  Plan plan;
  if (Rarely(random_, 3)) {
    plan.operations.push_back(Unreserve({disk}));
  } else {
    plan.operations.push_back(Create(disk, plan.volume.Add()));
  }
  return plan;
}

Storage::Plan Storage::UseVolume(const Resources& offered, const Resource& volume) {
  Plan plan;
  v1::Resource message;
  volume.ToProto(&message);
  switch (random_.Below(5)) {
    case 0: {
      const Resource addition = volume.WithoutVolume().WithScalar(kStep);
      if (!offered.Contains(addition)) break;
      Operation operation = OfType(Operation::GROW_VOLUME);
      *operation.mutable_grow_volume()->mutable_volume() = message;
      addition.ToProto(operation.mutable_grow_volume()->mutable_addition());
      plan.operations.push_back(WithId(std::move(operation)));
      return plan;
    }
    case 1: {
      if (volume.scalar() <= kStep) break;
      Operation operation = OfType(Operation::SHRINK_VOLUME);
      *operation.mutable_shrink_volume()->mutable_volume() = message;
      operation.mutable_shrink_volume()->mutable_subtract()->set_value(kStep.ToDouble());
      plan.operations.push_back(WithId(std::move(operation)));
      return plan;
    }
    case 2:
      plan.operations.push_back(Destroy(volume));
      if (Rarely(random_, 2)) plan.operations.push_back(Unreserve({volume.WithoutVolume()}));
      return plan;
    default:
      break;
  }
  *plan.volume.Add() = message;
  return plan;
}

Operation Storage::Create(const Resource& disk, v1::Resource* volume) {
  disk.ToProto(volume);
  volume->mutable_disk()->mutable_persistence()->set_id(fmt::format("{}-v{}", owner_, next_++));
  volume->mutable_disk()->mutable_persistence()->set_principal(owner_);
  volume->mutable_disk()->mutable_volume()->set_container_path("data");
  volume->mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  Operation operation = OfType(Operation::CREATE);
  *operation.mutable_create()->add_volumes() = *volume;
  return WithId(std::move(operation));
}

Operation Storage::Destroy(const Resource& volume) {
  Operation operation = OfType(Operation::DESTROY);
  volume.ToProto(operation.mutable_destroy()->add_volumes());
  return WithId(std::move(operation));
}

Operation Storage::Unreserve(const Resources& resources) {
  Operation operation = OfType(Operation::UNRESERVE);
  resources.ToProto(operation.mutable_unreserve()->mutable_resources());
  return WithId(std::move(operation));
}

}  // namespace tepui::sim
