#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::net {

// How a response is framed and what is said about the connection.
struct ResponseFraming {
  bool chunked =
      false;  // Else by Content-Length, if the status allows a body, or by the end if streaming.
  bool streaming = false;
  bool close = false;           // "Connection: close".
  bool keep_alive_1_0 = false;  // An HTTP/1.0 client asked for it and wants it confirmed.
};

// Appends status line and headers with the empty line. Framing headers that the caller set are left
// out: they are decided here. Line ends inside of values become blanks, so that no value can forge
// a header. A body without a Content-Type is announced as text, as Mesos does for its plain
// sentences.
void AppendResponseHead(const Response& response, const ResponseFraming& framing, std::string& out);

// Appends request line and headers; Host and Content-Length are added.
void AppendRequestHead(const Request& request, std::string_view host, std::string& out);

// kInvalid if method or target would not make one request line.
Status CheckRequestLine(const Request& request);

// Whether a response of that status has a body at all.
bool AllowsBody(unsigned status);

}  // namespace tepui::net
