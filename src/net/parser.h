// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::net {

// Beast's parsers behind a narrow interface. They are fed bytes as these arrive and copy what they
// keep. A parser serves one connection and starts over after each message. Not thread-safe.

enum class Progress { kNeedMore, kDone, kFailed };

// The answer to a peer whose bytes were refused.
struct ParseFailure {
  unsigned status = 400;
  std::string message;
};

struct ParseLimits {
  size_t max_header_bytes;  // Bounds the first line, the fields, and a chunk's head or the trailer.
  size_t max_body_bytes;    // Bytes as sent, without the chunks' framing.
  // Requests to these paths have the limit of their lane. Must outlive the parser.
  const std::map<std::string, ServerOptions::Lane, std::less<>>* lanes = nullptr;
};

class RequestParser {
 public:
  explicit RequestParser(ParseLimits limits);
  ~RequestParser();

  // Parses at most one request. `used` bytes are consumed; the others must be passed again,
  // followed by newer ones.
  Progress Put(std::string_view bytes, size_t& used);

  // The state of the present request.
  bool begun() const;  // At least one byte of it has arrived.
  bool header_done() const;
  // The functions from here on require that the header is done.
  bool keep_alive() const;
  bool http11() const;
  bool expects_continue() const;
  size_t body_bytes() const;                // Bytes of the body so far.
  const ServerOptions::Lane* lane() const;  // Null: the path has none.

  // After kDone, or to forget a partial request: returns the request, with its target in origin
  // form; then the next one may follow. Trailer fields are dropped, so that no header can be added
  // after the headers were checked.
  Request Take();

  const ParseFailure& failure() const;  // Valid after kFailed.

 private:
  class Parser;
  const ParseLimits limits_;
  std::unique_ptr<Parser> parser_;
};

class ResponseParser {
 public:
  // `head_only`: the response to a HEAD request has no body, whatever its headers announce. A
  // response of status 200 to a streaming parser has no body limit: TakeBody after each Put keeps
  // it small.
  struct Expect {
    bool head_only = false;
    bool streaming = false;
  };

  ResponseParser(ParseLimits limits, Expect expect);
  ~ResponseParser();

  Progress Put(std::string_view bytes, size_t& used);
  // The peer has ended its side. Returns kDone if that ends the body, else kFailed.
  Progress PutEnd();

  bool begun() const;
  bool header_done() const;
  // The functions from here on require that the header is done.
  bool keep_alive() const;
  bool streaming() const;  // The body is to be handed over in pieces.

  std::string TakeBody();   // Returns what has arrived since the last call.
  Response TakeResponse();  // Its body is what TakeBody has not taken.

  const ParseFailure& failure() const;

 private:
  class Parser;
  const ParseLimits limits_;
  const Expect expect_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace tepui::net
