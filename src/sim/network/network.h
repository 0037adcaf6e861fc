// SPDX-License-Identifier: Apache-2.0
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
// each other. The latency of a packet is chosen when it is sent; partitions count at the moment
// when it would arrive. A connection through which no packet can pass for `retransmission` is
// broken. Each end learns of that when a real one would: at once from a reset, or, if the way back
// is blocked too, not before it sends or times out. No callback runs from inside a call.
class Network {
 public:
  struct Options {
    // Latency of one packet; within a machine it stays near the minimum.
    Duration min_latency = std::chrono::microseconds(50);
    Duration max_latency = std::chrono::milliseconds(20);
    Duration connect_timeout = std::chrono::seconds(5);
    Duration retransmission = std::chrono::seconds(30);
    // Limit for the beginning of an answer, as in net::Client; then the client drops the
    // connection.
    Duration request_timeout = std::chrono::seconds(60);
    // Limit for what is in flight on one connection, both directions together. Beyond it the
    // sender's end is broken, as a server cuts a reader that is too slow.
    size_t max_in_flight_bytes = 64 << 20;
  };

  Network(World& world, Options options);
  ~Network();  // Drops what is in flight and notifies no one.

  // --- The server's side.
  // One request on its way to be answered: by Respond, or by Start, any number of Write, and End,
  // which closes the connection. Shared: the core may answer late; answers to a connection that is
  // gone are dropped. Answers leave in the order of the requests. If it is dropped without an
  // answer, the answer is 500; if it is dropped without End, the stream ends.
  class Exchange {
   public:
    virtual ~Exchange() = default;
    virtual void Respond(net::Response response) = 0;
    // Answers 200 with these headers; records follow.
    virtual void Start(net::Headers headers) = 0;
    virtual void Write(std::string record) = 0;
    virtual void End() = 0;
    // Runs once if the client or the connection has gone before End.
    virtual void OnClosed(std::move_only_function<void()> callback) = 0;
  };
  using Handler = std::function<void(net::Request, std::shared_ptr<Exchange>)>;
  // Requests to `host` run in `process` until the process ends or another one serves that host;
  // connections that the process has stay with it until it ends.
  void Serve(const Host& host, Process& process, Handler handler);

  // --- The client's side.
  struct ResponseHandler {
    // Status and headers. A plain answer has its body here too, and nothing follows it.
    std::function<void(const net::Response&)> on_response;
    std::function<void(std::string)> on_record;
    // The stream ended, or there will be no answer.
    std::function<void(const std::string& reason)> on_end;
  };
  // A connection from `process` on `from` to `to`; requests on it are handled in order. Once broken
  // it stays broken and ends each request. Destroying it closes it: no handler runs afterwards.
  class Connection {
   public:
    virtual ~Connection() = default;
    virtual void Send(net::Request request, ResponseHandler handler) = 0;
  };
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Connection>>)>;
  void Connect(Process& process, const Host& from, const Host& to, Connected done);

  // --- Faults.
  // Block drops what `from` sends to `to`. Calls are counted: two Blocks need two Unblocks.
  void Block(const Host& from, const Host& to);
  void Unblock(const Host& from, const Host& to);
  bool Reaches(const Host& from, const Host& to) const;
  // Resets every connection between the two.
  void Reset(const Host& one, const Host& other);
  // Multiplies latencies.
  void SetSlowness(int factor);

  size_t most_in_flight_bytes() const;  // The maximum of any connection so far.
  size_t open_connections() const;      // Includes half-open connections.

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace tepui::sim
