// SPDX-License-Identifier: Apache-2.0
#include "wire/json_field.h"

#include <google/protobuf/descriptor.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "wire/base64.h"

namespace tepui::wire {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::unexpected<Error> Unexpected(const FieldDescriptor* field, std::string_view found) {
  return Fail(Code::kInvalid, "expected {}, not {}", ExpectedOf(field), found);
}

template <class Integer>
Result<Integer> ToInteger(const JsonNumber& number) {
  using Limits = std::numeric_limits<Integer>;
  switch (number.kind) {
    case JsonNumber::Kind::kSigned:
      if (std::in_range<Integer>(number.as_signed)) return static_cast<Integer>(number.as_signed);
      break;
    case JsonNumber::Kind::kUnsigned:
      if (std::in_range<Integer>(number.as_unsigned)) {
        return static_cast<Integer>(number.as_unsigned);
      }
      break;
    case JsonNumber::Kind::kDouble: {
      // One above the largest value is a power of two, so it is exact as a double; the largest
      // value itself may not be.
      const double whole = std::trunc(number.as_double);
      const double above = std::ldexp(1.0, Limits::digits);
      if (whole >= static_cast<double>(Limits::min()) && whole < above) {
        return static_cast<Integer>(whole);
      }
      break;
    }
  }
  return Fail(Code::kInvalid, "the number is out of the range {} to {}", Limits::min(),
              Limits::max());
}

double ToDouble(const JsonNumber& number) {
  switch (number.kind) {
    case JsonNumber::Kind::kSigned:
      return static_cast<double>(number.as_signed);
    case JsonNumber::Kind::kUnsigned:
      return static_cast<double>(number.as_unsigned);
    case JsonNumber::Kind::kDouble:
      return number.as_double;
  }
  return 0;
}

void PutDouble(double value, Message* message, const FieldDescriptor* field) {
  const Reflection& reflection = *message->GetReflection();
  field->is_repeated() ? reflection.AddDouble(message, field, value)
                       : reflection.SetDouble(message, field, value);
}

void PutFloat(double value, Message* message, const FieldDescriptor* field) {
  const Reflection& reflection = *message->GetReflection();
  const auto narrow = static_cast<float>(value);
  field->is_repeated() ? reflection.AddFloat(message, field, narrow)
                       : reflection.SetFloat(message, field, narrow);
}

void PutText(std::string text, Message* message, const FieldDescriptor* field) {
  const Reflection& reflection = *message->GetReflection();
  field->is_repeated() ? reflection.AddString(message, field, std::move(text))
                       : reflection.SetString(message, field, std::move(text));
}

template <class Integer>
Status PutInteger(const JsonNumber& number, Message* message, const FieldDescriptor* field,
                  void (Reflection::*set)(Message*, const FieldDescriptor*, Integer) const,
                  void (Reflection::*add)(Message*, const FieldDescriptor*, Integer) const) {
  const Result<Integer> value = ToInteger<Integer>(number);
  if (!value) return Fail(value.error());
  (message->GetReflection()->*(field->is_repeated() ? add : set))(message, field, *value);
  return {};
}

Status PutEnum(std::string_view name, Message* message, const FieldDescriptor* field) {
  const auto* value = field->enum_type()->FindValueByName(std::string(name));
  if (value == nullptr) {
    if (!field->is_required()) return {};
    return Fail(Code::kInvalid, "'{}' is not a value of {}", name, field->enum_type()->full_name());
  }
  const Reflection& reflection = *message->GetReflection();
  field->is_repeated() ? reflection.AddEnum(message, field, value)
                       : reflection.SetEnum(message, field, value);
  return {};
}

}  // namespace

Result<JsonNumber> ParseJsonNumber(std::string_view text) {
  const char* end = text.data() + text.size();
  JsonNumber number;
  if (const auto [stop, error] = std::from_chars(text.data(), end, number.as_signed);
      stop == end && error == std::errc()) {
    return number;
  }
  number.kind = JsonNumber::Kind::kUnsigned;
  if (const auto [stop, error] = std::from_chars(text.data(), end, number.as_unsigned);
      stop == end && error == std::errc()) {
    return number;
  }
  number.kind = JsonNumber::Kind::kDouble;
  const auto [stop, error] = std::from_chars(text.data(), end, number.as_double);
  // from_chars also reads "inf" and "nan", which are not JSON numbers.
  const bool digits = text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
  if (stop != end || error == std::errc::invalid_argument || !digits) {
    return Fail(Code::kInvalid, "'{}' is not a number", text);
  }
  if (error == std::errc::result_out_of_range) {
    // from_chars does not distinguish too small, which is zero, from too large.
    number.as_double = std::strtod(std::string(text).c_str(), nullptr);
    if (std::isinf(number.as_double)) {
      return Fail(Code::kInvalid, "the number is out of a double's range");
    }
  }
  return number;
}

std::string_view ExpectedOf(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "the name of an enum value";
    case FieldDescriptor::CPPTYPE_STRING:
      return field->type() == FieldDescriptor::TYPE_BYTES ? "a base64 string" : "a string";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "an object";
  }
  return "a value";
}

Status PutNumber(const JsonNumber& number, Message* message, const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return PutInteger<int32_t>(number, message, field, &Reflection::SetInt32,
                                 &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return PutInteger<int64_t>(number, message, field, &Reflection::SetInt64,
                                 &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return PutInteger<uint32_t>(number, message, field, &Reflection::SetUInt32,
                                  &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return PutInteger<uint64_t>(number, message, field, &Reflection::SetUInt64,
                                  &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_FLOAT:
      if (std::fabs(ToDouble(number)) > std::numeric_limits<float>::max()) {
        return Fail(Code::kInvalid, "the number is out of a float's range");
      }
      PutFloat(ToDouble(number), message, field);
      return {};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      PutDouble(ToDouble(number), message, field);
      return {};
    default:
      return Unexpected(field, "a number");
  }
}

Status PutBool(bool value, Message* message, const FieldDescriptor* field) {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) {
    return Unexpected(field, value ? "true" : "false");
  }
  const Reflection& reflection = *message->GetReflection();
  field->is_repeated() ? reflection.AddBool(message, field, value)
                       : reflection.SetBool(message, field, value);
  return {};
}

Status PutString(std::string_view text, Message* message, const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      if (field->type() != FieldDescriptor::TYPE_BYTES) {
        PutText(std::string(text), message, field);
        return {};
      }
      Result<std::string> bytes = DecodeBase64(text);
      if (!bytes) return Fail(bytes.error());
      PutText(std::move(*bytes), message, field);
      return {};
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return PutEnum(text, message, field);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text == "true" || text == "false") return PutBool(text == "true", message, field);
      return Unexpected(field, "a string");
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Unexpected(field, "a string");
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (text == "Infinity" || text == "-Infinity" || text == "NaN") {
        const double value = text == "NaN"        ? std::numeric_limits<double>::quiet_NaN()
                             : text == "Infinity" ? std::numeric_limits<double>::infinity()
                                                  : -std::numeric_limits<double>::infinity();
        field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ? PutFloat(value, message, field)
                                                            : PutDouble(value, message, field);
        return {};
      }
      [[fallthrough]];
    default: {
      const Result<JsonNumber> number = ParseJsonNumber(text);
      if (!number) return Unexpected(field, "another string");
      return PutNumber(*number, message, field);
    }
  }
}

}  // namespace tepui::wire
