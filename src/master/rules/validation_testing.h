// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "master/rules/validation.h"
#include "resources/resource.h"
#include "wire/json.h"

namespace tepui::master::validation {

// Helpers that the tests of validation share.

template <class Message>
Message FromText(std::string_view json) {
  Message message;
  const Status read = wire::FromJson(json, &message);
  EXPECT_TRUE(read) << json << ": " << (read ? "" : read.error().message);
  return message;
}

// Parses resources in the form of --resources, allocated to a role ("": not allocated).
inline Resources Parsed(std::string_view text, std::string_view role = "web") {
  Result<Resources> parsed = Resources::Parse(text);
  EXPECT_TRUE(parsed) << text;
  if (!parsed) return {};
  if (!role.empty()) parsed->Allocate(role);
  return *std::move(parsed);
}

inline void SetResources(std::string_view text,
                         google::protobuf::RepeatedPtrField<v1::Resource>* field) {
  field->Clear();
  Parsed(text).ToProto(field);
}

// Expects a sentence that contains `error`; "" expects success.
inline void ExpectStatus(const Status& status, std::string_view error, std::string_view name) {
  if (error.empty()) {
    EXPECT_TRUE(status) << name << ": " << (status ? "" : status.error().message);
    return;
  }
  ASSERT_FALSE(status) << name << ": expected an error about '" << error << "'";
  EXPECT_EQ(status.error().code, Code::kInvalid) << name;
  EXPECT_NE(status.error().message.find(error), std::string::npos)
      << name << ": " << status.error().message;
}

}  // namespace tepui::master::validation
