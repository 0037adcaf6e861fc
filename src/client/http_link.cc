// SPDX-License-Identifier: Apache-2.0
#include "client/http_link.h"

#include <fmt/format.h>

#include <utility>

#include "base/mutex.h"
#include "wire/base64.h"
#include "wire/recordio.h"

namespace tepui::client {
namespace {

// Lets I/O threads post to a loop that may be destroyed already: the net layer may finish its last
// callbacks after its client.
class Gate {
 public:
  explicit Gate(EventLoop& loop) : loop_(&loop) {}

  void Post(EventLoop::Work work) {
    const MutexLock lock(mutex_);
    if (loop_ != nullptr) loop_->Post(std::move(work));
  }

  void Shut() {
    const MutexLock lock(mutex_);
    loop_ = nullptr;
  }

 private:
  Mutex mutex_;
  EventLoop* loop_ TEPUI_GUARDED_BY(mutex_);
};

}  // namespace

// Each connection has a generation: reports of I/O threads for an older one are dropped on the
// loop.
class HttpLink::Impl {
 public:
  Impl(net::IoThreads& threads, EventLoop& loop, Options options)
      : threads_(threads), gate_(std::make_shared<Gate>(loop)), options_(std::move(options)) {}

  ~Impl() {
    Disconnect();
    gate_->Shut();
  }

  void Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) {
    Disconnect();
    endpoint_ = endpoint;
    calls_ = MakeClient({.max_waiting = options_.max_pending_calls, .ordered = true});
    net::Request probe;
    probe.target = "/health";
    probe.headers.Set("Host", HostHeader());
    calls_->Send(std::move(probe),
                 OnLoop<Result<net::Response>>(
                     [done = std::move(done)](Result<net::Response> response) mutable {
                       if (response) {
                         done({});
                       } else {
                         done(Fail(response.error()));
                       }
                     }));
  }

  void Subscribe(std::string body, StreamHandler handler) {
    // The stream has a connection of its own; the other one keeps serving calls.
    streams_ = MakeClient({.max_connections = 1});
    decoder_.emplace(options_.max_record_bytes);
    stream_ = std::move(handler);
    const Ticket ticket = MakeTicket();
    net::StreamHandler net_handler;
    net_handler.on_response = [this, ticket](const net::Response& response) {
      ticket.gate->Post([this, ticket, response] {
        if (!ticket.valid()) return;
        stream_failed_ = response.status != 200;
        stream_.on_response(response);
      });
    };
    net_handler.on_data = [this, ticket](std::string_view bytes) {
      ticket.gate->Post([this, ticket, bytes = std::string(bytes)] {
        if (ticket.valid()) OnData(bytes);
      });
    };
    net_handler.on_end = [this, ticket](std::optional<Error> error) {
      std::string reason = error ? std::move(error->message) : "the server ended the event stream";
      ticket.gate->Post([this, ticket, reason = std::move(reason)] {
        if (ticket.valid() && !stream_failed_) stream_.on_end(reason);
      });
    };
    stream_failed_ = false;
    subscription_ = streams_->Subscribe(MakeCall(std::move(body), ""), std::move(net_handler));
  }

  void Post(std::string body, const std::string& stream_id,
            std::move_only_function<void(Result<net::Response>)> done) {
    calls_->Send(MakeCall(std::move(body), stream_id),
                 OnLoop<Result<net::Response>>(std::move(done)));
  }

  void Disconnect() {
    ++*generation_;
    if (subscription_ != nullptr) subscription_->Cancel();
    subscription_.reset();
    streams_.reset();
    calls_.reset();
    decoder_.reset();
  }

 private:
  // A callback carries this to reach the loop and to know whether its connection is still the
  // current one.
  struct Ticket {
    std::shared_ptr<Gate> gate;
    std::shared_ptr<const uint64_t> current;
    uint64_t generation;
    bool valid() const { return generation == *current; }
  };
  Ticket MakeTicket() const {
    return {.gate = gate_, .current = generation_, .generation = *generation_};
  }

  // Wraps `callback` so that it runs on the loop's thread, unless the connection has been dropped
  // by then.
  template <class T>
  std::move_only_function<void(T)> OnLoop(std::move_only_function<void(T)> callback) {
    return [ticket = MakeTicket(), callback = std::move(callback)](T value) mutable {
      ticket.gate->Post(
          [ticket, callback = std::move(callback), value = std::move(value)]() mutable {
            if (ticket.valid()) callback(std::move(value));
          });
    };
  }

  std::unique_ptr<net::Client> MakeClient(net::Client::Options options) {
    return std::make_unique<net::Client>(threads_, endpoint_, options);
  }

  std::string HostHeader() const {
    return endpoint_.unix_path.empty() ? ToString(endpoint_) : "localhost";
  }

  net::Request MakeCall(std::string body, const std::string& stream_id) const {
    net::Request request;
    request.method = "POST";
    request.target = options_.path;
    request.body = std::move(body);
    request.headers.Set("Host", HostHeader());
    request.headers.Set("Content-Type", std::string(wire::Name(options_.content_type)));
    request.headers.Set("Accept", std::string(wire::Name(options_.content_type)));
    if (!stream_id.empty()) request.headers.Set("Mesos-Stream-Id", stream_id);
    if (!options_.authorization.empty())
      request.headers.Set("Authorization", options_.authorization);
    return request;
  }

  void OnData(const std::string& bytes) {
    const Ticket ticket = MakeTicket();
    decoder_->Append(bytes);
    while (true) {
      Result<std::optional<std::string>> record = decoder_->Next();
      if (!record) return stream_.on_end(record.error().message);
      if (!*record) return;
      stream_.on_record(**record);
      // The record may have caused the core to drop this connection.
      if (!ticket.valid()) return;
    }
  }

  net::IoThreads& threads_;
  const std::shared_ptr<Gate> gate_;
  const Options options_;
  Endpoint endpoint_;
  const std::shared_ptr<uint64_t> generation_ =
      std::make_shared<uint64_t>(0);  // Read and written on the loop only.
  std::unique_ptr<net::Client> calls_;
  std::unique_ptr<net::Client> streams_;
  std::unique_ptr<net::Client::Subscription> subscription_;
  StreamHandler stream_;
  std::optional<wire::RecordDecoder> decoder_;
  bool stream_failed_ = false;
};

HttpLink::HttpLink(net::IoThreads& threads, EventLoop& loop, Options options)
    : impl_(std::make_unique<Impl>(threads, loop, std::move(options))) {}

HttpLink::~HttpLink() = default;

void HttpLink::Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) {
  impl_->Connect(endpoint, std::move(done));
}

void HttpLink::Subscribe(std::string body, StreamHandler handler) {
  impl_->Subscribe(std::move(body), std::move(handler));
}

void HttpLink::Post(std::string body, const std::string& stream_id,
                    std::move_only_function<void(Result<net::Response>)> done) {
  impl_->Post(std::move(body), stream_id, std::move(done));
}

void HttpLink::Disconnect() { impl_->Disconnect(); }

std::string BasicAuthorization(std::string_view principal, std::string_view secret) {
  std::string text = "Basic ";
  wire::AppendBase64(fmt::format("{}:{}", principal, secret), &text);
  return text;
}

}  // namespace tepui::client
