// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/worker_pool.h"
#include "net/http.h"

namespace tepui::web {

// Maps paths to handlers. It is filled before the server starts and constant afterwards, so any
// thread may call Route.
class Router {
 public:
  using Handler = std::function<void(net::Request, net::Url, net::Responder)>;

  // Every path is also reachable below `prefix` ("/master", "/slave(1)": reference trap 10).
  explicit Router(std::string prefix) : prefix_(std::move(prefix)) {}

  // A `method` of "" admits any; otherwise other methods are answered with 405. HEAD is admitted
  // with GET.
  void Add(std::string path, std::string method, Handler handler);

  // For handlers that read files or ask a user database: they run on `workers`, which must be
  // stopped after the server and before the router is destroyed. While kMostWaiting requests wait,
  // others are answered with 503.
  static constexpr size_t kMostWaiting = 1'000;
  void AddBlocking(std::string path, std::string method, WorkerPool& workers, Handler handler);

  // Answers 400 for a target that cannot be parsed and 404 for an unknown path.
  void Route(net::Request request, net::Responder responder) const;

 private:
  struct Entry {
    std::string method;
    Handler handler;
  };

  std::string prefix_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace tepui::web
