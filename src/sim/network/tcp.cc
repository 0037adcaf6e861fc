// SPDX-License-Identifier: Apache-2.0
#include "sim/network/tcp.h"

#include <algorithm>
#include <utility>

namespace tepui::sim {

namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr char kClosed[] = "closed by the peer";
constexpr char kReset[] = "reset on the way";

}  // namespace

TcpConnection::TcpConnection(Shared& shared, uint64_t id, const Address& client,
                             const Address& server)
    : shared_(shared), id_(id) {
  client_.host = client.host;
  client_.process = client.process;
  client_.way_out = &shared.paths.Between(client.host, server.host);
  server_.host = server.host;
  server_.process = server.process;
  server_.way_out = &shared.paths.Between(server.host, client.host);
}

TcpConnection::~TcpConnection() {
  for (End* end : {&client_, &server_}) {
    if (end->process != nullptr) end->process->ForgetAtEnd(end->at_end);
  }
}

void TcpConnection::Open() {
  for (const Side side : {Side::kClient, Side::kServer}) {
    end(side).at_end = end(side).process->AtEnd([weak = weak_from_this(), side] {
      if (const auto self = weak.lock()) self->OnProcessEnd(side);
    });
  }
}

void TcpConnection::Abandon() {
  for (const Side side : {Side::kClient, Side::kServer}) {
    End& gone = end(side);
    if (gone.process != nullptr) std::exchange(gone.process, nullptr)->ForgetAtEnd(gone.at_end);
    gone.open = false;
    gone.listening = false;
    DropInFlight(gone);
    OnGone(side);
  }
}

void TcpConnection::OnProcessEnd(Side side) {
  end(side).process = nullptr;
  Abort(side);
  OnGone(side);
}

void TcpConnection::Send(Side from, const char* what, size_t bytes,
                         std::move_only_function<void()> arrive) {
  End& sender = end(from);
  if (!sender.open || cut_) return;
  if (in_flight_bytes_ + bytes > shared_.limits.max_in_flight_bytes) {
    NotifyOfBreak(from, fmt::format("{} bytes wait to arrive", in_flight_bytes_));
    sender.open = false;
    LoseSome(from);
    Enqueue(from, kClosed, 0, nullptr);
    return;
  }
  Enqueue(from, what, bytes, std::move(arrive));
}

void TcpConnection::Close(Side side) {
  End& closing = end(side);
  closing.listening = false;
  if (!closing.open) return;
  closing.open = false;
  Enqueue(side, kClosed, 0, nullptr);
}

void TcpConnection::Abort(Side side) {
  End& closing = end(side);
  closing.listening = false;
  if (!closing.open) return;
  closing.open = false;
  LoseSome(side);
  Enqueue(side, kClosed, 0, nullptr);
}

void TcpConnection::Cut() {
  if (cut_) return;
  cut_ = true;
  for (const Side side : {Side::kClient, Side::kServer}) {
    if (!end(side).open) continue;
    LoseSome(side);
    Enqueue(side, kReset, 0, nullptr);
  }
}

void TcpConnection::Enqueue(Side from, const char* what, size_t bytes,
                            std::move_only_function<void()> arrive) {
  End& sender = end(from);
  const MonotonicTime now = shared_.world.clock().Now();
  sender.last_due = std::max(sender.last_due, now + shared_.paths.NextLatency(*sender.way_out));
  sender.in_flight.push_back({sender.last_due, what, bytes, std::move(arrive)});
  in_flight_bytes_ += bytes;
  shared_.most_in_flight_bytes = std::max(shared_.most_in_flight_bytes, in_flight_bytes_);
  Schedule(from);
}

// Sets the timer for the segment that arrives next, or for the next retransmission.
void TcpConnection::Schedule(Side from) {
  End& sender = end(from);
  const MonotonicTime now = shared_.world.clock().Now();
  MonotonicTime next = MonotonicTime::max();
  if (sender.unacknowledged) next = sender.retry_at;
  if (!sender.in_flight.empty()) {
    const MonotonicTime due = sender.in_flight.front().due;
    // An overdue segment waits for its retransmission.
    if (!sender.unacknowledged || due > now) next = std::min(next, due);
  }
  if (next == MonotonicTime::max()) return;
  if (sender.timer != 0) {
    if (sender.timer_due <= next) return;
    shared_.world.clock().Cancel(sender.timer);
  }
  sender.timer_due = next;
  sender.timer =
      shared_.world.clock().After(std::max(next - now, Duration::zero()),
                                  [self = shared_from_this(), from] { self->Transmit(from); });
}

