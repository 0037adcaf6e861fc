// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <boost/json/basic_parser_impl.hpp>

#include "wire/decode_cost.h"
#include "wire/json.h"
#include "wire/json_field.h"
#include "wire/required.h"

namespace tepui::wire {
namespace {

using boost::json::error_code;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Builds a message from the parser's events. The parser bounds the depth, and with it the stack
// here.
//
// It reads JSON as Mesos does: null leaves a field unset; the last one counts if a key occurs
// twice; a single value for a repeated field is its one element. Values of unknown fields are
// skipped entirely.
class MessageBuilder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  MessageBuilder(Message* root, const MemoryAsker& ask) : root_(root), cost_(ask) {}

  // The error of the message, if that ended the parse and not a syntax error.
  const std::optional<Error>& error() const { return error_; }

  // The interface that the parser requires, with its names.
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return Check(BeginObject(), ec); }
  bool on_object_end(std::size_t, error_code&) { return End(); }
  bool on_array_begin(error_code& ec) { return Check(BeginArray(), ec); }
  bool on_array_end(std::size_t, error_code&) { return End(); }
  bool on_key_part(boost::json::string_view text, std::size_t, error_code&) {
    return AddPart(text);
  }
  bool on_key(boost::json::string_view text, std::size_t, error_code& ec) {
    AddPart(text);
    const bool go_on = skipped_ > 0 || Check(BeginMember(parts_), ec);
    parts_.clear();
    return go_on;
  }
  bool on_string_part(boost::json::string_view text, std::size_t, error_code&) {
    return AddPart(text);
  }
  bool on_string(boost::json::string_view text, std::size_t, error_code& ec) {
    return PutWhole(text, ec, PutString);
  }
  bool on_number_part(boost::json::string_view text, error_code&) { return AddPart(text); }
  bool on_int64(std::int64_t, boost::json::string_view text, error_code& ec) {
    return PutWhole(text, ec, PutNumberText);
  }
  bool on_uint64(std::uint64_t, boost::json::string_view text, error_code& ec) {
    return PutWhole(text, ec, PutNumberText);
  }
  // The parser's own value may be wrong in the last digit, so the text is read again.
  bool on_double(double, boost::json::string_view text, error_code& ec) {
    return PutWhole(text, ec, PutNumberText);
  }
  bool on_bool(bool value, error_code& ec) {
    return Check(Put([&](Message* message, const FieldDescriptor* field) {
                   return PutBool(value, message, field);
                 }),
                 ec);
  }
  bool on_null(error_code& ec) {
    return Check(Put([](Message*, const FieldDescriptor*) { return Status(); }), ec);
  }
  bool on_comment_part(boost::json::string_view, error_code&) { return true; }
  bool on_comment(boost::json::string_view, error_code&) { return true; }

 private:
  // An open object or array that is not skipped.
  struct Level {
    enum class Kind { kMessage, kMap, kArray } kind = Kind::kMessage;
    Message* message =
        nullptr;  // The object's message. For a map or an array, the message that it is a field of.
    const FieldDescriptor* field =
        nullptr;         // The member being read; null if unknown. For a map or an array, itself.
    int64_t index = -1;  // kArray: the index of the element being read.
    std::string key{};   // kMap: the key of the member being read.
    Message* entry = nullptr;  // kMap: the entry that its value is stored in.
  };

  // Where the next value is stored.
  struct Target {
    Message* message = nullptr;
    const FieldDescriptor* field = nullptr;  // Null: the value is dropped.
  };

  bool Check(Status status, error_code& ec) {
    if (status) return true;
    const std::string path = Path();
    error_ = Error{status.error().code, path.empty()
                                            ? std::move(status.error().message)
                                            : fmt::format("{}: {}", path, status.error().message)};
    ec = boost::json::make_error_code(boost::json::error::exception);
    return false;
  }

  bool AddPart(std::string_view text) {
    parts_.append(text);
    return true;
  }

  // Steps to the next element of an array, and returns where a value that begins here is stored.
  Target NextTarget() {
    Level& level = levels_.back();
    if (level.kind == Level::Kind::kArray) ++level.index;
    if (level.kind != Level::Kind::kMap) return {level.message, level.field};
    return {level.entry, level.entry->GetDescriptor()->field(1)};
  }

  template <class Function>
  Status Put(Function put) {
    if (skipped_ > 0) return {};
    if (levels_.empty()) return Fail(Code::kInvalid, "The JSON text is not an object");
    const Target target = NextTarget();
    if (target.field == nullptr) return {};
    if (Status counted = cost_.AddString(0); !counted) return counted;
    return put(target.message, target.field);
  }

  static Status PutNumberText(std::string_view text, Message* message,
                              const FieldDescriptor* field) {
    const Result<JsonNumber> number = ParseJsonNumber(text);
    if (!number) return Fail(number.error());
    return PutNumber(*number, message, field);
  }

