#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "net/http.h"
#include "sim/process.h"

namespace tepui::sim {

// The name of a simulated machine ("master-0", "agent-3", "framework-1", "coordination").
using Host = std::string;

// HTTP exchanges over simulated TCP connections. What an end sends on one connection arrives in
// order or not at all (what was sent last is lost first); different connections overtake each
// other. A packet meets the latency of its moment and the partitions of the moment it would arrive;
// a connection through which a packet could not pass for kRetransmission is broken, and each end
// learns of it when it would: at once from a reset, or never before it sends or times out, if the
// other way is dead too.
class Network {
 public:
  struct Options {
    Duration min_latency = std::chrono::microseconds(50);
    Duration max_latency = std::chrono::milliseconds(20);
    Duration connect_timeout = std::chrono::seconds(5);
    Duration retransmission = std::chrono::seconds(30);
    // Of both directions of one connection: what waits to arrive. Beyond it the sender's end is
    // broken, as a server cuts a reader that is too slow.
    size_t max_in_flight_bytes = 64 << 20;
  };

  Network(World& world, Options options);

  // --- The server's side.
  // One request on its way to be answered: by Respond, or by Start and any number of Write. Shared:
  // the core may answer late; answers to a connection that is gone are dropped.
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
  // Requests to `host` run in `process` until it ends; then connections are reset.
  void Serve(const Host& host, Process& process, Handler handler);
  void StopServing(const Host& host);

  // --- The client's side.
  struct ResponseHandler {
    std::function<void(const net::Response&)>
        on_response;  // Status and headers, and the body of a plain answer.
    std::function<void(std::string)> on_record;
    std::function<void(const std::string& reason)>
        on_end;  // Of a stream; or there will be no answer.
  };
  // A connection from `process` on `from` to `to`; requests on it are handled in order. Destroying
  // it closes it: no handler runs afterwards.
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
  void SetSlowness(int factor) { slowness_ = factor; }

  size_t most_in_flight_bytes() const;  // Of one connection, ever.

 private:
  class Impl;
  int slowness_ = 1;
  std::shared_ptr<Impl> impl_;
};

}  // namespace tepui::sim
