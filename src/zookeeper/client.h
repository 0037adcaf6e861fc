#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "zookeeper/request.h"

struct _zhandle;  // ZooKeeper's. NOLINT(bugprone-reserved-identifier)

namespace tepui::zookeeper {

// ZooKeeper's C client for one session, without its traps: what blocks in it (looking names up,
// closing) is done on a thread of its own, credentials are given again until they are taken, its
// log is the program's. No policy: Session has that.
class Client {
 public:
  enum class Event { kConnected, kConnecting, kExpired, kRefused };
  // Called on the C client's threads, until Close is over.
  struct Listener {
    std::move_only_function<void(Event)> on_event;
    std::move_only_function<void(uint64_t id, Reply)> on_reply;
    std::move_only_function<void(uint64_t watch, WatchEvent)> on_watch;
  };

  // `servers` as the C client reads them.
  Client(std::string servers, std::optional<std::string> credentials, Duration session_timeout,
         Listener listener);
  ~Client();  // Closes, and waits for that.
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // To be called between kConnected and Close. 0: an on_reply follows; else ZooKeeper's code.
  int Send(const Request& request, uint64_t id);
  // Of a connected session.
  int64_t SessionId() const;
  Duration NegotiatedTimeout() const;

  // Begins to end the session; its replies are worth nothing. Idempotent.
  void Close();

 private:
  struct Call;
  struct Callbacks;

  void Run();
  void OnSessionEvent(_zhandle* handle, int state);
  void Settle();  // One request is answered, or was never sent.

  const std::string servers_;
  const std::optional<std::string> credentials_;
  const Duration session_timeout_;
  Listener listener_;
  bool authenticated_ = false;  // The C client's thread of callbacks only.

  // Set before the first event, on a thread of the C client's.
  std::atomic<_zhandle*> handle_ = nullptr;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;   // Guarded by mutex_.
  size_t unanswered_ = 0;  // Likewise.
  std::thread thread_;
};

// "no node" for ZooKeeper's code.
std::string DescribeCode(int code);
Problem ProblemOf(int code);

}  // namespace tepui::zookeeper
