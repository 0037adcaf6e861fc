// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "net/memory_budget.h"

namespace tepui::net {

// HTTP/1.1 on threads of its own. This header is free of Asio and Beast: they stay inside src/net.

// Names are compared without case. There are few entries, so a vector holds them.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    entries_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces all values of that name.
  void Set(std::string_view name, std::string value);
  // Returns the first value of that name, or null.
  const std::string* Find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct Request {
  std::string method = "GET";
  // The path and query from the request line, still %-escaped.
  std::string target = "/";
  Headers headers;
  std::string body;  // The whole body, decoded from chunks and gzip. The server bounds it.
  std::string peer;  // "ip:port" of the other side, filled by the server; empty on a unix socket.
  // Counts what the server keeps of this request until it is answered. Whoever makes more of it
  // grows the lease, before the answer, and answers 503 if that fails. Null: nothing is counted.
  std::shared_ptr<MemoryLease> memory = nullptr;
};

struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
};

std::string_view ReasonPhrase(unsigned status);

// Names and values of a query or of a form in a body, unescaped, in their order.
using Fields = std::vector<std::pair<std::string, std::string>>;
// Returns the first value of that name, or null.
const std::string* FindField(const Fields& fields, std::string_view name);

// A target split and unescaped.
struct Url {
  std::string path;
  Fields query;

  const std::string* Query(std::string_view key) const { return FindField(query, key); }
};

// kInvalid for a bad %-escape, an escaped NUL, or a path that does not start with "/".
Result<Url> ParseTarget(std::string_view target);
// "a=1&b=2". kInvalid for a bad %-escape or an escaped NUL.
Result<Fields> ParseFields(std::string_view text);
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);
std::string PercentEncode(std::string_view text);

// The server's end of a streaming response. Thread-safe, shared.
class Stream {
 public:
  virtual ~Stream() = default;

  // Queues bytes for the peer. Returns false, with nothing queued, if the stream is closed or if
  // its backlog (bytes not yet handed to the kernel) would exceed the server's limit. In the latter
  // case the stream is also closed, to cut off a slow reader.
  virtual bool Write(std::string bytes) = 0;

  // Ends the response and closes the connection once the queued bytes are written or write_timeout
  // has passed.
  virtual void Close() = 0;

  virtual bool closed() const = 0;

  // `callback` runs once, on an I/O thread, when the stream has ended for whatever reason: the peer
  // has gone, Close, or cut off. If the stream has already ended, it runs at once on this thread. A
  // stream has one callback.
  virtual void OnClosed(std::move_only_function<void()> callback) = 0;
};

// The obligation to answer one request. Move-only; may be moved to another thread and answered
// late. If it is destroyed unanswered, the request is answered with 500. Answers of pipelined
// requests are sent in the order of the requests.
class Responder {
 public:
  class Impl;
  explicit Responder(std::shared_ptr<Impl> impl);
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  ~Responder();

  // Adds Content-Length and Date, and "Content-Type: text/plain; charset=utf-8" to a body without a
  // Content-Type, as Mesos does. Compresses with gzip, on the calling thread, if the client accepts
  // it and the body has 1024 bytes or more.
  void Send(Response response) &&;

  // Sends status and headers now and keeps the body open, chunked. No other response follows on
  // this connection.
  std::shared_ptr<Stream> StartStream(unsigned status, Headers headers) &&;

 private:
  std::shared_ptr<Impl> impl_;
};

// The threads that all servers and clients of a process share. Destroy it after them.
class IoThreads {
 public:
  explicit IoThreads(int threads);
  ~IoThreads();
  void Stop();  // Joins the threads. Idempotent.

