// SPDX-License-Identifier: Apache-2.0
#include "net/message_format.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "net/text.h"

namespace tepui::net {
namespace {

// Returns the value of the Date header, made once a second on each thread.
std::string_view HttpDate() {
  thread_local std::time_t made_at = 0;
  thread_local char text[40];
  thread_local size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts;
    ::gmtime_r(&now, &parts);
    // The names of strftime would depend on the locale.
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto end =
        fmt::format_to_n(text, sizeof(text), "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                         kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                         parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    length = std::min(end.size, sizeof(text));
    made_at = now;
  }
  return {text, length};
}

void AppendNumber(uint64_t number, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, end);
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ");
  const size_t start = out.size();
  out.append(value);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == 0; }, ' ');
  out.append("\r\n");
}

bool IsTokenChar(char c) {
  constexpr std::string_view kSymbols = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kSymbols.find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

bool IsFraming(std::string_view name) {
  return EqualsIgnoreCase(name, "Content-Length") || EqualsIgnoreCase(name, "Transfer-Encoding");
}

}  // namespace

bool AllowsBody(unsigned status) { return status >= 200 && status != 204 && status != 304; }

void AppendResponseHead(const Response& response, const ResponseFraming& framing,
                        std::string& out) {
  out.append("HTTP/1.1 ");
  AppendNumber(response.status, out);
  out.append(" ")
      .append(ReasonPhrase(response.status))
      .append("\r\nDate: ")
      .append(HttpDate())
      .append("\r\n");
  bool typed = false;
  for (const auto& [name, value] : response.headers.entries()) {
    if (IsFraming(name) || EqualsIgnoreCase(name, "Connection") || EqualsIgnoreCase(name, "Date"))
      continue;
    if (!IsToken(name)) continue;
    typed = typed || EqualsIgnoreCase(name, "Content-Type");
    AppendField(name, value, out);
  }
  if (!typed && !response.body.empty()) out.append("Content-Type: text/plain; charset=utf-8\r\n");
  if (framing.chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (!framing.streaming && AllowsBody(response.status)) {
    out.append("Content-Length: ");
    AppendNumber(response.body.size(), out);
    out.append("\r\n");
  }
  if (framing.close) {
    out.append("Connection: close\r\n");
  } else if (framing.keep_alive_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void AppendRequestHead(const Request& request, std::string_view host, std::string& out) {
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  if (request.headers.Find("Host") == nullptr) AppendField("Host", host, out);
  for (const auto& [name, value] : request.headers.entries()) {
    if (!IsFraming(name) && IsToken(name)) AppendField(name, value, out);
  }
  const bool bodyless =
      request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
  if (!request.body.empty() || !bodyless) {
    out.append("Content-Length: ");
    AppendNumber(request.body.size(), out);
    out.append("\r\n");
  }
  out.append("\r\n");
}

Status CheckRequestLine(const Request& request) {
  if (!IsToken(request.method))
    return Fail(Code::kInvalid, "'{}' is not an HTTP method", request.method);
  const bool clean =
      std::ranges::all_of(request.target, [](char c) { return c > ' ' && c != 0x7f; });
  if (!request.target.starts_with('/') || !clean) {
    return Fail(Code::kInvalid, "The request target '{}' must start with '/' and be %-escaped",
                request.target);
  }
  return {};
}

}  // namespace tepui::net
