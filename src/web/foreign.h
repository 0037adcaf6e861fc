// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace tepui::web {

// What a browser can be made to send here by a page of somebody else. Such a request comes from
// inside the operator's network and carries what the operator's browser knows, so it is refused.
struct ForeignPages {
  // The names, without a port, by which this server may be addressed. Empty: any name will do,
  // because a page that can reach the server can also reach it under its right name. A server that
  // listens on loopback only is reached by a foreign page through a name that this page's owner
  // points to 127.0.0.1, and so it has names.
  std::vector<std::string> hosts;
};

// The names of a server that listens on `ip` and is announced as `hostname`.
ForeignPages ForeignPagesOf(const std::string& ip, const std::string& hostname);

// kForbidden for a request whose Host header is not one of our names. Requests without that header
// pass: every browser sends it.
Status CheckHost(const ForeignPages& pages, const net::Request& request);

// kForbidden for a request whose Origin header names another server than the Host header, unless
// its Content-Type is one that browsers send only after they have asked (application/json,
// application/x-protobuf). For requests that change something.
Status CheckOrigin(const net::Request& request);

}  // namespace tepui::web
