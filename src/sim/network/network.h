#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http.h"
#include "sim/world/paths.h"
#include "sim/world/process.h"

namespace tepui::sim {

// HTTP exchanges over simulated TCP connections (tcp.h). What an end sends on one connection
// arrives in order or not at all (what was sent last is lost first); different connections overtake
// each other. A packet meets the latency of its moment and the partitions of the moment it would
// arrive; a connection through which a packet could not pass for `retransmission` is broken, and
// each end learns of it when it would: at once from a reset, or never before it sends or times out,
// if the other way is dead too. No callback runs from inside a call.
class Network {
 public:
  struct Options {
    // Of one packet; within a machine it stays near the minimum.
    Duration min_latency = std::chrono::microseconds(50);
    Duration max_latency = std::chrono::milliseconds(20);
    Duration connect_timeout = std::chrono::seconds(5);
    Duration retransmission = std::chrono::seconds(30);
    // For the beginning of an answer, as net::Client has it; then the client gives the connection
    // up.
    Duration request_timeout = std::chrono::seconds(60);
    // Of both directions of one connection: what waits to arrive. Beyond it the sender's end is
    // broken, as a server cuts a reader that is too slow.
    size_t max_in_flight_bytes = 64 << 20;
  };

  Network(World& world, Options options);
  ~Network();  // What is under way is dropped; nobody is told.

  // --- The server's side.
  // One request on its way to be answered: by Respond, or by Start, any number of Write, and End,
  // which closes the connection. Shared: the core may answer late; answers to a connection that is
  // gone are dropped. Answers leave in the order of the requests. Dropped unanswered it answers
  // 500, dropped without End it ends.
  class Exchange {
   public:
    virtual ~Exchange() = default;
    virtual void Respond(net::Response response) = 0;
    // 200 and these headers; records follow.
    virtual void Start(net::Headers headers) = 0;
    virtual void Write(std::string record) = 0;
    virtual void End() = 0;
    // Runs once if the client or the connection has gone before End.
    virtual void OnClosed(std::move_only_function<void()> callback) = 0;
  };
  using Handler = std::function<void(net::Request, std::shared_ptr<Exchange>)>;
  // Requests to `host` run in `process` until it ends, or until another serves that host; the
  // connections it has are its own until it ends.
  void Serve(const Host& host, Process& process, Handler handler);

  // --- The client's side.
  struct ResponseHandler {
    // Status and headers, and the body of a plain answer, after which nothing follows.
    std::function<void(const net::Response&)> on_response;
    std::function<void(std::string)> on_record;
    // Of a stream; or there will be no answer.
    std::function<void(const std::string& reason)> on_end;
  };
  // A connection from `process` on `from` to `to`; requests on it are handled in order. Once broken
  // it stays so, and ends each request. Destroying it closes it: no handler runs afterwards.
  class Connection {
   public:
    virtual ~Connection() = default;
    virtual void Send(net::Request request, ResponseHandler handler) = 0;
  };
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Connection>>)>;
  void Connect(Process& process, const Host& from, const Host& to, Connected done);

  // --- Faults.
  // What `from` sends does not reach `to`. Counted: Block twice needs Unblock twice.
  void Block(const Host& from, const Host& to);
  void Unblock(const Host& from, const Host& to);
  bool Reaches(const Host& from, const Host& to) const;
  // Resets every connection between the two.
  void Reset(const Host& one, const Host& other);
  // Multiplies latencies.
  void SetSlowness(int factor);

  size_t most_in_flight_bytes() const;  // Of one connection, ever.
  size_t open_connections() const;      // Half-open ones too.

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace tepui::sim
