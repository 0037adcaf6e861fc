// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "net/http.h"
#include "wire/content_type.h"

namespace tepui::api {

inline net::Request RequestOf(std::string body, std::string_view content_type) {
  net::Request request;
  request.method = "POST";
  request.headers.Add("Content-Type", std::string(content_type));
  request.body = std::move(body);
  return request;
}

inline net::Request JsonRequest(std::string body) {
  return RequestOf(std::move(body), wire::kApplicationJson);
}

// Returns the refusal; the test fails if there is none.
template <class T>
net::Response Refusal(const std::expected<T, net::Response>& read) {
  EXPECT_FALSE(read.has_value());
  return read ? net::Response{} : read.error();
}

}  // namespace tepui::api