void TcpConnection::Transmit(Side from) {
  End& sender = end(from);
  sender.timer = 0;
  const MonotonicTime now = shared_.world.clock().Now();
  const bool is_retry = sender.unacknowledged && now >= sender.retry_at;
  const bool passes = sender.way_out->open();
  bool tried = is_retry;
  bool acknowledged = passes && end(Other(from)).way_out->open();
  while (!sender.in_flight.empty() && sender.in_flight.front().due <= now) {
    tried = true;
    if (!passes) break;
    if (!Arrive(Other(from), sender.in_flight.front())) {
      acknowledged = false;
      break;
    }
    sender.in_flight.pop_front();
  }
  if (tried) {
    // An end that has closed and sent everything does not need an acknowledgement.
    if (acknowledged || (!sender.open && sender.in_flight.empty())) {
      sender.unacknowledged.reset();
    } else {
      NoteLoss(from, is_retry);
    }
  }
  Schedule(from);
  CheckOver();
}

void TcpConnection::NoteLoss(Side from, bool was_retry) {
  End& sender = end(from);
  const MonotonicTime now = shared_.world.clock().Now();
  if (!sender.unacknowledged) {
    sender.unacknowledged = now;
    sender.retry_delay = kFirstRetry;
  } else if (!was_retry) {
    return;
  } else if (now - *sender.unacknowledged >= shared_.limits.retransmission) {
    TimeOut(from);
    return;
  } else {
    sender.retry_delay *= 2;
  }
  sender.retry_at =
      std::min(now + sender.retry_delay, *sender.unacknowledged + shared_.limits.retransmission);
}

void TcpConnection::TimeOut(Side from) {
  DropInFlight(end(from));
  Break(from, "nothing is acknowledged");
  // On a connection that was cut, each end learns of the cut from what the other end sends.
  if (cut_) Break(Other(from), kReset);
}

bool TcpConnection::Arrive(Side to, Segment& segment) {
  End& receiver = end(to);
  const bool closing = !segment.arrive;
  if (!receiver.open) {
    if (!closing) SendReset(Other(to));
    return closing;
  }
  if (closing) {
    Break(to, segment.what);
    return true;
  }
  shared_.world.Write("{} > {} #{} {} {}", end(Other(to)).host, receiver.host, id_, segment.what,
                      segment.bytes);
  receiver.process->Post([self = shared_from_this(), to, bytes = segment.bytes,
                          arrive = std::move(segment.arrive)]() mutable {
    self->in_flight_bytes_ -= bytes;
    if (self->end(to).listening) arrive();
  });
  return true;
}

void TcpConnection::SendReset(Side to) {
  Path& path = *end(Other(to)).way_out;
  shared_.world.clock().After(shared_.paths.NextLatency(path),
                              [self = shared_from_this(), to, &path] {
                                // An open end implies that the network exists, and the network owns
                                // the path.
                                if (self->end(to).open && path.open())
                                  self->Break(to, "reset by the peer");
                              });
}

void TcpConnection::Break(Side side, const std::string& reason) {
  End& broken = end(side);
  if (!broken.open) return;
  broken.open = false;
  // Segments in flight when the connection was cut have passed the place of the cut.
  if (!cut_) DropInFlight(broken);
  NotifyOfBreak(side, reason);
  CheckOver();
}

void TcpConnection::NotifyOfBreak(Side side, const std::string& reason) {
  const Host& peer = end(Other(side)).host;
  shared_.world.Write("{} > {} #{} breaks: {}", end(side).host, peer, id_, reason);
  end(side).process->Post([self = shared_from_this(), side,
                           sentence = fmt::format("connection with {}: {}", peer, reason)] {
    if (std::exchange(self->end(side).listening, false)) self->OnBroken(side, sentence);
  });
}

void TcpConnection::LoseSome(Side from) {
  End& sender = end(from);
  if (sender.in_flight.empty()) return;
  const uint64_t kept = shared_.paths.Draw(*sender.way_out, sender.in_flight.size() + 1);
  while (sender.in_flight.size() > kept) {
    in_flight_bytes_ -= sender.in_flight.back().bytes;
    sender.in_flight.pop_back();
  }
}

void TcpConnection::DropInFlight(End& sender) {
  for (const Segment& segment : sender.in_flight) in_flight_bytes_ -= segment.bytes;
  sender.in_flight.clear();
  sender.unacknowledged.reset();
  if (sender.timer != 0) shared_.world.clock().Cancel(std::exchange(sender.timer, 0));
}

void TcpConnection::CheckOver() {
  if (client_.open || server_.open) return;
  if (client_.in_flight.empty() && server_.in_flight.empty()) shared_.on_over(id_);
}

}  // namespace tepui::sim
