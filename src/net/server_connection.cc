// SPDX-License-Identifier: Apache-2.0
#include "net/server_connection.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>
#include <utility>

#include "net/gzip.h"
#include "net/text.h"

namespace tepui::net {
namespace {

constexpr size_t kMaxUnsentBytes = 1 << 20;  // Above this no further request is taken.
constexpr size_t kTurnBytes =
    4 << 20;                     // The most that is sent before other connections have their turn.
constexpr size_t kVectors = 64;  // The most segments for one writev.
constexpr size_t kMinBodyBytesPerSecond = 16 << 10;
constexpr size_t kKeptInputBytes = 1 << 10;  // The input buffer that an idle connection may keep.
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr size_t kMostWaiting = 1'000;  // Requests that wait for a worker.
// Calls shrink about tenfold. A body that grows more than this is refused, unless it stays small.
constexpr size_t kMostGrowth = 100;
constexpr size_t kAnyGrowthBytes = 1 << 20;
constexpr const char* kNoMemory =
    "The memory for requests is in use; try again later, or send less at once";

int WorkerCount() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency() / 2));
}

// The answer after which the connection is closed.
Response LastResponse(unsigned status, std::string message) {
  Response response{.status = status, .headers = {}, .body = std::move(message)};
  response.headers.Add("Connection", "close");
  return response;
}

}  // namespace

ServerShared::ServerShared(ServerOptions the_options, Server::Handler the_handler)
    : options(std::move(the_options)),
      handler(std::move(the_handler)),
      workers("requests", WorkerCount()),
      lane_workers("lane-requests", options.lanes.empty() ? 0 : WorkerCount()) {}

ServerConnection::ServerConnection(std::shared_ptr<Loop> loop, std::shared_ptr<ServerShared> shared,
                                   std::unique_ptr<Transport> transport, std::string peer)
    : loop_(std::move(loop)),
      shared_(std::move(shared)),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      parser_({.max_header_bytes = shared_->options.max_header_bytes,
               .max_body_bytes = shared_->options.max_body_bytes,
               .lanes = &shared_->options.lanes}),
      deadline_(*loop_),
      idle_since_(loop_->Now()),
      progress_(idle_since_) {}

ServerConnection::~ServerConnection() = default;

std::shared_ptr<ServerConnection> ServerConnection::Self() {
  return std::static_pointer_cast<ServerConnection>(shared_from_this());
}

void ServerConnection::Start() {
  loop_->Join(shared_from_this());
  Advance();
}

void ServerConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  const auto self = Self();
  phase_ = Phase::kClosed;
  closed_ = true;
  transport_->Close();
  deadline_.Clear();
  DropSlots();
  out_.Clear();
  out_memory_.clear();
  std::string().swap(input_);
  input_memory_.Shrink(0);
  shared_->connections.fetch_sub(1, std::memory_order_relaxed);
  loop_->Leave(*this);
  if (const auto stream = std::exchange(stream_, nullptr)) stream->End();
}

// --- Reading ---

void ServerConnection::OnRead(std::string_view bytes) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (bytes.empty()) {
    ended_ = true;
    if (phase_ != Phase::kServing) return Close();
  } else if (phase_ == Phase::kServing && !last_taken_) {
    starved_ = false;
    if (input_.empty()) {
      input_.assign(bytes.substr(TakeRequests(bytes)));
    } else {
      input_.append(bytes);
      input_.erase(0, TakeRequests(input_));
    }
    if (!last_taken_ && !CountInput()) DropInput();
  }
  // Otherwise these bytes are ignored: after a last request, during a stream, or while lingering.
  Advance();
}

void ServerConnection::OnReadFailed() {
  reading_ = false;
  Close();
}

bool ServerConnection::MayTakeRequest() const {
  return phase_ == Phase::kServing && !last_taken_ && !on_worker_ &&
         out_.size() <= kMaxUnsentBytes &&
         slots_.size() < static_cast<size_t>(std::max(1, shared_->options.max_pipelined));
}

