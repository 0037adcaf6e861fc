// SPDX-License-Identifier: Apache-2.0
#include "net/parser.h"

#include <gtest/gtest.h>

namespace tepui::net {
namespace {

constexpr ParseLimits kLimits{.max_header_bytes = 1000, .max_body_bytes = 10'000};

struct Outcome {
  Progress progress = Progress::kNeedMore;
  std::string body;
  unsigned status = 0;
  size_t left = 0;
};

// Feeds `bytes` in pieces of `step`, and passes unused bytes again.
Outcome Feed(std::string_view bytes, size_t step) {
  RequestParser parser(kLimits);
  std::string input;
  for (size_t i = 0; i < bytes.size(); i += step) {
    input += bytes.substr(i, step);
    size_t used = 0;
    const Progress progress = parser.Put(input, used);
    input.erase(0, used);
    if (progress == Progress::kFailed) return {progress, {}, parser.failure().status, 0};
    if (progress == Progress::kDone) {
      const size_t left = input.size() + bytes.size() - std::min(bytes.size(), i + step);
      return {progress, parser.Take().body, 0, left};
    }
  }
  return {};
}

TEST(RequestParser, AnySplitGivesTheSameRequest) {
  struct {
    std::string bytes;
    std::string body;
  } const cases[] = {
      {"GET /a HTTP/1.1\r\n\r\n", ""},
      {"\r\n\r\nGET /a HTTP/1.1\r\n\r\n", ""},
      {"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=\"v\"\r\nabc\r\n0;e\r\nT: "
       "1\r\nU: 2\r\n\r\n",
       "abc"},
  };
  for (const auto& [bytes, body] : cases) {
    for (size_t step = 1; step <= bytes.size(); ++step) {
      const Outcome outcome = Feed(bytes, step);
      EXPECT_EQ(outcome.progress, Progress::kDone) << bytes << " by " << step;
      EXPECT_EQ(outcome.body, body);
      EXPECT_EQ(outcome.left, 0U);
    }
    EXPECT_EQ(Feed(bytes + "GET", bytes.size() + 3).left, 3U);
  }
}

// Chunk trailers are a known attack on Mesos: they may neither crash the parser nor add headers.
TEST(RequestParser, TrailersAreDropped) {
  RequestParser parser(kLimits);
  const std::string bytes =
      "POST /a HTTP/1.1\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Basic "
      "eA==\r\nA: 2\r\n\r\n";
  size_t used = 0;
  ASSERT_EQ(parser.Put(bytes, used), Progress::kDone);
  const Request request = parser.Take();
  EXPECT_EQ(request.headers.Find("Authorization"), nullptr);
  EXPECT_EQ(*request.headers.Find("A"), "1");
}

TEST(RequestParser, AbsoluteFormBecomesOriginForm) {
  for (const auto& [target, origin] :
       std::initializer_list<std::pair<const char*, const char*>>{{"http://host:80/a?b", "/a?b"},
                                                                  {"HTTP://host", "/"},
                                                                  {"http://host?q", "/?q"},
                                                                  {"/http://x", "/http://x"}}) {
    RequestParser parser(kLimits);
    size_t used = 0;
    ASSERT_EQ(parser.Put(std::string("GET ") + target + " HTTP/1.1\r\n\r\n", used),
              Progress::kDone);
    EXPECT_EQ(parser.Take().target, origin);
  }
}

TEST(RequestParser, HostileBytes) {
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string many_fields = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 300; ++i) many_fields += "a:\r\n";
  struct {
    std::string bytes;
    unsigned status;
  } const cases[] = {
      {"\x16\x03\x01\x02 tls hello", 400},
      {"GET\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\n\r\n", 400},
      {"GET ?a HTTP/1.1\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 400},
      {"GET / HTTQ/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nA: b\n\n\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400},
      {std::string("GET / HTTP/1.1\r\nA: \0\r\n\r\n", 25), 400},
      {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nExpect: a-miracle\r\n\r\n", 417},
      {"POST / HTTP/1.1\r\nContent-Length: 10001\r\n\r\n", 413},
      {"GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nA: " + std::string(2000, 'a') + "\r\n\r\n", 431},
      {many_fields, 431},
      {chunked + "zz\r\n\r\n", 400},
      {chunked + "-1\r\n\r\n0\r\n\r\n", 400},
      {chunked + "fffffffffffffffff\r\n", 400},
      {chunked + "2711\r\n", 413},
      {chunked + "1388\r\n" + std::string(5000, 'a') + "\r\n1389\r\n", 413},
      {chunked + "1\r\nab\r\n0\r\n\r\n", 400},
      {chunked + "1;" + std::string(2000, 'e'), 431},
      {chunked + "0\r\nT: " + std::string(2000, 't'), 431},
      {chunked + "0\r\nContent-Length: 5\r\n\r\n", 400},
      {chunked + "0\r\nbad trailer\r\n\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    for (const size_t step : {bytes.size(), size_t{1}, size_t{7}}) {
      EXPECT_EQ(Feed(bytes, step).status, status) << bytes.substr(0, 100) << " by " << step;
    }
  }
}

TEST(ResponseParser, SkipsInterimAndEndsWithTheConnection) {
  ResponseParser parser(kLimits, {});
  size_t used = 0;
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.0 201 Created\r\nA: b\r\n\r\nbody";
  ASSERT_EQ(parser.Put(bytes, used), Progress::kNeedMore);
  EXPECT_EQ(used, bytes.size());
  ASSERT_EQ(parser.PutEnd(), Progress::kDone);
  EXPECT_FALSE(parser.keep_alive());
  const Response response = parser.TakeResponse();
  EXPECT_EQ(response.status, 201U);
  EXPECT_EQ(response.body, "body");
}

TEST(ResponseParser, AnEndInsideOfTheBodyIsAFailure) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "HTTP/1.1 200"}) {
    ResponseParser parser(kLimits, {});
    size_t used = 0;
    ASSERT_EQ(parser.Put(head, used), Progress::kNeedMore);
    EXPECT_EQ(parser.PutEnd(), Progress::kFailed);
  }
}

}  // namespace
}  // namespace tepui::net
