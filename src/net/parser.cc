// SPDX-License-Identifier: Apache-2.0
#include "net/parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <utility>

#include "net/text.h"

namespace tepui::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using ErrorCode = beast::error_code;

constexpr size_t kMaxFields = 256;
constexpr size_t kReserveBytes =
    1 << 20;  // A Content-Length may announce more; memory grows with the bytes that arrive.
// The shortest end of a chunked body: "0" and two line ends.
constexpr size_t kChunkedEndBytes = 5;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Beast's parser with the rules that requests and responses share: limits, transfer codings,
// trailers.
template <bool kIsRequest>
class MessageParser : public http::basic_parser<kIsRequest> {
 public:
  using Base = http::basic_parser<kIsRequest>;

  explicit MessageParser(ParseLimits limits) : limits_(limits) {
    this->eager(true);
    this->body_limit(boost::none);  // The limit is checked here.
    this->header_limit(static_cast<std::uint32_t>(
        std::min<size_t>(limits.max_header_bytes, std::numeric_limits<std::uint32_t>::max())));
  }

  Progress Put(std::string_view bytes, size_t& used) {
    used = 0;
    if (!this->got_some()) {
      // Some clients send a superfluous line end after a body (RFC 9112 2.2).
      used = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
      bytes.remove_prefix(used);
    }
    // Once Beast has begun to look for the end of a chunked body, it asserts that the rest has at
    // least that many bytes.
    if (bytes.empty() || (partial_chunk_ && bytes.size() < kChunkedEndBytes))
      return Progress::kNeedMore;
    ErrorCode error;
    const size_t count = Base::put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    used += count;
    partial_chunk_ = error == http::error::need_more && this->is_header_done() && this->chunked();
    if (partial_chunk_ && bytes.size() - count > limits_.max_header_bytes) {
      return Refuse(431, "A chunk header or trailer is over " +
                             std::to_string(limits_.max_header_bytes) + " bytes");
    }
    return After(error);
  }

  Progress PutEnd() {
    ErrorCode error;
    Base::put_eof(error);
    if (!error && !this->is_done()) error = http::error::partial_message;
    return After(error);
  }

  Headers& headers() { return headers_; }
  std::string& body() { return body_; }
  bool http11() const { return http11_; }
  const ParseLimits& limits() const { return limits_; }
  const ParseFailure& failure() const { return failure_; }

 protected:
  // Fails with the sentence of one of our rules. Beast's own errors have their own text.
  Progress Refuse(unsigned status, std::string message) {
    failure_ = {status, std::move(message)};
    return Progress::kFailed;
  }

  void RefuseIn(ErrorCode& error, unsigned status, std::string message) {
    Refuse(status, std::move(message));
    error = http::error::bad_value;
  }

  void set_http11(int version) { http11_ = version >= 11; }
  void set_max_body_bytes(size_t bytes) { limits_.max_body_bytes = bytes; }

  virtual void OnHead(ErrorCode&) {}

 private:
  Progress After(const ErrorCode& error) {
    if (error && error != http::error::need_more) {
      if (!failure_.message.empty()) return Progress::kFailed;
      if (error == http::error::header_limit) {
        return Refuse(431, "The request line or the headers are over " +
                               std::to_string(limits_.max_header_bytes) + " bytes");
      }
      if (error == http::error::bad_version) {
        return Refuse(400, "Malformed HTTP: the protocol must be HTTP/1.1 or HTTP/1.0");
      }
      return Refuse(400, "Malformed HTTP: " + error.message());
    }
    return this->is_done() ? Progress::kDone : Progress::kNeedMore;
  }

  void on_request_impl(http::verb, beast::string_view, beast::string_view, int version,
                       ErrorCode&) override {
    set_http11(version);
  }
  void on_response_impl(int, beast::string_view, int version, ErrorCode&) override {
    set_http11(version);
  }

  void on_field_impl(http::field field, beast::string_view name, beast::string_view value,
                     ErrorCode& error) override {
    if (++fields_ > kMaxFields) {
      return RefuseIn(error, 431,
                      "There are more than " + std::to_string(kMaxFields) + " header fields");
    }
    if (this->is_header_done()) return;  // This field is in a trailer.
    // With anything but plain "chunked" it would be unclear where the message ends, which makes
    // request smuggling possible.
    if (field == http::field::transfer_encoding && !EqualsIgnoreCase(View(value), "chunked")) {
      return RefuseIn(error, 501, "The only Transfer-Encoding understood here is 'chunked'");
    }
    headers_.Add(std::string(View(name)), std::string(View(value)));
  }

  void on_header_impl(ErrorCode& error) override {
    if (this->chunked() && !http11_) return RefuseIn(error, 400, "HTTP/1.0 has no chunked bodies");
    OnHead(error);
    if (!error && this->content_length().value_or(0) > limits_.max_body_bytes) RefuseBody(error);
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) body_.reserve(std::min<std::uint64_t>(*length, kReserveBytes));
  }

  std::size_t on_body_impl(beast::string_view body, ErrorCode& error) override {
    if (body.size() > limits_.max_body_bytes - body_.size()) {
      RefuseBody(error);
      return 0;
    }
    body_.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t size, beast::string_view, ErrorCode& error) override {
    if (size > limits_.max_body_bytes - body_.size()) RefuseBody(error);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 ErrorCode& error) override {
    return on_body_impl(body, error);
  }

  void on_finish_impl(ErrorCode&) override {}

  void RefuseBody(ErrorCode& error) {
    RefuseIn(error, 413, "The body is over " + std::to_string(limits_.max_body_bytes) + " bytes");
  }

  ParseLimits limits_;
  Headers headers_;
  std::string body_;
  size_t fields_ = 0;
  bool http11_ = false;
  bool partial_chunk_ = false;
  ParseFailure failure_ = {400, {}};
};

