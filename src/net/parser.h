#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::net {

// Beast's parsers behind a narrow door. They are fed bytes as they come and copy what they keep; a
// parser serves one connection and starts over after each message. Not thread-safe.

enum class Progress { kNeedMore, kDone, kFailed };

// What to tell the peer whose bytes were refused.
struct ParseFailure {
  unsigned status = 400;
  std::string message;
};

struct ParseLimits {
  size_t
      max_header_bytes;   // Of the first line, of the fields, and of a chunk's head or the trailer.
  size_t max_body_bytes;  // As sent, chunks removed.
  // Of requests, by path, in place of that; outlives the parser.
  const std::map<std::string, size_t, std::less<>>* max_body_bytes_of = nullptr;
};

class RequestParser {
 public:
  explicit RequestParser(ParseLimits limits);
  ~RequestParser();

  // Parses at most one request; `used` of the bytes are done with, the others must come again with
  // what follows.
  Progress Put(std::string_view bytes, size_t& used);

  // Of the request at hand.
  bool begun() const;  // Something of it has come.
  bool header_done() const;
  // From here on the header must be done.
  bool keep_alive() const;
  bool http11() const;
  bool expects_continue() const;
  size_t body_bytes() const;  // So far.

  // After kDone: the request, its target in origin form; the next one may follow. Trailer fields
  // are dropped: nobody may add headers after they were judged.
  Request Take();

  const ParseFailure& failure() const;  // After kFailed.

 private:
  class Parser;
  const ParseLimits limits_;
  std::unique_ptr<Parser> parser_;
};

class ResponseParser {
 public:
  // `head_only`: of a HEAD request, whose response has no body whatever it says. A response of
  // status 200 to a streaming parser has no body limit: TakeBody after each Put keeps it small.
  struct Expect {
    bool head_only = false;
    bool streaming = false;
  };

  ResponseParser(ParseLimits limits, Expect expect);
  ~ResponseParser();

  Progress Put(std::string_view bytes, size_t& used);
  // The peer has ended its side. kDone if that ends the body, else kFailed.
  Progress PutEnd();

  bool begun() const;
  bool header_done() const;
  // From here on the header must be done.
  bool keep_alive() const;
  bool streaming() const;  // What comes is to be handed over piecewise.

  std::string TakeBody();   // What has come since the last time.
  Response TakeResponse();  // What TakeBody has not taken is its body.

  const ParseFailure& failure() const;

 private:
  class Parser;
  const ParseLimits limits_;
  const Expect expect_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace tepui::net
