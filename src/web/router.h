// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/worker_pool.h"
#include "net/http.h"
#include "security/caller.h"
#include "web/foreign.h"

namespace tepui::web {

// A request as its handler gets it.
struct Incoming {
  net::Request request;
  net::Url url;
  security::Caller caller;
};

// Maps paths to handlers. It is filled before the server starts and constant afterwards, so any
// thread may call Route.
class Router {
 public:
  using Handler = std::function<void(Incoming, net::Responder)>;
  // Returns who sends a request to the route with that path, or the complete refusal.
  using Identify = std::function<std::expected<security::Caller, net::Response>(
      const net::Request&, std::string_view path)>;

  // Every path is also reachable below `prefix` ("/master", "/slave(1)": reference trap 10).
  // `identify` is called once for each request to a route, before its handler, on an I/O thread.
  // Without it every caller is anonymous.
  explicit Router(
      std::string prefix,
      Identify identify = [](const net::Request&, std::string_view) { return security::Caller(); })
      : prefix_(std::move(prefix)), identify_(std::move(identify)) {}

  // Requests that foreign pages make browsers send are refused with 403 from now on.
  void Guard(ForeignPages pages) { pages_ = std::move(pages); }

  // A `method` of "" admits any, at this very path; otherwise other methods are answered with 405.
  // A route of "GET" only reads: it also admits HEAD, and POST, which some dashboards send. A route
  // of "POST" changes something: see CheckOrigin.
  void Add(std::string path, std::string method, Handler handler);

  // For handlers that read files or ask a user database: they run on `workers`, which must be
  // stopped after the server and before the router is destroyed. While kMostWaiting requests wait,
  // others are answered with 503.
  static constexpr size_t kMostWaiting = 1'000;
  void AddBlocking(std::string path, std::string method, WorkerPool& workers, Handler handler);

  // Serves a path at the route that is its longest prefix ("/slaves/ID" at "/slaves"), as Mesos
  // does, and without an ending ".json", as Mesos did until 1.7. Answers 400 for a target that
  // cannot be parsed, 404 for an unknown path, 405 for a wrong method, 403 for a foreign page, and
  // what `identify` answers.
  void Route(net::Request request, net::Responder responder) const;

 private:
  struct Entry {
    std::string method;
    Handler handler;
  };

  using Entries = std::map<std::string, Entry, std::less<>>;

  // Returns the end if nothing serves the path.
  Entries::const_iterator Find(std::string_view path) const;
  // Returns the refusal of a request to the route, if it is refused.
  std::optional<net::Response> Refusal(const net::Request& request, const Entry& entry) const;

  std::string prefix_;
  Identify identify_;
  ForeignPages pages_;
  Entries entries_;
};

}  // namespace tepui::web