  class Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 64 << 20;  // Counted after decoding. A larger body gets 413.
  // Requests with a longer body, or a compressed one, are unpacked and handled on workers, one at a
  // time for each connection, in the order in which they arrived. The handler decodes the body, so
  // an I/O thread would serve nobody else meanwhile.
  size_t max_inline_bytes = 64 << 10;
  // Counts what requests, answers and streams hold. Null: there is no common bound.
  std::shared_ptr<MemoryBudget> memory = nullptr;
  // Paths whose requests wait for no others and take no memory from them: they have workers of
  // their own, and these values instead of the general ones.
  struct Lane {
    size_t max_body_bytes = 0;  // For bodies that are not compressed.
    std::shared_ptr<MemoryBudget> memory = nullptr;
  };
  std::map<std::string, Lane, std::less<>> lanes = {};
  size_t max_stream_backlog_bytes = 64 << 20;
  int max_connections = 100'000;  // Connections above this number are closed at once.
  int max_pipelined = 16;  // Requests of one connection in progress. At this number reading stops.
  // Time to receive a request once it has begun. A body that keeps arriving at 16 KiB/s or more may
  // take longer.
  Duration header_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::minutes(10);  // Between requests.
  // Time within which a peer must take some bytes of an answer, or everything that a closed stream
  // has left.
  Duration write_timeout = std::chrono::seconds(30);
};

class Server {
 public:
  // Runs on I/O threads and workers, at the same time for different connections. Must not block.
  using Handler = std::function<void(Request, Responder)>;

  Server(IoThreads& threads, ServerOptions options, Handler handler);
  ~Server();  // Calls Stop.

  // With port 0 the kernel chooses the port. The sentence of a failure names address and port.
  Status Listen(const std::string& ip, uint16_t port);
  Status ListenUnix(const std::string& path);
  uint16_t port() const;

  // Closes the listening sockets and every connection, and waits until no handler runs. Idempotent.
  // Must not be called on an I/O thread: it would wait for itself.
  void Stop();

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// Receives a streaming response. Called on I/O threads, one call at a time.
struct StreamHandler {
  std::function<void(const Response&)>
      on_response;  // Status and headers; has a body only if not 200.
  std::function<void(std::string_view)> on_data;
  // The last call. Without an error the peer ended the response.
  std::function<void(std::optional<Error>)> on_end;
};

// A connection pool for one server. Thread-safe.
class Client {
 public:
  struct Options {
    Duration connect_timeout = std::chrono::seconds(5);
    Duration request_timeout = std::chrono::seconds(60);
    size_t max_body_bytes = 256 << 20;
    int max_connections = 8;  // Further requests wait, at most max_waiting of them.
    int max_waiting = 10'000;
    bool ordered =
        false;  // Uses one connection and sends one request at a time, in the order of the calls.
  };

  // Redirects are not followed. Every request to a server with the scheme https fails with
  // kUnimplemented.
  Client(IoThreads& threads, Endpoint server, Options options);
  // Pending requests end with kUnavailable before this returns or soon afterwards, at the latest
  // when the threads stop.
  ~Client();

  using Callback = std::move_only_function<void(Result<Response>)>;
  // The callback runs once, on an I/O thread (after the threads' Stop: on this one, before Send
  // returns). kUnavailable means no connection, a timeout, or a connection that broke before an
  // answer. If a request was sent on a kept connection that the server had just closed, it is sent
  // once more if its method is idempotent or no byte of it was sent.
  void Send(Request request, Callback callback);

  // Sends one request on a connection of its own and hands over the response as it arrives.
  // request_timeout bounds the wait for its headers; the body may take for ever. Destroying the
  // Subscription cancels it.
  class Subscription {
   public:
    virtual ~Subscription() = default;
    // After this returns, no handler runs or starts, except one on this very thread's stack, so
    // what the handlers refer to may be destroyed. It waits for a running handler: do not hold a
    // lock that a handler takes.
    virtual void Cancel() = 0;
  };
  std::unique_ptr<Subscription> Subscribe(Request request, StreamHandler handler);

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// Waits for the answer; for tools and tests.
Result<Response> SendAndWait(Client& client, Request request);

}  // namespace tepui::net