size_t ServerConnection::TakeRequests(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && MayTakeRequest()) {
    const bool begun = parser_.begun();
    size_t count = 0;
    const Progress progress = parser_.Put(bytes.substr(used), count);
    used += count;
    if (progress == Progress::kNeedMore) {
      starved_ = true;
      if (!begun) request_begun_ = loop_->Now();
      break;
    }
    if (progress == Progress::kDone) {
      Dispatch();
    } else {
      Refuse(parser_.failure());
    }
    QueueAnswers();
  }
  continue_owed_ = !last_taken_ && parser_.begun() && parser_.header_done() &&
                   parser_.expects_continue() && parser_.body_bytes() == 0 && !continue_sent_;
  return last_taken_ ? bytes.size() : used;
}

void ServerConnection::Dispatch() {
  RequestTraits traits{
      .head = false, .http11 = parser_.http11(), .keep_alive = parser_.keep_alive()};
  const ServerOptions::Lane* lane = parser_.lane();
  Request request = parser_.Take();
  input_memory_.Shrink(0);
  continue_sent_ = false;
  traits.head = request.method == "HEAD";
  last_taken_ = !traits.keep_alive;
  const std::string* accept = request.headers.Find("Accept-Encoding");
  traits.accepts_gzip = accept != nullptr && AcceptsGzip(*accept);

  bool packed = false;
  if (const std::string* encoding = request.headers.Find("Content-Encoding"); encoding != nullptr) {
    packed = EqualsIgnoreCase(*encoding, "gzip") || EqualsIgnoreCase(*encoding, "x-gzip");
    if (!packed && !EqualsIgnoreCase(*encoding, "identity")) {
      return Refuse({415, "The only Content-Encoding understood here is 'gzip'"});
    }
  }
  MemoryLease memory(HolderIn(lane != nullptr ? lane->memory : shared_->options.memory));
  if (!memory.Set(Counted(request.body.size()))) return Refuse({503, kNoMemory});
  request.peer = peer_;
  slots_.emplace_back();
  const uint64_t number = first_number_ + slots_.size() - 1;
  auto answer = std::make_shared<Responder::Impl>(Self(), number, traits, std::move(memory));
  request.memory = std::shared_ptr<MemoryLease>(answer, &answer->memory);
  if (packed || request.body.size() > shared_->options.max_inline_bytes) {
    return HandleOnWorker(std::move(request), std::move(answer), packed, lane != nullptr);
  }
  in_handler_ = true;
  shared_->handler(std::move(request), Responder(std::move(answer)));
  in_handler_ = false;
}

// No other request of this connection is taken before the handler has returned: requests reach it
// in their order.
void ServerConnection::HandleOnWorker(Request request, std::shared_ptr<Responder::Impl> answer,
                                      bool packed, bool in_lane) {
  WorkerPool& workers = in_lane ? shared_->lane_workers : shared_->workers;
  if (workers.Waiting() >= kMostWaiting) {
    return answer->Send(LastResponse(503, "Too many large requests wait; try again later"));
  }
  on_worker_ = true;
  workers.Submit([self = Self(), request = std::move(request),
                  responder = Responder(std::move(answer)), packed]() mutable {
    if (!self->closed_) self->RunHandler(std::move(request), std::move(responder), packed);
    self->loop_->Post([self] {
      self->on_worker_ = false;
      self->Advance();
    });
  });
}

void ServerConnection::RunHandler(Request request, Responder responder, bool packed) const {
  if (packed) {
    if (Status unpacked = Unpack(request); !unpacked) {
      const Code code = unpacked.error().code;
      const unsigned status = code == Code::kTooLarge      ? 413
                              : code == Code::kUnavailable ? 503
                                                           : 400;
      std::move(responder).Send(LastResponse(status, std::move(unpacked.error().message)));
      return;
    }
  }
  shared_->handler(std::move(request), std::move(responder));
}

Status ServerConnection::Unpack(Request& request) const {
  const size_t most = std::min(shared_->options.max_body_bytes,
                               std::max(kAnyGrowthBytes, request.body.size() * kMostGrowth));
  auto body = Gunzip(request.body, most, *request.memory);
  if (!body) return Fail(body.error());
  request.body = std::move(*body);
  request.memory->Shrink(Counted(request.body.size()));
  return {};
}

