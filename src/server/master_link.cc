// SPDX-License-Identifier: Apache-2.0
#include "server/master_link.h"

#include <cassert>
#include <utility>

#include "wire/content_type.h"
#include "wire/recordio.h"

namespace tepui::server {

namespace {

constexpr size_t kMaxEventBytes = 64 << 20;

net::Request MakeRequest(const Endpoint& master, const link::Calls& calls) {
  net::Request request;
  request.method = "POST";
  request.target = "/api/v1/agent";
  request.headers.Add("Host", ToString(master));
  request.headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
  request.headers.Add("Accept", std::string(wire::kApplicationProtobuf));
  // The master refuses a call with a missing field; this must not end the agent and all that it
  // runs.
  request.body = calls.SerializePartialAsString();
  return request;
}

net::Client::Options ClientOptions() {
  net::Client::Options options;
  options.ordered = true;
  return options;
}

}  // namespace

class MasterLink::Decoder : public wire::RecordDecoder {
 public:
  Decoder() : RecordDecoder(kMaxEventBytes) {}
};

MasterLink::MasterLink(net::IoThreads& threads, EventLoop& loop, Events events)
    : threads_(threads),
      events_(std::move(events)),
      mailbox_([&loop](std::move_only_function<void()> work) { loop.Post(std::move(work)); }) {}

MasterLink::~MasterLink() {
  subscription_.reset();
  client_.reset();
}

void MasterLink::Subscribe(link::Call::Subscribe subscribe) {
  Disconnect();
  const uint64_t generation = generation_;
  decoder_ = std::make_unique<Decoder>();
  // Each link needs a new client: a batch may be stuck on the previous link's connection, and this
  // link's calls would wait behind it.
  client_ = std::make_unique<net::Client>(threads_, master_, ClientOptions());

  link::Calls calls;
  link::Call* call = calls.add_calls();
  call->set_type(link::Call::SUBSCRIBE);
  *call->mutable_subscribe() = std::move(subscribe);

  // These run on the I/O threads. The generation shows whether their work arrived after a newer
  // Subscribe.
  net::StreamHandler handler;
  handler.on_response = [this, generation](const net::Response& response) {
    mailbox_.Post([this, generation, response] { OnResponse(generation, response); });
  };
  handler.on_data = [this, generation](std::string_view bytes) {
    mailbox_.Post([this, generation, bytes = std::string(bytes)] { OnData(generation, bytes); });
  };
  handler.on_end = [this, generation](std::optional<Error> error) {
    mailbox_.Post(
        [this, generation, reason = error ? error->message : "the master ended the stream"] {
          Break(generation, reason);
        });
  };
  subscription_ = client_->Subscribe(MakeRequest(master_, calls), std::move(handler));
}

void MasterLink::Send(link::Call call) {
  if (!open_) return;
  if (!calls_.Add(std::move(call))) {
    open_ = false;
    // Must not run inside the core's own call: it may be in the middle of sending a list.
    mailbox_.Post([this, generation = generation_] {
      Break(generation, fmt::format("the master at {} does not read the calls that the agent sends",
                                    ToString(master_)));
    });
    return;
  }
  Flush();
}

void MasterLink::Disconnect() {
  ++generation_;
  open_ = false;
  stream_id_.clear();
  calls_.Clear();
  if (subscription_) subscription_->Cancel();
  subscription_.reset();
  EndDrain();
}

void MasterLink::Drain(std::move_only_function<void()> done) {
  assert(!drained_);
  drained_ = std::move(done);
  if (calls_.empty()) EndDrain();
}

void MasterLink::EndDrain() {
  if (drained_) std::exchange(drained_, nullptr)();
}

void MasterLink::OnResponse(uint64_t generation, const net::Response& response) {
  if (generation != generation_) return;
  const std::string* stream_id = response.headers.Find("Mesos-Stream-Id");
  if (response.status != 200 || stream_id == nullptr) {
    Break(generation,
          fmt::format("the master at {} answered {} {}: {}", ToString(master_), response.status,
                      net::ReasonPhrase(response.status), response.body));
    return;
  }
  stream_id_ = *stream_id;
  open_ = true;
}

void MasterLink::OnData(uint64_t generation, const std::string& bytes) {
  if (generation != generation_) return;
  decoder_->Append(bytes);
  // An event may make the core end this link and open another.
  while (generation == generation_) {
    auto record = decoder_->Next();
    if (!record) {
      Break(generation, fmt::format("the master at {} sent a record that is not an event: {}",
                                    ToString(master_), record.error().message));
      return;
    }
    if (!*record) return;
    link::Event event;
    if (!event.ParseFromString(**record)) {
      Break(generation,
            fmt::format("the master at {} sent an event that does not parse", ToString(master_)));
      return;
    }
    events_.on_event(event);
  }
}

void MasterLink::Break(uint64_t generation, const std::string& reason) {
  if (generation != generation_) return;
  Disconnect();
  events_.on_disconnected(reason);
}

void MasterLink::Flush() {
  const auto batch = calls_.Take();
  if (!batch) return;
  net::Request request = MakeRequest(master_, *batch);
  request.headers.Add("Mesos-Stream-Id", stream_id_);
  client_->Send(
      std::move(request), [this, generation = generation_](Result<net::Response> response) {
        mailbox_.Post([this, generation, response = std::move(response)] {
          if (generation != generation_) return;
          calls_.OnAnswered();
          if (!response) {
            Break(generation, response.error().message);
          } else if (response->status != 202) {
            Break(generation, fmt::format("the master at {} refused a call with {}: {}",
                                          ToString(master_), response->status, response->body));
          } else {
            Flush();
            if (calls_.empty()) EndDrain();
          }
        });
      });
}

}  // namespace tepui::server
