// SPDX-License-Identifier: Apache-2.0
#include "web/foreign.h"

#include <gtest/gtest.h>

namespace tepui::web {
namespace {

net::Request RequestWith(std::vector<std::pair<std::string, std::string>> headers) {
  net::Request request;
  for (auto& [name, value] : headers) request.headers.Add(name, value);
  return request;
}

struct HostCase {
  std::string ip;
  std::string host;
  bool passes;
};

TEST(ForeignPages, WhichHostsPass) {
  const HostCase cases[] = {
      {"127.0.0.1", "127.0.0.1:5050", true},
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "localhost:8080", true},  // A tunnel ends at another port.
      {"127.0.0.1", "LocalHost", true},
      {"127.0.0.1", "[::1]:5050", true},
      {"127.0.0.1", "Node1.example:5050", true},
      {"::1", "localhost:5050", true},
      {"127.0.0.1", "evil.example:5050", false},
      {"127.0.0.1", "127.0.0.1.evil.example", false},
      {"127.0.0.1", "localhost.evil.example", false},
      {"127.0.0.1", "10.0.0.1:5050", false},
      {"127.0.0.1", "", false},
      {"0.0.0.0", "evil.example:5050", true},
      {"10.0.0.1", "evil.example:5050", true},
  };
  for (const HostCase& c : cases) {
    const ForeignPages pages = ForeignPagesOf(c.ip, "node1.example");
    EXPECT_EQ(CheckHost(pages, RequestWith({{"Host", c.host}})).has_value(), c.passes)
        << c.ip << " " << c.host;
  }
  EXPECT_TRUE(CheckHost(ForeignPagesOf("127.0.0.1", "node1"), RequestWith({})));
}

struct OriginCase {
  std::string origin;
  std::string content_type;
  bool passes;
};

TEST(ForeignPages, WhichOriginsMayChange) {
  const std::string form = "application/x-www-form-urlencoded";
  const OriginCase cases[] = {
      {"", form, true},
      {"", "text/plain", true},  // No browser: the handler decides.
      {"", "", true},
      {"http://m:5050", form, true},
      {"https://M:5050", "text/plain", true},
      {"http://m", form, false},
      {"http://m:5051", form, false},
      {"http://evil.example", form, false},
      {"http://evil.example", "text/plain", false},
      {"http://evil.example", "text/plain; application/json", false},
      {"http://evil.example", "multipart/form-data", false},
      {"http://evil.example", "", false},
      {"null", form, false},
      {"m:5050", form, false},
      {"http://evil.example", "application/json", true},
      {"http://evil.example", "application/x-protobuf", true},
  };
  for (const OriginCase& c : cases) {
    net::Request request = RequestWith({{"Host", "m:5050"}});
    if (!c.origin.empty()) request.headers.Add("Origin", c.origin);
    if (!c.content_type.empty()) request.headers.Add("Content-Type", c.content_type);
    const Status checked = CheckOrigin(request);
    EXPECT_EQ(checked.has_value(), c.passes) << c.origin << " " << c.content_type;
    if (!checked) {
      EXPECT_EQ(checked.error().code, Code::kForbidden);
    }
  }
}

}  // namespace
}  // namespace tepui::web