// Turns "http://host:port/path" into "/path" (RFC 9112 3.2.2).
std::string OriginForm(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.size() < kScheme.size() ||
      !EqualsIgnoreCase(target.substr(0, kScheme.size()), kScheme)) {
    return std::string(target);
  }
  target.remove_prefix(kScheme.size());
  target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  return target.starts_with('/') ? std::string(target) : "/" + std::string(target);
}

}  // namespace

class RequestParser::Parser final : public MessageParser<true> {
 public:
  using MessageParser::MessageParser;

  std::string method;
  std::string target;
  bool expects_continue = false;
  const ServerOptions::Lane* lane = nullptr;

 private:
  void on_request_impl(http::verb, beast::string_view method_text, beast::string_view target_text,
                       int version, ErrorCode& error) override {
    set_http11(version);
    method = View(method_text);
    target = OriginForm(View(target_text));
    if (!target.starts_with('/')) RefuseIn(error, 400, "The request target must start with '/'");
  }

  void OnHead(ErrorCode& error) override {
    if (const auto* lanes = limits().lanes; lanes != nullptr) {
      const auto found = lanes->find(std::string_view(target).substr(0, target.find('?')));
      if (found != lanes->end()) {
        lane = &found->second;
        set_max_body_bytes(lane->max_body_bytes);
      }
    }
    const std::string* expect = headers().Find("Expect");
    if (expect == nullptr || !http11()) return;
    if (!EqualsIgnoreCase(*expect, "100-continue")) {
      return RefuseIn(error, 417, "The only expectation understood here is '100-continue'");
    }
    expects_continue = true;
  }
};

RequestParser::RequestParser(ParseLimits limits)
    : limits_(limits), parser_(std::make_unique<Parser>(limits)) {}
RequestParser::~RequestParser() = default;

Progress RequestParser::Put(std::string_view bytes, size_t& used) {
  return parser_->Put(bytes, used);
}
bool RequestParser::begun() const { return parser_->got_some(); }
bool RequestParser::header_done() const { return parser_->is_header_done(); }
bool RequestParser::keep_alive() const { return parser_->keep_alive(); }
bool RequestParser::http11() const { return parser_->http11(); }
bool RequestParser::expects_continue() const { return parser_->expects_continue; }
size_t RequestParser::body_bytes() const { return parser_->body().size(); }
const ServerOptions::Lane* RequestParser::lane() const { return parser_->lane; }
const ParseFailure& RequestParser::failure() const { return parser_->failure(); }

Request RequestParser::Take() {
  Request request{.method = std::move(parser_->method),
                  .target = std::move(parser_->target),
                  .headers = std::move(parser_->headers()),
                  .body = std::move(parser_->body()),
                  .peer = {}};
  // Beast's parsers cannot be reset: a new one is made in the same place.
  std::destroy_at(parser_.get());
  std::construct_at(parser_.get(), limits_);
  return request;
}

class ResponseParser::Parser final : public MessageParser<false> {
 public:
  Parser(ParseLimits limits, Expect expect) : MessageParser(limits), expect_(expect) {
    skip(expect.head_only);
  }

  unsigned status = 0;
  bool streaming = false;

 private:
  void on_response_impl(int code, beast::string_view, int version, ErrorCode&) override {
    set_http11(version);
    status = static_cast<unsigned>(code);
  }

  void OnHead(ErrorCode&) override {
    if (!expect_.streaming || status != 200) return;
    streaming = true;
    set_max_body_bytes(std::numeric_limits<size_t>::max());
  }

  const Expect expect_;
};

ResponseParser::ResponseParser(ParseLimits limits, Expect expect)
    : limits_(limits), expect_(expect), parser_(std::make_unique<Parser>(limits, expect)) {}
ResponseParser::~ResponseParser() = default;

Progress ResponseParser::Put(std::string_view bytes, size_t& used) {
  used = 0;
  for (;;) {
    size_t count = 0;
    const Progress progress = parser_->Put(bytes.substr(used), count);
    used += count;
    if (progress != Progress::kDone || parser_->status / 100 != 1) return progress;
    // This was an interim response; the real one follows.
    parser_ = std::make_unique<Parser>(limits_, expect_);
  }
}

Progress ResponseParser::PutEnd() {
  if (!parser_->got_some()) return Progress::kFailed;
  return parser_->PutEnd();
}

bool ResponseParser::begun() const { return parser_->got_some(); }
bool ResponseParser::header_done() const { return parser_->is_header_done(); }
bool ResponseParser::keep_alive() const { return parser_->keep_alive(); }
bool ResponseParser::streaming() const { return parser_->streaming; }
std::string ResponseParser::TakeBody() { return std::exchange(parser_->body(), {}); }
const ParseFailure& ResponseParser::failure() const { return parser_->failure(); }

Response ResponseParser::TakeResponse() {
  return {.status = parser_->status, .headers = std::move(parser_->headers()), .body = TakeBody()};
}

}  // namespace tepui::net
