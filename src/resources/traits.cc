// SPDX-License-Identifier: Apache-2.0
#include "resources/traits.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>

namespace tepui {
namespace {

using Disk = v1::Resource::DiskInfo;

// Writes the pieces of an identity. Each is preceded by its length, so no two different lists of
// pieces give the same text.
class IdentityWriter {
 public:
  void Text(std::string_view text) {
    out_ += std::to_string(text.size());
    out_ += ':';
    out_ += text;
  }
  void Optional(bool present, std::string_view text) {
    out_ += present ? '+' : '-';
    if (present) Text(text);
  }
  void Number(int number) { Text(std::to_string(number)); }

  void Labels(bool present, const v1::Labels& labels) {
    out_ += present ? '+' : '-';
    if (!present) return;
    std::vector<std::string> pieces;
    pieces.reserve(static_cast<size_t>(labels.labels_size()));
    for (const v1::Label& label : labels.labels()) {
      IdentityWriter piece;
      piece.Text(label.key());
      piece.Optional(label.has_value(), label.value());
      pieces.push_back(std::move(piece.out_));
    }
    std::ranges::sort(pieces);
    Number(labels.labels_size());
    for (const std::string& piece : pieces) out_ += piece;
  }

  std::string Take() && { return std::move(out_); }

 private:
  std::string out_;
};

void Write(const v1::Resource::ReservationInfo& reservation, IdentityWriter* out) {
  out->Number(reservation.type());
  out->Text(reservation.role());
  out->Optional(reservation.has_principal(), reservation.principal());
  out->Labels(reservation.has_labels(), reservation.labels());
}

void Write(const Disk::Source& source, IdentityWriter* out) {
  out->Number(source.type());
  out->Number(source.has_path());
  out->Optional(source.path().has_root(), source.path().root());
  out->Number(source.has_mount());
  out->Optional(source.mount().has_root(), source.mount().root());
  out->Optional(source.has_vendor(), source.vendor());
  out->Optional(source.has_id(), source.id());
  out->Labels(source.has_metadata(), source.metadata());
  out->Optional(source.has_profile(), source.profile());
}

std::string IdentityOf(const ResourceTraits::Fields& fields) {
  IdentityWriter out;
  out.Number(static_cast<int>(fields.reservations.size()));
  for (const auto& reservation : fields.reservations) Write(reservation, &out);
  out.Number(fields.disk.has_value());
  if (fields.disk) {
    out.Optional(fields.disk->has_persistence(), fields.disk->persistence().id());
    out.Number(fields.disk->has_source());
    if (fields.disk->has_source()) Write(fields.disk->source(), &out);
  }
  out.Optional(fields.provider_id.has_value(), fields.provider_id.value_or(""));
  return std::move(out).Take();
}

bool IsIndivisible(const std::optional<Disk>& disk) {
  if (!disk) return false;
  if (disk->has_persistence()) return true;
  if (!disk->has_source()) return false;
  switch (disk->source().type()) {
    case Disk::Source::MOUNT:
    case Disk::Source::BLOCK:
      return true;
    case Disk::Source::RAW:
      return disk->source().has_id();
    case Disk::Source::PATH:
    case Disk::Source::UNKNOWN:
      break;
  }
  return false;
}

}  // namespace

ResourceTraits::ResourceTraits(Fields fields)
    : fields_(std::move(fields)),
      identity_(IdentityOf(fields_)),
      indivisible_(IsIndivisible(fields_.disk)) {}

Ref<const ResourceTraits> ResourceTraits::Make(Fields fields) {
  if (fields.empty()) return {};
  return Ref<const ResourceTraits>(new ResourceTraits(std::move(fields)));
}

Ref<const AllocationRole> ShareRole(std::string_view role) {
  // Bounded: a role that is no longer used is dropped when another takes its slot, or when its
  // thread ends.
  static constexpr size_t kSlots = 256;
  static thread_local std::array<Ref<const AllocationRole>, kSlots> recent;
  auto& slot = recent[std::hash<std::string_view>()(role) % kSlots];
  if (!slot || slot->text != role) slot = Ref<const AllocationRole>(new AllocationRole(role));
  return slot;
}

}  // namespace tepui
