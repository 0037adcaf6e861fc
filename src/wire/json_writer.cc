// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>

#include "wire/base64.h"
#include "wire/json.h"

namespace tepui::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

struct MessagePlan;

// What is known about writing a field before a message is seen.
struct FieldPlan {
  const FieldDescriptor* field = nullptr;
  std::string key;  // "name":
  // "name":default, for a field with an explicit default that is written even if unset; else empty.
  std::string unset_text;
  MessagePlan* child = nullptr;  // The plan of a message field's type; set once one was written.
};

struct MessagePlan {
  // Reflection of the generated class; asking a message for it costs more than writing a small one.
  const Reflection* reflection = nullptr;
  std::vector<FieldPlan> fields;
};

template <class Integer>
void AppendInteger(Integer value, std::string* out) {
  const fmt::format_int text(value);
  out->append(text.data(), text.size());
}

// Appends the shortest text that reads back as the same value. A whole number keeps ".0", as in
// Mesos: clients in languages that distinguish integers from floats rely on it.
void AppendDouble(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("\"NaN\"");
    return;
  }
  if (std::isinf(value)) {
    out->append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  constexpr double kLargestFixed = 1e21;
  constexpr double kSmallestFixed = 1e-6;
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= kSmallestFixed && size < kLargestFixed);
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof(text), value,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view written(text, static_cast<size_t>(end - text));
  out->append(written);
  if (fixed && written.find('.') == std::string_view::npos) out->append(".0");
}

void AppendEnum(const FieldDescriptor& field, int number, std::string* out) {
  const auto* value = field.enum_type()->FindValueByNumber(number);
  if (value == nullptr) {
    AppendInteger(number, out);  // Occurs only for an open enum; the schema has none.
    return;
  }
  out->push_back('"');
  out->append(value->name());
  out->push_back('"');
}

void AppendText(const FieldDescriptor& field, const std::string& text, std::string* out) {
  if (field.type() != FieldDescriptor::TYPE_BYTES) {
    AppendJsonString(text, out);
    return;
  }
  out->push_back('"');
  AppendBase64(text, out);
  out->push_back('"');
}

void AppendDefault(const FieldDescriptor& field, std::string* out) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      out->append(field.default_value_bool() ? "true" : "false");
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      return AppendInteger(field.default_value_int32(), out);
    case FieldDescriptor::CPPTYPE_INT64:
      return AppendInteger(field.default_value_int64(), out);
    case FieldDescriptor::CPPTYPE_UINT32:
      return AppendInteger(field.default_value_uint32(), out);
    case FieldDescriptor::CPPTYPE_UINT64:
      return AppendInteger(field.default_value_uint64(), out);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return AppendDouble(field.default_value_float(), out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return AppendDouble(field.default_value_double(), out);
    case FieldDescriptor::CPPTYPE_ENUM:
      return AppendEnum(field, field.default_value_enum()->number(), out);
    case FieldDescriptor::CPPTYPE_STRING:
      return AppendText(field, field.default_value_string(), out);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return;  // There is no explicit default.
  }
}

std::unique_ptr<MessagePlan> MakePlan(const Message& message) {
  const Descriptor& descriptor = *message.GetDescriptor();
  auto plan = std::make_unique<MessagePlan>();
  plan->reflection = message.GetReflection();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    FieldPlan& field = plan->fields.emplace_back();
    field.field = descriptor.field(i);
    field.key = fmt::format("\"{}\":", field.field->name());
    if (field.field->has_default_value() && !field.field->options().deprecated()) {
      field.unset_text = field.key;
      AppendDefault(*field.field, &field.unset_text);
    }
  }
  return plan;
}

