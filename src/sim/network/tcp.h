// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sim/world/paths.h"
#include "sim/world/process.h"

namespace tepui::sim {

// One simulated TCP connection between two processes: segments in order each way, or not at all.
//
// A segment arrives after its path's latency if the path is open then. If it is not, or the way
// back is blocked (nothing is acknowledged), the sender tries again after 200 ms, 400 ms and so on;
// after `retransmission` without success its end is broken, and only its own program learns of
// that. The other end stays half-open: it learns when it sends, from the reset that answers, or by
// its own retransmission limit. An end that is closed in any way while the path is open notifies
// the other.
//
// Segments reach a program on its process, so those for a paused one wait, and count as in flight
// until it has received them. Single-threaded; lives until both ends are done with it.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  enum class Side { kClient, kServer };

  struct Limits {
    Duration retransmission{};
    size_t max_in_flight_bytes = 0;
  };
  // State shared by the connections of one network.
  struct Shared {
    World& world;
    Paths& paths;
    Limits limits;
    // Runs when nothing more can come of that connection.
    std::function<void(uint64_t id)> on_over;
    size_t most_in_flight_bytes = 0;  // The maximum of any connection so far.
  };
  struct Address {
    Host host;
    Process* process;
  };

  TcpConnection(Shared& shared, uint64_t id, const Address& client, const Address& server);
  virtual ~TcpConnection();
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  // Begins to watch for the ends of both processes. Separate from the constructor because it needs
  // shared_from_this.
  void Open();

  // Drops all events of the connection, because its network is destroyed.
  void Abandon();

  const Host& host(Side side) const { return end(side).host; }

  // Cuts the connection as a middlebox would: a random part of what is in flight each way is lost,
  // the last sent first, and each end learns of the cut after the rest has arrived.
  void Cut();

 protected:
  // Runs `arrive` in the other end's process when the segment arrives. `what` is for the trace and
  // must be a literal. Dropped if this end is closed or broken; breaks this end if more than
  // max_in_flight_bytes are in flight.
  void Send(Side from, const char* what, size_t bytes, std::move_only_function<void()> arrive);
  // Closes this end after everything it sent. Its program receives nothing any more.
  void Close(Side side);
  // Closes this end at once, as close() with unread data does: a random part of what it sent and is
  // in flight is lost, the last sent first.
  void Abort(Side side);

  // Null if the process has ended.
  Process* process(Side side) { return end(side).process; }

  // The end can neither send nor receive any more; runs in its process after everything that
  // arrived. Does not run after Close, Abort or the end of the process.
  virtual void OnBroken(Side side, const std::string& reason) = 0;
  // The end's program is gone, and so is what is held for it.
  virtual void OnGone(Side side) = 0;

 private:
  struct Segment {
    MonotonicTime due;
    const char* what = nullptr;
    size_t bytes = 0;
    // Empty if the segment closes the connection; `what` names how.
    std::move_only_function<void()> arrive;
  };
  struct End {
    Host host;
    Process* process = nullptr;
    uint64_t at_end = 0;
    Path* way_out = nullptr;
    bool open = true;       // Can send and receive.
    bool listening = true;  // Its program wants to be called.
    // Segments that it sent.
    std::deque<Segment> in_flight;
    MonotonicTime last_due{};
    // Since when a segment has waited for an acknowledgement.
    std::optional<MonotonicTime> unacknowledged;
    Duration retry_delay{};
    MonotonicTime retry_at{};
    TimerId timer = 0;
    MonotonicTime timer_due{};
  };

  static Side Other(Side side) { return side == Side::kClient ? Side::kServer : Side::kClient; }
  End& end(Side side) { return side == Side::kClient ? client_ : server_; }
  const End& end(Side side) const { return side == Side::kClient ? client_ : server_; }

  void Enqueue(Side from, const char* what, size_t bytes, std::move_only_function<void()> arrive);
  void Schedule(Side from);
  void Transmit(Side from);
  void NoteLoss(Side from, bool was_retry);
  void TimeOut(Side from);
  // Returns false if the end is closed and answers with a reset; the segment is unchanged then.
  bool Arrive(Side to, Segment& segment);
  void SendReset(Side to);
  void Break(Side side, const std::string& reason);
  void NotifyOfBreak(Side side, const std::string& reason);
  void LoseSome(Side from);
  void DropInFlight(End& sender);
  void OnProcessEnd(Side side);
  void CheckOver();

  Shared& shared_;
  const uint64_t id_;
  End client_;
  End server_;
  bool cut_ = false;
  size_t in_flight_bytes_ = 0;  // Both directions.
};

}  // namespace tepui::sim
