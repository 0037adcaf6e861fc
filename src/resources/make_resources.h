// SPDX-License-Identifier: Apache-2.0
#pragma once

// Short ways to write resources in tests.

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "resources/resources.h"

namespace tepui {

// Parses the text form.
inline Resources R(std::string_view text, std::string_view default_role = "*") {
  auto resources = Resources::Parse(text, default_role);
  EXPECT_TRUE(resources.has_value()) << resources.error().message;
  return resources.value_or(Resources());
}

// Parses protobuf's text format, which can express everything.
inline v1::Resource Proto(const std::string& text) {
  const google::protobuf::LogSilencer silencer;  // It would warn of the deprecated `role`.
  v1::Resource proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return proto;
}

inline Resource One(const std::string& text) {
  auto resource = Resource::FromProto(Proto(text));
  EXPECT_TRUE(resource.has_value()) << resource.error().message;
  return resource.value_or(Resource());
}

// "name: 'disk' type: SCALAR scalar { value: <size> } <more>".
inline Resource Disk(double size, const std::string& more) {
  return One("name: 'disk' type: SCALAR scalar { value: " + std::to_string(size) + " } " + more);
}

inline v1::Resource::ReservationInfo Dynamic(const std::string& role,
                                             const std::string& principal = "") {
  v1::Resource::ReservationInfo reservation;
  reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation.set_role(role);
  if (!principal.empty()) reservation.set_principal(principal);
  return reservation;
}

inline Resources Reserved(const Resources& resources, const std::string& role) {
  auto reserved = resources.PushReservation(Dynamic(role));
  EXPECT_TRUE(reserved.has_value()) << reserved.error().message;
  return reserved.value_or(Resources());
}

}  // namespace tepui