// Returns the plan of the message's type. Each thread keeps its own plans, so that finding one
// takes no lock; the schema bounds their number to a few hundred small tables.
MessagePlan* PlanOf(const Message& message) {
  thread_local std::unordered_map<const Descriptor*, std::unique_ptr<MessagePlan>> plans;
  std::unique_ptr<MessagePlan>& plan = plans[message.GetDescriptor()];
  if (plan == nullptr) plan = MakePlan(message);
  return plan.get();
}

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  void Write(const Message& message, MessagePlan* plan) {
    const Reflection& reflection = *plan->reflection;
    out_->push_back('{');
    bool first = true;
    for (FieldPlan& field : plan->fields) {
      const bool repeated = field.field->is_repeated();
      const bool set = repeated ? reflection.FieldSize(message, field.field) > 0
                                : reflection.HasField(message, field.field);
      if (!set && field.unset_text.empty()) continue;
      if (!first) out_->push_back(',');
      first = false;
      if (!set) {
        out_->append(field.unset_text);
        continue;
      }
      out_->append(field.key);
      if (!repeated) {
        WriteSingular(message, reflection, &field);
      } else if (field.field->is_map()) {
        WriteMap(message, reflection, field);
      } else {
        WriteArray(message, reflection, &field);
      }
    }
    out_->push_back('}');
  }

 private:
  void WriteChild(const Message& message, FieldPlan* plan) {
    if (plan->child == nullptr) plan->child = PlanOf(message);
    Write(message, plan->child);
  }

  void WriteSingular(const Message& message, const Reflection& reflection, FieldPlan* plan) {
    const FieldDescriptor* field = plan->field;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        out_->append(reflection.GetBool(message, field) ? "true" : "false");
        return;
      case FieldDescriptor::CPPTYPE_INT32:
        return AppendInteger(reflection.GetInt32(message, field), out_);
      case FieldDescriptor::CPPTYPE_INT64:
        return AppendInteger(reflection.GetInt64(message, field), out_);
      case FieldDescriptor::CPPTYPE_UINT32:
        return AppendInteger(reflection.GetUInt32(message, field), out_);
      case FieldDescriptor::CPPTYPE_UINT64:
        return AppendInteger(reflection.GetUInt64(message, field), out_);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return AppendDouble(reflection.GetFloat(message, field), out_);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return AppendDouble(reflection.GetDouble(message, field), out_);
      case FieldDescriptor::CPPTYPE_ENUM:
        return AppendEnum(*field, reflection.GetEnumValue(message, field), out_);
      case FieldDescriptor::CPPTYPE_STRING:
        return AppendText(*field, reflection.GetStringReference(message, field, &scratch_), out_);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return WriteChild(reflection.GetMessage(message, field), plan);
    }
  }

  void WriteArray(const Message& message, const Reflection& reflection, FieldPlan* plan) {
    out_->push_back('[');
    const int size = reflection.FieldSize(message, plan->field);
    for (int i = 0; i < size; ++i) {
      if (i > 0) out_->push_back(',');
      WriteElement(message, reflection, plan, i);
    }
    out_->push_back(']');
  }

  void WriteElement(const Message& message, const Reflection& reflection, FieldPlan* plan, int i) {
    const FieldDescriptor* field = plan->field;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        out_->append(reflection.GetRepeatedBool(message, field, i) ? "true" : "false");
        return;
      case FieldDescriptor::CPPTYPE_INT32:
        return AppendInteger(reflection.GetRepeatedInt32(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_INT64:
        return AppendInteger(reflection.GetRepeatedInt64(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_UINT32:
        return AppendInteger(reflection.GetRepeatedUInt32(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_UINT64:
        return AppendInteger(reflection.GetRepeatedUInt64(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return AppendDouble(reflection.GetRepeatedFloat(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return AppendDouble(reflection.GetRepeatedDouble(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_ENUM:
        return AppendEnum(*field, reflection.GetRepeatedEnumValue(message, field, i), out_);
      case FieldDescriptor::CPPTYPE_STRING:
        return AppendText(
            *field, reflection.GetRepeatedStringReference(message, field, i, &scratch_), out_);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return WriteChild(reflection.GetRepeatedMessage(message, field, i), plan);
    }
  }

  // Writes an object with the entries sorted by the text of their keys, so that equal messages have
  // equal texts. The map must not be empty.
  void WriteMap(const Message& message, const Reflection& reflection, const FieldPlan& plan) {
    MessagePlan& entry_plan = *PlanOf(reflection.GetRepeatedMessage(message, plan.field, 0));
    const Reflection& entry_reflection = *entry_plan.reflection;
    std::vector<std::pair<std::string, const Message*>> entries;
    const int size = reflection.FieldSize(message, plan.field);
    for (int i = 0; i < size; ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, plan.field, i);
      std::string key;
      Writer(&key).WriteSingular(entry, entry_reflection, &entry_plan.fields[0]);
      if (!key.starts_with('"')) key = fmt::format("\"{}\"", key);
      entries.emplace_back(std::move(key), &entry);
    }
    std::ranges::sort(entries, {}, &std::pair<std::string, const Message*>::first);

    out_->push_back('{');
    bool first = true;
    for (const auto& [key, entry] : entries) {
      if (!first) out_->push_back(',');
      first = false;
      out_->append(key);
      out_->push_back(':');
      WriteSingular(*entry, entry_reflection, &entry_plan.fields[1]);
    }
    out_->push_back('}');
  }

  std::string* out_;
  std::string scratch_;  // Reflection needs it for fields that are not held as std::string; the
                         // schema has none.
};

// Returns the length of the UTF-8 character at the front of `text`, 0 if its bytes are not one (RFC
// 3629: shortest form, no surrogates, at most U+10FFFF).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

// Returns true for printable ASCII that needs no escape.
bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// Like IsPlain, for eight characters at once. Each term has the top bit set of each byte that is
// not plain. A borrow may also set it in a higher byte, which does not change the answer for the
// eight.
bool ArePlain(uint64_t word) {
  constexpr uint64_t kEach = 0x0101010101010101;
  constexpr uint64_t kTop = 0x80 * kEach;
  const auto zeros = [](uint64_t bytes) { return (bytes - kEach) & ~bytes; };
  const uint64_t low = (word - 0x20 * kEach) & ~word;
  return ((word | low | zeros(word ^ ('"' * kEach)) | zeros(word ^ ('\\' * kEach)) |
           zeros(word ^ (0x7f * kEach))) &
          kTop) == 0;
}

// Returns the number of plain characters at the front of `text`.
size_t PlainLength(std::string_view text) {
  size_t length = 0;
  for (uint64_t word; length + sizeof(word) <= text.size(); length += sizeof(word)) {
    std::memcpy(&word, text.data() + length, sizeof(word));
    if (!ArePlain(word)) break;
  }
  while (length < text.size() && IsPlain(text[length])) ++length;
  return length;
}

void AppendEscaped(char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    case 0x7f:
      out->push_back(c);
      return;
    default:
      fmt::format_to(std::back_inserter(*out), "\\u{:04X}", static_cast<unsigned>(c));
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const size_t plain = PlainLength(text);
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t length = Utf8Length(text);
    if (length == 1) {
      AppendEscaped(text.front(), out);
    } else if (length == 0) {
      out->append("\xef\xbf\xbd");
    } else {
      out->append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out->push_back('"');
}

void AppendJson(const Message& message, std::string* out) {
  Writer(out).Write(message, PlanOf(message));
}

std::string ToJson(const Message& message) {
  std::string out;
  AppendJson(message, &out);
  return out;
}

}  // namespace tepui::wire
