// SPDX-License-Identifier: Apache-2.0
#include "wire/required.h"

#include <fmt/format.h>

#include <vector>

namespace tepui::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool AppendMissing(const Message& message, std::string* path);

// Checks element `index` of a repeated field, or a singular field. The path names an entry of a map
// by its key.
bool AppendMissingIn(const Message& message, const FieldDescriptor* field, int index,
                     std::string* path) {
  const Reflection& reflection = *message.GetReflection();
  const Message& part = field->is_repeated() ? reflection.GetRepeatedMessage(message, field, index)
                                             : reflection.GetMessage(message, field);
  if (part.IsInitialized()) return false;
  if (!path->empty()) path->push_back('.');
  path->append(field->name());
  if (!field->is_map()) {
    if (field->is_repeated()) fmt::format_to(std::back_inserter(*path), "[{}]", index);
    return AppendMissing(part, path);
  }
  const FieldDescriptor* key = part.GetDescriptor()->map_key();
  const FieldDescriptor* value = part.GetDescriptor()->map_value();
  if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    path->append(".").append(part.GetReflection()->GetString(part, key));
  }
  return AppendMissing(part.GetReflection()->GetMessage(part, value), path);
}

// Appends the path below `message` and returns true if a required field is missing.
bool AppendMissing(const Message& message, std::string* path) {
  const Descriptor& descriptor = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (!field.is_required() || reflection.HasField(message, &field)) continue;
    if (!path->empty()) path->push_back('.');
    path->append(field.name());
    return true;
  }

  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (AppendMissingIn(message, field, i, path)) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> FirstMissingField(const Message& message) {
  if (message.IsInitialized()) return std::nullopt;
  std::string path;
  AppendMissing(message, &path);
  return path;
}

}  // namespace tepui::wire
