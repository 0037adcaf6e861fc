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
#include "base/result.h"

namespace tepui::net {

// HTTP/1.1 on threads of its own. This header is free of Asio and Beast: they stay inside src/net.

// Names compare without case; a handful of entries, so a vector.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    entries_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces all of that name.
  void Set(std::string_view name, std::string value);
  // The first of that name, or null.
  const std::string* Find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct Request {
  std::string method = "GET";
  // As on the request line: path and query, still %-escaped.
  std::string target = "/";
  Headers headers;
  std::string body;  // Whole, decoded from chunks and gzip; the server bounds it.
  std::string peer;  // "ip:port" of the other side, filled by the server; empty on a unix socket.
};

struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
};

std::string_view ReasonPhrase(unsigned status);

// Names and values, unescaped, in their order: of a query, or of a form in a body.
using Fields = std::vector<std::pair<std::string, std::string>>;
// The first of that name, or null.
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

  // Queues bytes for the peer. False, and nothing queued, if the stream is closed or its backlog
  // (bytes not yet handed to the kernel) would pass the server's limit; the latter also closes the
  // stream: a reader that slow is cut.
  virtual bool Write(std::string bytes) = 0;

  // Ends the response once what is queued is written (or write_timeout passes) and closes the
  // connection.
  virtual void Close() = 0;

  virtual bool closed() const = 0;

  // `callback` runs once, on an I/O thread, when the stream has ended for whatever reason: peer
  // gone, Close, cut. At once, on this thread, if it already has. One callback a stream.
  virtual void OnClosed(std::move_only_function<void()> callback) = 0;
};

// The obligation to answer one request. Move-only; may travel to another thread and be answered
// late. Destroyed unanswered it answers 500. Answers of pipelined requests go out in the order of
// the requests.
class Responder {
 public:
  class Impl;
  explicit Responder(std::shared_ptr<Impl> impl);
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  ~Responder();

  // Adds Content-Length and Date, and "Content-Type: text/plain; charset=utf-8" to a body that
  // names none, as Mesos does; compresses with gzip, on the calling thread, if the client accepts
  // it and the body has 1024 bytes or more.
  void Send(Response response) &&;

  // Sends status and headers now and keeps the body open, chunked. Nothing after it on this
  // connection.
  std::shared_ptr<Stream> StartStream(unsigned status, Headers headers) &&;

 private:
  std::shared_ptr<Impl> impl_;
};

// The threads all servers and clients of a process share. Destroy after them.
class IoThreads {
 public:
  explicit IoThreads(int threads);
  ~IoThreads();
  void Stop();  // Joins. Idempotent.

  class Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 64 << 20;  // After decoding; over it 413.
  // By path, in place of that, for bodies that are not packed.
  std::map<std::string, size_t, std::less<>> max_body_bytes_of = {};
  size_t max_stream_backlog_bytes = 64 << 20;
  int max_connections = 100'000;  // Over it new ones are closed at once.
  int max_pipelined = 16;  // Requests of one connection in hand at once; then it is not read.
  // For a request once begun; a body that keeps coming at 16 KiB/s or more has longer.
  Duration header_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::minutes(10);  // Between requests.
  // In which a peer must take something of an answer, or all that a closed stream has left.
  Duration write_timeout = std::chrono::seconds(30);
};

class Server {
 public:
  // Runs on an I/O thread, for different connections at once. Must not block.
  using Handler = std::function<void(Request, Responder)>;

  Server(IoThreads& threads, ServerOptions options, Handler handler);
  ~Server();  // Stops.

  // Port 0: the kernel chooses. The sentence of a failure names address and port.
  Status Listen(const std::string& ip, uint16_t port);
  Status ListenUnix(const std::string& path);
  uint16_t port() const;

  // Closes the listening sockets and every connection, and waits until no handler runs. Idempotent.
  // Not from an I/O thread: it would wait for itself.
  void Stop();

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// Receives a streaming response. Called on I/O threads, one call at a time.
struct StreamHandler {
  std::function<void(const Response&)> on_response;  // Status and headers; a body only if not 200.
  std::function<void(std::string_view)> on_data;
  // Last call; no error: the peer ended the response.
  std::function<void(std::optional<Error>)> on_end;
};

// A connection pool for one server. Thread-safe.
class Client {
 public:
  struct Options {
    Duration connect_timeout = std::chrono::seconds(5);
    Duration request_timeout = std::chrono::seconds(60);
    size_t max_body_bytes = 256 << 20;
    int max_connections = 8;  // Requests beyond it wait, at most max_waiting of them.
    int max_waiting = 10'000;
    bool ordered = false;  // One connection, one request at a time, in the order of the calls.
  };

  // `host` is a name or an address. No redirect is followed.
  Client(IoThreads& threads, std::string host, uint16_t port, Options options);
  // Over a unix socket.
  Client(IoThreads& threads, std::string unix_path, Options options);
  // What is pending ends with kUnavailable before this returns or soon after, never later than
  // Stop.
  ~Client();

  using Callback = std::move_only_function<void(Result<Response>)>;
  // The callback runs once, on an I/O thread (after the threads' Stop: on this one, before Send
  // returns). kUnavailable: no connection, timeout, or cut before an answer. A request that met a
  // kept connection which the server had just closed is sent once more if its method is idempotent
  // or no byte of it was sent.
  void Send(Request request, Callback callback);

  // One request on a connection of its own whose response is handed over as it comes.
  // request_timeout bounds the wait for its headers; what follows may take for ever. Destroying the
  // Subscription cancels it.
  class Subscription {
   public:
    virtual ~Subscription() = default;
    // After it returns no handler runs or starts, except one on this very thread's stack: what they
    // refer to may be destroyed. Waits for a running handler, so do not call it holding a lock that
    // a handler takes.
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
