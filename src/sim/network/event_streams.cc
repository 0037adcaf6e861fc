// SPDX-License-Identifier: Apache-2.0
#include "sim/network/event_streams.h"

#include <utility>

#include "base/timer.h"
#include "web/responses.h"
#include "wire/content_type.h"

namespace tepui::sim {

namespace {

// The answer to a request of the simulated network as a stream.
class ExchangeSink final : public web::EventSink {
 public:
  ExchangeSink(std::shared_ptr<Network::Exchange> exchange, std::string uuid)
      : exchange_(std::move(exchange)), uuid_(std::move(uuid)) {}

  void Accept(std::move_only_function<void()> on_ended) override {
    net::Headers headers;
    headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
    if (!uuid_.empty()) headers.Add("Mesos-Stream-Id", uuid_);
    exchange_->Start(std::move(headers));
    exchange_->OnClosed(lifetime_.Bind(std::move(on_ended)));
  }
  void Refuse(const Error& why) override { exchange_->Respond(web::ErrorResponse(why)); }
  // The network carries records as they are, without the frames of RecordIO.
  void Write(web::OutgoingEvent& event) override {
    exchange_->Write(wire::Encode(event.message(), wire::ContentType::kProtobuf));
  }
  void Close() override { exchange_->End(); }

 private:
  const std::shared_ptr<Network::Exchange> exchange_;
  const std::string uuid_;
  Lifetime lifetime_;  // The network may report the end when the server's process has gone.
};

}  // namespace

// The network reports an end from a callback of its own, so the stream can be removed at once.
EventStreams::EventStreams(std::function<void(StreamId)> on_closed)
    : table_([this, on_closed = std::move(on_closed)](StreamId stream) {
        if (table_.Remove(stream)) on_closed(stream);
      }) {}

EventStreams::StreamId EventStreams::Open(std::shared_ptr<Network::Exchange> exchange,
                                          std::string uuid) {
  const StreamId id = ++last_;
  table_.Open(id, std::make_unique<ExchangeSink>(std::move(exchange), std::move(uuid)));
  return id;
}

void EventStreams::Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) {
  const server::StreamTable::Outgoing outgoing{stream, std::move(event)};
  table_.Send({&outgoing, 1});
}

}  // namespace tepui::sim
