// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/call_queue.h"
#include "base/timer.h"
#include "sim/network/network.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

// server::MasterLink over the simulated network: the same rules (agent::CallQueue), one connection
// for the event stream and one for the batches. Belongs to the agent's process.
class AgentLink {
 public:
  struct Events {
    std::function<void(const link::Event&)> on_event;
    // The link could not be opened, or broke. Runs at most once per Subscribe; not after
    // Disconnect.
    std::function<void(const std::string& reason)> on_disconnected;
  };
  AgentLink(Network& network, Process& process, Host from, Events events);
  ~AgentLink();

  // Where the next Subscribe goes.
  void SetMaster(const Host& master) { master_ = master; }

  // Ends the present link, if any, and opens a new one.
  void Subscribe(link::Call::Subscribe subscribe);
  // Returns false and drops the call if there is no open link. A link whose queue is full is
  // broken.
  bool Send(link::Call call);
  void Disconnect();
  // `done` runs once everything that was sent is answered, or the link has ended.
  void Drain(std::move_only_function<void()> done);

 private:
  net::Request MakeRequest(const link::Calls& calls) const;
  void OnResponse(const net::Response& response);
  void OnRecord(const std::string& record);
  void Flush();
  void SendBatch(net::Request request);
  void OnBatchAnswer(const net::Response& response);
  void Break(const std::string& reason);
  void EndDrain();

  Network& network_;
  Process& process_;
  const Host from_;
  const Events events_;
  Host master_;
  Host to_;  // The destination of the present link.

  bool open_ = false;
  std::string stream_id_;
  agent::CallQueue calls_;
  std::unique_ptr<Network::Connection> stream_;
  std::unique_ptr<Network::Connection> batches_;
  std::move_only_function<void()> drained_;
  std::optional<Lifetime> current_{std::in_place};  // That of the present link.
};

}  // namespace tepui::sim
