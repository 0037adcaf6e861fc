// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker_pool.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/memory_budget.h"
#include "net/message_format.h"
#include "net/parser.h"
#include "net/send_queue.h"
#include "net/server_stream.h"
#include "net/transport.h"

namespace tepui::net {

// What the connections of one server share.
struct ServerShared {
  ServerShared(ServerOptions the_options, Server::Handler the_handler);

  ServerOptions options;
  Server::Handler handler;
  std::atomic<int> connections = 0;
  // What is too large for an I/O thread. Each connection has at most one request there, so the
  // queue gives every connection its turn.
  WorkerPool workers;
  WorkerPool lane_workers;
};

// The properties of a request that its answer depends on.
struct RequestTraits {
  bool head = false;
  bool http11 = true;
  bool keep_alive = true;
  bool accepts_gzip = false;
};

// One accepted connection: reads up to max_pipelined requests ahead of their answers, and sends the
// answers in the order of the requests. Used on its loop's thread only, except where stated.
//
// First it serves requests. If one of them is answered by a stream, it then streams and reads only
// to notice the peer's end. When nothing more is to be sent, it ends its side and lingers until the
// peer has ended too, because closing at once could destroy the last answer on its way (RFC 9112
// 9.6).
class ServerConnection final : public LoopMember, public IoEvents {
 public:
  ServerConnection(std::shared_ptr<Loop> loop, std::shared_ptr<ServerShared> shared,
                   std::unique_ptr<Transport> transport, std::string peer);
  ~ServerConnection() override;

  // Joins the loop and begins to read.
  void Start();
  void Close() override;
  const void* owner() const override { return shared_.get(); }

  // The functions for answers; may be called on any thread. `number` counts the connection's
  // requests from 0.
  // `memory` counts the answer.
  void Answer(uint64_t number, const RequestTraits& traits, Response response, MemoryLease memory);
  std::shared_ptr<Stream> AnswerByStream(uint64_t number, const RequestTraits& traits,
                                         unsigned status, Headers headers, MemoryLease memory);

 private:
  enum class Phase { kServing, kStreaming, kLingering, kClosed };

  // A rendered answer.
  struct Rendered {
    std::string head;
    std::string body;
    bool close = false;
    std::shared_ptr<ServerStream> stream;  // Sent after the head.
    MemoryLease memory;
  };
  struct Slot {
    bool answered = false;
    Rendered answer;
  };

  void OnRead(std::string_view bytes) override;
  void OnReadFailed() override;
  void OnWritable() override;
  void OnDeadline() override;

  // Reading.
  bool MayTakeRequest() const;
  size_t TakeRequests(std::string_view bytes);  // Returns the number of bytes consumed.
  void Dispatch();
  void HandleOnWorker(Request request, std::shared_ptr<Responder::Impl> answer, bool packed,
                      bool in_lane);
  void RunHandler(Request request, Responder responder, bool packed) const;
  Status Unpack(Request& request) const;
  void Refuse(const ParseFailure& failure);
  void OfferContinue();

  // Memory.
  std::shared_ptr<MemoryHolder> HolderIn(const std::shared_ptr<MemoryBudget>& budget);
  void DropInput();
  bool CountInput();  // Returns false if what has arrived may not be held.

  // Answering.
  static Rendered Render(const RequestTraits& traits, Response response);
  bool InHandler() const;
  void Settle(uint64_t number, Rendered answer);
  void QueueAnswers();
  void DropSlots();

  // Writing.
  enum class Sent { kAll, kBlocked, kBroken, kLater };
  Sent SendQueued(size_t& budget);
  Sent SendAll();
  void Linger();

  // Called after any event: moves answers out, takes buffered input, and arms what to wait for.
  void Advance();
  void AdvanceLater();
  void ArmRead();
  void ArmDeadline();
  MonotonicTime Due() const;
  bool MidRequest() const;
  bool NoteStreamEnding();  // Returns false if the stream was cut.
  std::shared_ptr<ServerConnection> Self();

  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<ServerShared> shared_;
  const std::unique_ptr<Transport> transport_;
  const std::string peer_;
  RequestParser parser_;
  LazyDeadline deadline_;
  Phase phase_ = Phase::kServing;
  std::atomic<bool> closed_ = false;  // phase_ is kClosed; for other threads.

  std::string input_;        // Bytes read but not parsed yet: less than a header, a chunk head, or
                             // requests that must wait.
  std::vector<Slot> slots_;  // One for each request in progress, in their order.
  uint64_t first_number_ = 0;  // The number of slots_.front().
  SendQueue out_;
  std::vector<MemoryLease> out_memory_;  // Counts what is in out_.
  // What this connection holds in each of the budgets that it has used.
  std::map<const MemoryBudget*, std::shared_ptr<MemoryHolder>> holders_;
  MemoryLease input_memory_;  // Counts input_ and the body of the present request.
  const MemoryBudget* input_budget_ = nullptr;  // Where input_memory_ counts.
  std::shared_ptr<ServerStream> stream_;

  bool in_handler_ = false;
  bool on_worker_ = false;   // The last request is being handled by a worker.
  bool reading_ = false;     // A read is armed.
  bool waiting_ = false;     // A wait for the socket to take more is armed.
  bool last_taken_ = false;  // No request is read after those in progress.
  bool ended_ = false;       // The peer has ended its side.
  bool close_when_sent_ = false;
  bool starved_ = false;        // input_ holds no whole request.
  bool continue_owed_ = false;  // The present request waits for 100 Continue.
  bool continue_sent_ = false;
  bool advance_posted_ = false;

  MonotonicTime request_begun_;  // When the present partial request began.
  MonotonicTime idle_since_;
  MonotonicTime
      progress_;  // The last time that the peer took something, or that there was nothing to take.
  MonotonicTime stream_closed_at_;  // When the stream's end was requested; not set before.
  MonotonicTime linger_until_;
};

// An unanswered request.
class Responder::Impl {
 public:
  Impl(std::shared_ptr<ServerConnection> connection, uint64_t number, RequestTraits traits,
       MemoryLease memory)
      : memory(std::move(memory)),
        connection_(std::move(connection)),
        number_(number),
        traits_(traits) {}

  void Send(Response response) {
    connection_->Answer(number_, traits_, std::move(response), std::move(memory));
  }
  std::shared_ptr<Stream> StartStream(unsigned status, Headers headers) {
    return connection_->AnswerByStream(number_, traits_, status, std::move(headers),
                                       std::move(memory));
  }

  MemoryLease memory;  // Counts the request.

 private:
  const std::shared_ptr<ServerConnection> connection_;
  const uint64_t number_;
  const RequestTraits traits_;
};

}  // namespace tepui::net
