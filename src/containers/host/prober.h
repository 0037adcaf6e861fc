// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mailbox.h"
#include "base/mutex.h"
#include "container/prober.h"

namespace tepui::containers {

// Does network checks with libcurl on one thread. As in Mesos, HTTP checks follow redirects and do
// not verify certificates: they check that the task answers, not its identity. The body is not
// read.
class CurlProber final : public Prober {
 public:
  // At most so many checks are in flight; more fail immediately with kUnavailable. An agent has at
  // most one in flight per task.
  static constexpr size_t kMaxProbes = 10'000;

  // `poster` runs callbacks on the agent's thread.
  explicit CurlProber(Poster poster);
  ~CurlProber() override;  // Drops probes in flight without calling their callbacks.

  void Http(const std::string& scheme, const std::string& host, uint16_t port,
            const std::string& path, Duration timeout,
            std::move_only_function<void(Result<int>)> callback) override;
  void Tcp(const std::string& host, uint16_t port, Duration timeout,
           std::move_only_function<void(Result<bool>)> callback) override;

 private:
  struct Probe;
  struct CloseMulti {
    void operator()(void* multi) const;
  };

  // How a probe ended: libcurl's code, libcurl's message for it, the HTTP status.
  struct Outcome {
    int code = 0;
    std::string reason;
    int status = 0;
  };

  void Start(std::unique_ptr<Probe> probe);
  void Loop();
  void TakeStarted();
  void TakeFinished();
  void Finish(std::unique_ptr<Probe> probe, Outcome outcome);

  Poster poster_;
  std::unique_ptr<void, CloseMulti> multi_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Probe>> started_ TEPUI_GUARDED_BY(mutex_);
  std::atomic<size_t> in_flight_ = 0;
  std::atomic<bool> stopped_ = false;
  std::vector<std::unique_ptr<Probe>> running_;  // Used by the thread only.
  std::thread thread_;
};

}  // namespace tepui::containers