std::shared_ptr<MemoryHolder> ServerConnection::HolderIn(
    const std::shared_ptr<MemoryBudget>& budget) {
  if (budget == nullptr) return nullptr;
  std::shared_ptr<MemoryHolder>& holder = holders_[budget.get()];
  if (holder == nullptr) {
    const std::string_view peer = peer_;
    auto cut = [connection = std::weak_ptr(Self())] {
      const auto self = connection.lock();
      if (self != nullptr) self->loop_->Post([self] { self->Close(); });
    };
    holder = budget->Open(std::string(peer.substr(0, peer.rfind(':'))), std::move(cut));
  }
  return holder;
}

// Refuses the request that is on its way, and forgets what has arrived of it.
void ServerConnection::DropInput() {
  Refuse({503, kNoMemory});
  std::string().swap(input_);
  parser_.Take();
  input_memory_.Shrink(0);
}

bool ServerConnection::CountInput() {
  const bool body = parser_.begun() && parser_.header_done();
  const size_t held = Counted(input_.size() + (body ? parser_.body_bytes() : 0));
  if (held == 0) {
    input_memory_.Shrink(0);
    return true;
  }
  const ServerOptions::Lane* lane = body ? parser_.lane() : nullptr;
  const auto& budget = lane != nullptr ? lane->memory : shared_->options.memory;
  if (input_budget_ != budget.get()) {
    input_memory_ = MemoryLease(HolderIn(budget));
    input_budget_ = budget.get();
  }
  return input_memory_.Set(held);
}

// Bytes that cannot be parsed hide where the next request begins, so this request is the last.
void ServerConnection::Refuse(const ParseFailure& failure) {
  last_taken_ = true;
  Slot& slot = slots_.emplace_back();
  slot.answered = true;
  slot.answer = Render({.keep_alive = false},
                       {.status = failure.status, .headers = {}, .body = failure.message});
}

void ServerConnection::OfferContinue() {
  // Sent only after the answers before it, and only if the request is still accepted.
  if (!continue_owed_ || !slots_.empty() || phase_ != Phase::kServing) return;
  continue_owed_ = false;
  continue_sent_ = true;
  if (out_.empty()) progress_ = loop_->Now();
  out_.Append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
}

// --- Answering ---

ServerConnection::Rendered ServerConnection::Render(const RequestTraits& traits,
                                                    Response response) {
  if (traits.accepts_gzip && response.body.size() >= kGzipMinimumBytes &&
      AllowsBody(response.status) && response.headers.Find("Content-Encoding") == nullptr) {
    if (response.headers.Find("Content-Type") == nullptr) {
      response.headers.Add("Content-Type", "text/plain; charset=utf-8");
    }
    response.body = Gzip(response.body);
    response.headers.Add("Content-Encoding", "gzip");
    response.headers.Add("Vary", "Accept-Encoding");
  }
  const std::string* connection = response.headers.Find("Connection");
  Rendered rendered;
  rendered.close =
      !traits.keep_alive || (connection != nullptr && EqualsIgnoreCase(*connection, "close"));
  rendered.head.reserve(256);
  AppendResponseHead(response, {.close = rendered.close, .keep_alive_1_0 = !traits.http11},
                     rendered.head);
  if (!traits.head && AllowsBody(response.status)) rendered.body = std::move(response.body);
  return rendered;
}

bool ServerConnection::InHandler() const { return loop_->OnThread() && in_handler_; }

void ServerConnection::Answer(uint64_t number, const RequestTraits& traits, Response response,
                              MemoryLease memory) {
  if (closed_) return;
  Rendered answer = Render(traits, std::move(response));
  if (!memory.Set(Counted(answer.body.size()))) {
    answer = Render(traits, LastResponse(503, "The memory for answers is in use; try again later"));
    memory.Shrink(0);
  }
  answer.memory = std::move(memory);
  if (InHandler()) return Settle(number, std::move(answer));
  loop_->Post([self = Self(), number, answer = std::move(answer)]() mutable {
    self->Settle(number, std::move(answer));
    self->Advance();
  });
}

