// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::net {

// How a response is framed, and what it announces about the connection.
struct ResponseFraming {
  bool chunked = false;  // Otherwise a Content-Length, if the status allows a body; a streaming
                         // body ends with the connection.
  bool streaming = false;
  bool close = false;  // "Connection: close".
  bool keep_alive_1_0 =
      false;  // An HTTP/1.0 client asked to keep the connection and needs a confirmation.
};

// Appends status line and headers with the empty line. Framing headers that the caller set are left
// out: `framing` decides them. Line ends inside of values become blanks, so that no value can forge
// a header. A body without a Content-Type is announced as text, as Mesos does for its plain
// sentences.
void AppendResponseHead(const Response& response, const ResponseFraming& framing, std::string& out);

// Appends request line and headers; Host and Content-Length are added.
void AppendRequestHead(const Request& request, std::string_view host, std::string& out);

// kInvalid if method or target would not make exactly one request line.
Status CheckRequestLine(const Request& request);

// Returns true if a response of that status can have a body.
bool AllowsBody(unsigned status);

}  // namespace tepui::net
