// SPDX-License-Identifier: Apache-2.0
#include "resources/json_message.h"

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <optional>

namespace tepui {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::optional<uint64_t> Unsigned(const boost::json::value& json, uint64_t max) {
  std::optional<uint64_t> value;
  if (json.is_uint64()) value = json.get_uint64();
  if (json.is_int64() && json.get_int64() >= 0) value = static_cast<uint64_t>(json.get_int64());
  return value && *value <= max ? value : std::nullopt;
}

Status Expected(const std::string& path, std::string_view what) {
  return Fail(Code::kInvalid, "{}: expected {}", path, what);
}

// Writes one field, or one element of a repeated field, with the matching setter.
class FieldWriter {
 public:
  FieldWriter(Message* message, const FieldDescriptor* field)
      : message_(*message), field_(*field) {}

  Status Write(const boost::json::value& json, const std::string& path) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadJsonMessage(json, path,
                               field_.is_repeated()
                                   ? reflection_.AddMessage(&message_, &field_)
                                   : reflection_.MutableMessage(&message_, &field_));
      case FieldDescriptor::CPPTYPE_STRING:
        return WriteString(json, path);
      case FieldDescriptor::CPPTYPE_ENUM:
        return WriteEnum(json, path);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!json.is_bool()) return Expected(path, "true or false");
        Put(&Reflection::SetBool, &Reflection::AddBool, json.get_bool());
        return {};
      case FieldDescriptor::CPPTYPE_DOUBLE:
        if (!json.is_number()) return Expected(path, "a number");
        Put(&Reflection::SetDouble, &Reflection::AddDouble, json.to_number<double>());
        return {};
      case FieldDescriptor::CPPTYPE_UINT64:
      case FieldDescriptor::CPPTYPE_UINT32:
        return WriteUnsigned(json, path);
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
      case FieldDescriptor::CPPTYPE_FLOAT:
        break;  // Resources have no such field.
    }
    return Fail(Code::kUnimplemented, "{}: a field of this type cannot be given here", path);
  }

 private:
  template <class Set, class Add, class Value>
  void Put(Set set, Add add, Value value) {
    if (field_.is_repeated()) {
      (reflection_.*add)(&message_, &field_, value);
    } else {
      (reflection_.*set)(&message_, &field_, value);
    }
  }

  Status WriteString(const boost::json::value& json, const std::string& path) {
    if (!json.is_string()) return Expected(path, "a string");
    if (field_.type() == FieldDescriptor::TYPE_BYTES) {
      return Fail(Code::kUnimplemented, "{}: bytes cannot be given here", path);
    }
    std::string value(json.get_string().data(), json.get_string().size());
    if (field_.is_repeated()) {
      reflection_.AddString(&message_, &field_, std::move(value));
    } else {
      reflection_.SetString(&message_, &field_, std::move(value));
    }
    return {};
  }

  Status WriteEnum(const boost::json::value& json, const std::string& path) {
    if (!json.is_string()) return Expected(path, "the name of a value as a string");
    const auto* value = field_.enum_type()->FindValueByName(
        std::string(json.get_string().data(), json.get_string().size()));
    if (value == nullptr)
      return Fail(Code::kInvalid, "{}: '{}' is unknown", path, json.get_string().c_str());
    Put(&Reflection::SetEnum, &Reflection::AddEnum, value);
    return {};
  }

  Status WriteUnsigned(const boost::json::value& json, const std::string& path) {
    const bool wide = field_.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
    const auto value = Unsigned(
        json, wide ? std::numeric_limits<uint64_t>::max() : std::numeric_limits<uint32_t>::max());
    if (!value) return Expected(path, "a whole number that is not negative");
    if (wide) {
      Put(&Reflection::SetUInt64, &Reflection::AddUInt64, *value);
    } else {
      Put(&Reflection::SetUInt32, &Reflection::AddUInt32, static_cast<uint32_t>(*value));
    }
    return {};
  }

  Message& message_;
  const FieldDescriptor& field_;
  const Reflection& reflection_ = *message_.GetReflection();
};

Status ReadField(const boost::json::value& json, const std::string& path,
                 const FieldDescriptor* field, Message* message) {
  if (json.is_null()) return {};  // Null counts as absent.
  FieldWriter writer(message, field);
  if (!field->is_repeated()) return writer.Write(json, path);
  if (!json.is_array()) return Expected(path, "an array");
  size_t index = 0;
  for (const boost::json::value& element : json.get_array()) {
    if (auto read = writer.Write(element, fmt::format("{}[{}]", path, index++)); !read) return read;
  }
  return {};
}

}  // namespace

Status ReadJsonMessage(const boost::json::value& json, const std::string& path, Message* message) {
  if (!json.is_object()) return Expected(path, "an object");
  const auto* descriptor = message->GetDescriptor();
  for (const auto& [key, value] : json.get_object()) {
    const std::string name(key.data(), key.size());
    const FieldDescriptor* field = descriptor->FindFieldByName(name);
    if (field == nullptr) continue;
    if (auto read = ReadField(value, path + "." + name, field, message); !read) return read;
  }
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->is_required() && !message->GetReflection()->HasField(*message, field)) {
      return Fail(Code::kInvalid, "{}: the field '{}' is missing", path, field->name());
    }
  }
  return {};
}

}  // namespace tepui
