// SPDX-License-Identifier: Apache-2.0
// Any bytes as HTTP requests, and as a response: the pieces they come in do not change what is
// read, and no limit is passed. Also the decoders that look inside of what came: targets, forms,
// gzip, Accept-Encoding.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/gzip.h"
#include "net/http.h"
#include "net/parser.h"

namespace {

using tepui::net::ParseLimits;
using tepui::net::Progress;

constexpr ParseLimits kLimits{.max_header_bytes = 512, .max_body_bytes = 1024};
constexpr size_t kMaxRequests = 64;

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<tepui::net::Request> requests;
  bool failed = false;
};

Outcome ReadRequests(std::string_view bytes, size_t piece) {
  tepui::net::RequestParser parser(kLimits);
  Outcome outcome;
  std::string input;
  for (size_t i = 0; i < bytes.size(); i += piece) {
    input += bytes.substr(i, piece);
    while (!input.empty() && outcome.requests.size() < kMaxRequests) {
      size_t used = 0;
      const Progress progress = parser.Put(input, used);
      Require(used <= input.size());
      input.erase(0, used);
      if (progress == Progress::kFailed) {
        Require(parser.failure().status >= 400 && !parser.failure().message.empty());
        outcome.failed = true;
        return outcome;
      }
      if (progress == Progress::kNeedMore) break;
      outcome.requests.push_back(parser.Take());
      Require(outcome.requests.back().body.size() <= kLimits.max_body_bytes);
      Require(outcome.requests.back().target.starts_with('/'));
    }
  }
  return outcome;
}

void ReadResponse(std::string_view bytes, size_t piece, bool streaming) {
  tepui::net::ResponseParser parser(kLimits, {.head_only = false, .streaming = streaming});
  std::string input;
  for (size_t i = 0; i < bytes.size(); i += piece) {
    input += bytes.substr(i, piece);
    size_t used = 0;
    const Progress progress = parser.Put(input, used);
    Require(used <= input.size());
    input.erase(0, used);
    if (progress == Progress::kFailed) return;
    if (parser.header_done() && parser.streaming()) parser.TakeBody();
    if (progress == Progress::kDone) {
      Require(parser.TakeResponse().body.size() <= kLimits.max_body_bytes);
      return;
    }
  }
  parser.PutEnd();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = ReadRequests(bytes, size + 1);
  for (const size_t piece : {size_t{1}, size_t{5}}) {
    const Outcome pieces = ReadRequests(bytes, piece);
    // A message that is wrong can look merely incomplete for a while, so only good ones must agree.
    if (whole.failed || pieces.failed) continue;
    Require(whole.requests.size() == pieces.requests.size());
    for (size_t i = 0; i < whole.requests.size(); ++i) {
      Require(whole.requests[i].method == pieces.requests[i].method);
      Require(whole.requests[i].target == pieces.requests[i].target);
      Require(whole.requests[i].body == pieces.requests[i].body);
      Require(whole.requests[i].headers.entries() == pieces.requests[i].headers.entries());
    }
  }
  for (const tepui::net::Request& request : whole.requests) {
    (void)tepui::net::ParseTarget(request.target);
    (void)tepui::net::ParseFields(request.body);
  }
  for (const size_t piece : {size + 1, size_t{1}}) {
    ReadResponse(bytes, piece, false);
    ReadResponse(bytes, piece, true);
  }

  (void)tepui::net::ParseTarget(bytes);
  Require(tepui::net::PercentDecode(tepui::net::PercentEncode(bytes), true) == bytes);
  (void)tepui::net::AcceptsGzip(bytes);
  const auto unpacked = tepui::net::Gunzip(bytes, 4096);
  Require(!unpacked || unpacked->size() <= 4096);
  return 0;
}
