// SPDX-License-Identifier: Apache-2.0
#include "resources/format.h"

#include <fmt/format.h>

#include "resources/old_form.h"
#include "resources/resource.h"
#include "resources/values.h"

namespace tepui {
namespace {

using Disk = v1::Resource::DiskInfo;
using Reservation = v1::Resource::ReservationInfo;

void Append(const v1::Labels& labels, std::string* out) {
  *out += '{';
  bool first = true;
  for (const v1::Label& label : labels.labels()) {
    if (!first) *out += ", ";
    first = false;
    *out += label.key();
    if (label.has_value()) *out += ": " + label.value();
  }
  *out += '}';
}

void Append(const Reservation& reservation, std::string* out) {
  *out += Reservation::Type_Name(reservation.type()) + "," + reservation.role();
  if (reservation.has_principal()) *out += "," + reservation.principal();
  if (reservation.has_labels()) {
    *out += ',';
    Append(reservation.labels(), out);
  }
}

template <class List>
void AppendReservations(const List& reservations, std::string* out) {
  if (reservations.empty()) return;
  *out += "(reservations: [";
  bool first = true;
  for (const Reservation& reservation : reservations) {
    *out += first ? "(" : ",(";
    first = false;
    Append(reservation, out);
    *out += ')';
  }
  *out += "])";
}

void Append(const Disk::Source& source, std::string* out) {
  *out += Disk::Source::Type_Name(source.type());
  if (source.has_id() || source.has_profile()) {
    *out += "(" + source.vendor() + "," + source.id() + "," + source.profile() + ")";
  } else if (source.type() == Disk::Source::MOUNT && source.mount().has_root()) {
    *out += ":" + source.mount().root();
  } else if (source.type() == Disk::Source::PATH && source.path().has_root()) {
    *out += ":" + source.path().root();
  }
}

void Append(const Disk& disk, std::string* out) {
  *out += '[';
  if (disk.has_source()) Append(disk.source(), out);
  if (disk.has_persistence()) {
    if (disk.has_source()) *out += ',';
    *out += disk.persistence().id();
  }
  if (disk.has_volume()) {
    const v1::Volume& volume = disk.volume();
    *out += ':';
    if (volume.has_host_path()) *out += volume.host_path() + ":";
    *out += volume.container_path();
    if (volume.has_host_path() && volume.has_mode())
      *out += volume.mode() == v1::Volume::RW ? ":rw" : ":ro";
  }
  *out += ']';
}

std::string FormatRanges(std::span<const Range> ranges) {
  std::string out = "[";
  for (const auto& [begin, end] : ranges) {
    if (out.size() > 1) out += ", ";
    out += fmt::format("{}-{}", begin, end);
  }
  return out + "]";
}

// Appends a reservation in the old form as it would be printed in the new form.
void AppendOldReservation(const v1::Resource& resource, std::string* out) {
  if (OldRole(resource) == "*" && !resource.has_reservation()) return;
  Reservation reservation = resource.reservation();
  reservation.set_role(OldRole(resource));
  reservation.set_type(resource.has_reservation() ? Reservation::DYNAMIC : Reservation::STATIC);
  AppendReservations(std::span<const Reservation>(&reservation, 1), out);
}

}  // namespace

std::string FormatResource(const v1::Resource& resource) {
  std::string out = resource.name();
  if (resource.has_allocation_info())
    out += "(allocated: " + resource.allocation_info().role() + ")";
  if (resource.reservations().empty()) {
    AppendOldReservation(resource, &out);
  } else {
    AppendReservations(resource.reservations(), &out);
  }
  if (resource.has_disk()) Append(resource.disk(), &out);
  if (resource.has_revocable()) out += "{REV}";
  if (resource.has_shared()) out += "<SHARED>";
  return out + ":" + FormatValue(resource);
}

std::string FormatResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  if (resources.empty()) return "{}";
  std::string out;
  for (const v1::Resource& resource : resources) {
    if (!out.empty()) out += "; ";
    out += FormatResource(resource);
  }
  return out;
}

std::string FormatBriefly(const v1::Resource& resource) {
  static constexpr size_t kMaxLength = 256;
  std::string text = FormatResource(resource);
  if (text.size() > kMaxLength) {
    text.resize(kMaxLength);
    text += "...";
  }
  return text;
}

std::string FormatValue(const v1::Resource& resource) {
  switch (resource.type()) {
    case v1::Value::SCALAR:
      return FormatValue(resource.scalar());
    case v1::Value::RANGES:
      return FormatValue(resource.ranges());
    case v1::Value::SET:
      return FormatValue(resource.set());
    case v1::Value::TEXT:
      break;
  }
  return "";
}

std::string Resource::ToString() const {
  std::string out = name_.text();
  if (allocation_) out += "(allocated: " + allocation_->text + ")";
  AppendReservations(reservations(), &out);
  if (disk() != nullptr) Append(*disk(), &out);
  if (is_revocable()) out += "{REV}";
  if (is_shared()) out += "<SHARED>";
  out += ':';
  if (is_scalar()) {
    out += scalar().ToString();
  } else if (type_ == v1::Value::RANGES) {
    out += FormatRanges(ranges());
  } else {
    out += fmt::format("{{{}}}", fmt::join(items(), ", "));
  }
  if (is_shared()) out += fmt::format("<{}>", count_);
  return out;
}

}  // namespace tepui
