// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/core/call_queue.h"
#include "base/endpoint.h"
#include "base/event_loop.h"
#include "base/mailbox.h"
#include "net/http.h"
#include "tepui/link.pb.h"

namespace tepui::server {

// An agent's link to its master: one event stream in, batches of calls out by the rules of
// agent::CallQueue. Lives on the agent's thread.
class MasterLink {
 public:
  struct Events {
    std::function<void(const link::Event&)> on_event;
    // The link could not be opened, or broke. Called at most once for each Subscribe, and not after
    // Disconnect.
    std::function<void(const std::string& reason)> on_disconnected;
  };

  MasterLink(net::IoThreads& threads, EventLoop& loop, Events events);
  ~MasterLink();

  // Sets the target of later Subscribe calls. Must be called before the first.
  void SetMaster(Endpoint master) { master_ = std::move(master); }

  // Ends the present link, if any, and opens a new one.
  void Subscribe(link::Call::Subscribe subscribe);

  // Drops `call` while the master has not answered the subscription. If the queue is full, the link
  // is broken soon after this returned: the master takes nothing, and the core will send again what
  // matters.
  void Send(link::Call call);

  void Disconnect();

  // `done` runs once everything sent is answered, or the link has ended.
  void Drain(std::move_only_function<void()> done);

 private:
  void OnResponse(uint64_t generation, const net::Response& response);
  void OnData(uint64_t generation, const std::string& bytes);
  void Break(uint64_t generation, const std::string& reason);
  void Flush();
  void EndDrain();

  net::IoThreads& threads_;
  Events events_;
  Endpoint master_;
  std::unique_ptr<net::Client> client_;  // One for each link: see Subscribe.

  uint64_t generation_ = 0;  // Grows with each link; callbacks of an older link are ignored.
  bool open_ = false;
  std::string stream_id_;
  agent::CallQueue calls_;
  std::move_only_function<void()> drained_;
  class Decoder;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<net::Client::Subscription> subscription_;
  Mailbox mailbox_;  // From the I/O threads to the agent's thread.
};

}  // namespace tepui::server