  // Stores a string or number whose last part is `text`.
  bool PutWhole(std::string_view text, error_code& ec,
                Status (*put)(std::string_view, Message*, const FieldDescriptor*)) {
    if (!parts_.empty()) {
      parts_.append(text);
      text = parts_;
    }
    const bool go_on = Check(Put([&](Message* message, const FieldDescriptor* field) {
                               Status counted = cost_.Add(text.size());
                               return counted ? put(text, message, field) : counted;
                             }),
                             ec);
    parts_.clear();
    return go_on;
  }

  Status BeginMember(const std::string& key) {
    Level& level = levels_.back();
    if (level.kind == Level::Kind::kMap) {
      level.key = key;
      if (Status counted = cost_.AddMessage(level.field->message_type()); !counted) return counted;
      level.entry = level.message->GetReflection()->AddMessage(level.message, level.field);
      return PutString(key, level.entry, level.entry->GetDescriptor()->field(0));
    }
    level.field = level.message->GetDescriptor()->FindFieldByName(key);
    if (level.field == nullptr) return {};
    const auto& reflection = *level.message->GetReflection();
    const bool again = level.field->is_repeated()
                           ? reflection.FieldSize(*level.message, level.field) > 0
                           : reflection.HasField(*level.message, level.field);
    if (again) reflection.ClearField(level.message, level.field);
    return {};
  }

  Status BeginObject() {
    if (skipped_ > 0) return Skip();
    if (levels_.empty()) {
      levels_.push_back({.message = root_});
      return {};
    }
    const Target target = NextTarget();
    if (target.field == nullptr) return Skip();
    if (target.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return Fail(Code::kInvalid, "expected {}, not an object", ExpectedOf(target.field));
    }
    if (target.field->is_map()) {
      levels_.push_back(
          {.kind = Level::Kind::kMap, .message = target.message, .field = target.field});
      return {};
    }
    if (Status counted = cost_.AddMessage(target.field->message_type()); !counted) return counted;
    const auto& reflection = *target.message->GetReflection();
    levels_.push_back({.message = target.field->is_repeated()
                                      ? reflection.AddMessage(target.message, target.field)
                                      : reflection.MutableMessage(target.message, target.field)});
    return {};
  }

  Status BeginArray() {
    if (skipped_ > 0) return Skip();
    if (levels_.empty()) return Fail(Code::kInvalid, "The JSON text is not an object");
    const Target target = NextTarget();
    if (target.field == nullptr) return Skip();
    if (!target.field->is_repeated() || levels_.back().kind == Level::Kind::kArray) {
      return Fail(Code::kInvalid, "expected {}, not an array", ExpectedOf(target.field));
    }
    levels_.push_back(
        {.kind = Level::Kind::kArray, .message = target.message, .field = target.field});
    return {};
  }

  Status Skip() {
    ++skipped_;
    return {};
  }

  bool End() {
    if (skipped_ > 0) {
      --skipped_;
    } else {
      levels_.pop_back();
    }
    return true;
  }

  // Returns the path of the value being read: "accept.offer_ids[0].value".
  std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.kind == Level::Kind::kArray) {
        if (level.index >= 0) fmt::format_to(std::back_inserter(path), "[{}]", level.index);
        continue;
      }
      const std::string_view name = level.kind == Level::Kind::kMap ? std::string_view(level.key)
                                    : level.field ? std::string_view(level.field->name())
                                                  : std::string_view();
      if (!path.empty() && !name.empty()) path.push_back('.');
      path.append(name);
    }
    return path;
  }

  Message* root_;
  DecodeCost cost_;
  std::vector<Level> levels_;
  int skipped_ = 0;    // The number of open objects and arrays inside an unknown field.
  std::string parts_;  // The parts of a key, string or number that the parser delivers in pieces.
  std::optional<Error> error_;
};

}  // namespace

Status FromJson(std::string_view json, Message* message, const MemoryAsker& ask) {
  message->Clear();
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<MessageBuilder> parser(options, message, ask);
  error_code ec;
  const size_t read = parser.write_some(false, json.data(), json.size(), ec);
  if (parser.handler().error()) return Fail(*parser.handler().error());
  if (ec == boost::json::error::too_deep) {
    return Fail(Code::kInvalid, "The JSON text nests deeper than {} levels at byte {}",
                kMaxJsonDepth, read);
  }
  if (ec) return Fail(Code::kInvalid, "Not JSON at byte {}: {}", read, ec.message());
  if (read < json.size()) {
    return Fail(Code::kInvalid, "The JSON text is followed by something else at byte {}", read);
  }
  if (const auto missing = FirstMissingField(*message)) {
    return Fail(Code::kInvalid, "{}: this required field is missing", *missing);
  }
  return {};
}

}  // namespace tepui::wire
