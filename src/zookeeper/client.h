// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "zookeeper/request.h"

struct _zhandle;  // ZooKeeper's. NOLINT(bugprone-reserved-identifier)

namespace tepui::zookeeper {

// Wraps ZooKeeper's C client for one session and avoids its traps: calls that block (looking up
// names, closing) run on a thread of their own, credentials are added again until they are
// accepted, and its log goes to the program's log. All policy is in Session.
class Client {
 public:
  enum class Event { kConnected, kConnecting, kExpired, kRefused };
  // Called on the C client's threads, until closing is complete.
  struct Listener {
    std::move_only_function<void(Event)> on_event;
    std::move_only_function<void(uint64_t id, Reply)> on_reply;
    std::move_only_function<void(uint64_t watch, WatchEvent)> on_watch;
  };

  // `servers` is in the format of the C client.
  Client(std::string servers, std::optional<std::string> credentials, Duration session_timeout,
         Listener listener);
  ~Client();  // Closes the session and waits for that.
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // To be called between kConnected and Close. Returns 0 if an on_reply will follow, else
  // ZooKeeper's code.
  int Send(const Request& request, uint64_t id);
  // These two need a connected session.
  int64_t SessionId() const;
  Duration NegotiatedTimeout() const;

  // Begins to end the session; ignore later replies. Idempotent.
  void Close();

 private:
  struct Call;
  struct Callbacks;

  void Run();
  void OnSessionEvent(_zhandle* handle, int state);
  void CountAnswered();  // Counts one request as answered, or as never sent.

  const std::string servers_;
  const std::optional<std::string> credentials_;
  const Duration session_timeout_;
  Listener listener_;
  bool authenticated_ = false;  // Used only on the C client's callback thread.

  // Set before the first event, on a thread of the C client.
  std::atomic<_zhandle*> handle_ = nullptr;

  Mutex mutex_;
  CondVar wake_;
  bool closing_ TEPUI_GUARDED_BY(mutex_) = false;
  size_t unanswered_ TEPUI_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// Words for ZooKeeper's code, such as "no node".
std::string DescribeCode(int code);
Problem ProblemOf(int code);

}  // namespace tepui::zookeeper
