// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "wire/json.h"

namespace tepui::web {

// Writes JSON straight into a string, for the v0 endpoints, whose documents are hand-shaped and
// large. The caller makes its calls in the right order (a Key before each value of an object);
// commas are added automatically.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(*out) {}

  void BeginObject() { Open('{'); }
  void EndObject() { out_ += '}'; }
  void BeginArray() { Open('['); }
  void EndArray() { out_ += ']'; }

  void Key(std::string_view key) {
    Separate();
    wire::AppendJsonString(key, &out_);
    out_ += ':';
  }

  void String(std::string_view value) {
    Separate();
    wire::AppendJsonString(value, &out_);
  }
  void Bool(bool value) {
    Separate();
    out_ += value ? "true" : "false";
  }
  void Int(std::integral auto value) {
    Separate();
    AppendInteger(value);
  }
  // Whole numbers keep a ".0", so that readers in typed languages always see a double.
  void Double(double value) {
    Separate();
    if (!std::isfinite(value)) value = 0;
    if (value == std::trunc(value) && std::fabs(value) < 1e15) {
      AppendInteger(static_cast<int64_t>(value));
      out_ += ".0";
    } else {
      fmt::format_to(std::back_inserter(out_), "{}", value);
    }
  }
  void Proto(const google::protobuf::Message& message) {
    Separate();
    wire::AppendJson(message, &out_);
  }

  void Field(std::string_view key, std::string_view value) {
    Key(key);
    String(value);
  }
  void Field(std::string_view key, const char* value) { Field(key, std::string_view(value)); }
  void Field(std::string_view key, std::same_as<bool> auto value) {
    Key(key);
    Bool(value);
  }
  void Field(std::string_view key, std::integral auto value)
    requires(!std::same_as<decltype(value), bool>)
  {
    Key(key);
    Int(value);
  }
  void Field(std::string_view key, double value) {
    Key(key);
    Double(value);
  }
  void Field(std::string_view key, const google::protobuf::Message& message) {
    Key(key);
    Proto(message);
  }

 private:
  void AppendInteger(std::integral auto value) {
    const fmt::format_int digits(value);
    out_.append(digits.data(), digits.size());
  }
  void Open(char bracket) {
    Separate();
    out_ += bracket;
  }
  void Separate() {
    if (out_.empty()) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_ += ',';
  }

  std::string& out_;
};

}  // namespace tepui::web
