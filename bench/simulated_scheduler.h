// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http_load.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/recordio.h"

namespace tepui::bench {

// A scheduler of the v1 API over protobuf: one event stream, and one connection on which its calls
// are pipelined. Runs on the thread that polls.
class SimulatedScheduler {
 public:
  using Call = mesos::v1::scheduler::Call;
  using Event = mesos::v1::scheduler::Event;

  struct Callbacks {
    std::function<void(const Event&)> on_event;  // Not called for SUBSCRIBED and HEARTBEAT.
    std::function<void()> on_answer = [] {};     // Called for each 202, in the order of the calls.
  };

  // Subscribes at once.
  SimulatedScheduler(Poller& poller, uint16_t port, const mesos::v1::FrameworkInfo& info,
                     const google::protobuf::RepeatedPtrField<std::string>& suppressed_roles,
                     Callbacks callbacks);

  bool subscribed() const { return !framework_id_.value().empty(); }
  const mesos::v1::FrameworkID& framework_id() const { return framework_id_; }

  // Fills in the framework's id.
  void Send(Call* call);
  // Acknowledges the status if it has a uuid.
  void Acknowledge(const mesos::v1::TaskStatus& status);

 private:
  struct StreamEvents final : HttpConnection::Events {
    explicit StreamEvents(SimulatedScheduler& s) : scheduler(s) {}
    void OnHead(unsigned status, std::string_view head) override;
    void OnBody(std::string_view bytes) override;
    void OnEnd() override;
    SimulatedScheduler& scheduler;
  };
  struct CallsEvents final : HttpConnection::Events {
    explicit CallsEvents(SimulatedScheduler& s) : scheduler(s) {}
    void OnHead(unsigned status, std::string_view head) override;
    void OnBody(std::string_view) override {}
    void OnEnd() override { scheduler.callbacks_.on_answer(); }
    SimulatedScheduler& scheduler;
  };

  const Callbacks callbacks_;
  StreamEvents stream_events_{*this};
  CallsEvents calls_events_{*this};
  HttpConnection stream_;
  HttpConnection calls_;
  std::string stream_id_;
  mesos::v1::FrameworkID framework_id_;
  wire::RecordDecoder decoder_{64 << 20};
  Event event_;
  Call acknowledge_;
};

}  // namespace tepui::bench
