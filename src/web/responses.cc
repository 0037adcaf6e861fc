// SPDX-License-Identifier: Apache-2.0
#include "web/responses.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace tepui::web {

namespace {

bool IsCallbackName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '$' || c == '.';
  });
}

}  // namespace

unsigned StatusOf(Code code) {
  switch (code) {
    case Code::kInvalid:
      return 400;
    case Code::kForbidden:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kTooLarge:
      return 413;
    case Code::kUnimplemented:
      return 501;
    case Code::kUnavailable:
      return 503;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

net::Response TextResponse(unsigned status, std::string text) {
  net::Response response;
  response.status = status;
  response.body = std::move(text);
  if (!response.body.empty()) response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  return response;
}

net::Response ErrorResponse(const Error& error) {
  return TextResponse(StatusOf(error.code), error.message);
}

net::Response MethodNotAllowed(std::string_view allowed, std::string_view method) {
  net::Response response = TextResponse(
      405, fmt::format("Expecting one of {{ '{}' }}, but received '{}'", allowed, method));
  response.headers.Add("Allow", std::string(allowed));
  return response;
}

net::Response JsonResponse(std::string json, const net::Url& url) {
  net::Response response;
  const std::string* callback = url.Query("jsonp");
  if (callback == nullptr) {
    response.headers.Add("Content-Type", "application/json");
    response.body = std::move(json);
    return response;
  }
  if (!IsCallbackName(*callback)) {
    return TextResponse(400, "The 'jsonp' parameter must be the name of a function");
  }
  response.headers.Add("Content-Type", "text/javascript");
  response.body = *callback + "(" + json + ");";
  return response;
}

}  // namespace tepui::web