std::shared_ptr<Stream> ServerConnection::AnswerByStream(uint64_t number,
                                                         const RequestTraits& traits,
                                                         unsigned status, Headers headers,
                                                         MemoryLease memory) {
  auto wake = [connection = std::weak_ptr(Self())] {
    const auto self = connection.lock();
    if (self == nullptr) return;
    self->loop_->Post([self] { self->Advance(); });
  };
  const bool chunked = traits.http11 && !traits.head;
  auto stream = std::make_shared<ServerStream>(shared_->options.max_stream_backlog_bytes, chunked,
                                               memory.Another(), std::move(wake));
  Rendered answer;
  answer.close = true;
  AppendResponseHead({.status = status, .headers = std::move(headers), .body = {}},
                     {.chunked = traits.http11,
                      .streaming = true,
                      .close = !traits.keep_alive || !traits.http11 || traits.head},
                     answer.head);
  // A HEAD has no body, so its stream has ended before it began.
  if (traits.head) {
    stream->End();
  } else {
    answer.stream = stream;
  }
  if (InHandler()) {
    Settle(number, std::move(answer));
    return stream;
  }
  const bool posted = loop_->Post([self = Self(), number, answer = std::move(answer)]() mutable {
    self->Settle(number, std::move(answer));
    self->Advance();
  });
  if (!posted) stream->End();
  return stream;
}

void ServerConnection::Settle(uint64_t number, Rendered answer) {
  if (number < first_number_ || number - first_number_ >= slots_.size()) {
    if (answer.stream != nullptr) answer.stream->End();  // The connection is closed or closing.
    return;
  }
  Slot& slot = slots_[number - first_number_];
  slot.answered = true;
  slot.answer = std::move(answer);
}

void ServerConnection::QueueAnswers() {
  size_t count = 0;
  while (count < slots_.size() && slots_[count].answered && !close_when_sent_ &&
         stream_ == nullptr) {
    Rendered& answer = slots_[count].answer;
    ++count;
    if (out_.empty()) progress_ = loop_->Now();
    out_.Append(std::string_view(answer.head));
    out_.Append(std::move(answer.body));
    if (answer.memory.bytes() > 0) out_memory_.push_back(std::move(answer.memory));
    if (answer.stream != nullptr) {
      phase_ = Phase::kStreaming;
      stream_ = std::move(answer.stream);
    } else if (answer.close) {
      close_when_sent_ = true;
    }
  }
  if (count == 0) return;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(count));
  first_number_ += count;
  if (close_when_sent_ || stream_ != nullptr) {
    last_taken_ = true;
    DropSlots();
  }
  if (slots_.empty()) idle_since_ = progress_;
}

// The answers to the requests in progress can no longer be sent.
void ServerConnection::DropSlots() {
  first_number_ += slots_.size();
  for (const Slot& slot : std::exchange(slots_, {})) {
    if (slot.answer.stream != nullptr) slot.answer.stream->End();
  }
}

// --- Writing ---

ServerConnection::Sent ServerConnection::SendQueued(size_t& budget) {
  std::array<iovec, kVectors> vectors;
  while (!out_.empty()) {
    if (budget == 0) return Sent::kLater;
    const ssize_t count = transport_->Write(std::span(vectors.data(), out_.Peek(vectors)));
    if (count < 0) return Sent::kBroken;
    if (count == 0) return Sent::kBlocked;
    out_.Consume(static_cast<size_t>(count));
    budget -= std::min(budget, static_cast<size_t>(count));
    progress_ = loop_->Now();
  }
  out_memory_.clear();
  return Sent::kAll;
}

ServerConnection::Sent ServerConnection::SendAll() {
  size_t budget = kTurnBytes;
  for (;;) {
    const Sent sent = SendQueued(budget);
    if (stream_ == nullptr) return sent;
    stream_->SetUnsent(out_.size());
    if (sent != Sent::kAll || close_when_sent_) return sent;
    switch (stream_->Take(out_)) {
      case ServerStream::Next::kIdle:
        return Sent::kAll;
      case ServerStream::Next::kBytes:
        break;
      case ServerStream::Next::kEnd:
        close_when_sent_ = true;
        break;
      case ServerStream::Next::kCut:
        return Sent::kBroken;
    }
  }
}

void ServerConnection::OnWritable() {
  waiting_ = false;
  Advance();
}

// Ends this side. The connection ends when the peer ends its side, or after kLingerTime.
void ServerConnection::Linger() {
  phase_ = Phase::kLingering;
  linger_until_ = loop_->Now() + kLingerTime;
  transport_->ShutdownWrite();
  const auto self = Self();
  if (const auto stream = std::exchange(stream_, nullptr)) stream->End();
  if (ended_) Close();
}

// --- The turn ---

void ServerConnection::Advance() {
  if (phase_ == Phase::kClosed) return;
  if (stream_ != nullptr && !NoteStreamEnding()) return Close();
  for (;;) {
    QueueAnswers();
    OfferContinue();
    if (phase_ == Phase::kStreaming && ended_) return Close();
    if (!waiting_) {
      const Sent sent = SendAll();
      if (sent == Sent::kBroken) return Close();
      if (sent == Sent::kLater) AdvanceLater();
      if (sent == Sent::kBlocked) {
        waiting_ = true;
        transport_->StartWait(Self());
      }
    }
    if (input_.empty() || starved_ || !MayTakeRequest()) break;
    input_.erase(0, TakeRequests(input_));
  }
  if (input_.empty() && input_.capacity() > kKeptInputBytes) std::string().swap(input_);
  if (ended_ && (input_.empty() || starved_)) last_taken_ = true;
  const bool said_all =
      close_when_sent_ || (phase_ == Phase::kServing && last_taken_ && slots_.empty());
  if (phase_ != Phase::kLingering && said_all && out_.empty()) Linger();
  if (phase_ == Phase::kClosed) return;
  ArmRead();
  ArmDeadline();
}

bool ServerConnection::NoteStreamEnding() {
  const ServerStream::Ending ending = stream_->ending();
  if (ending == ServerStream::Ending::kClosed && stream_closed_at_ == MonotonicTime()) {
    stream_closed_at_ = loop_->Now();
  }
  return ending != ServerStream::Ending::kCut;
}

void ServerConnection::AdvanceLater() {
  if (std::exchange(advance_posted_, true)) return;
  loop_->Post([self = Self()] {
    self->advance_posted_ = false;
    self->Advance();
  });
}

void ServerConnection::ArmRead() {
  // While streaming and lingering it reads only to notice the peer's end.
  if (reading_ || ended_ || (phase_ == Phase::kServing && !MayTakeRequest())) return;
  reading_ = true;
  transport_->StartRead(Self());
}

MonotonicTime ServerConnection::Due() const {
  const ServerOptions& options = shared_->options;
  if (phase_ == Phase::kLingering) return linger_until_;
  if (stream_closed_at_ != MonotonicTime()) return stream_closed_at_ + options.write_timeout;
  if (phase_ == Phase::kStreaming) return MonotonicTime::max();  // The backlog limit bounds it.
  if (!out_.empty()) return progress_ + options.write_timeout;
  if (MidRequest()) {
    const auto earned =
        std::chrono::milliseconds(parser_.body_bytes() * 1000 / kMinBodyBytesPerSecond);
    return request_begun_ + options.header_timeout + earned;
  }
  return slots_.empty() ? idle_since_ + options.idle_timeout : MonotonicTime::max();
}

bool ServerConnection::MidRequest() const { return !last_taken_ && parser_.begun(); }

void ServerConnection::ArmDeadline() {
  const MonotonicTime due = Due();
  if (due != MonotonicTime::max()) deadline_.Set(due, Self());
}

void ServerConnection::OnDeadline() {
  if (phase_ == Phase::kClosed) return;
  if (loop_->Now() < Due()) return ArmDeadline();
  if (phase_ != Phase::kServing || !out_.empty() || !MidRequest()) return Close();
  Refuse({408, "The request did not arrive in time"});
  Advance();
}

}  // namespace tepui::net
