// SPDX-License-Identifier: Apache-2.0
#include "web/router.h"

#include <utility>

#include "web/responses.h"

namespace tepui::web {

void Router::Add(std::string path, std::string method, Handler handler) {
  entries_.emplace(std::move(path), Entry{std::move(method), std::move(handler)});
}

void Router::AddBlocking(std::string path, std::string method, WorkerPool& workers,
                         Handler handler) {
  Add(std::move(path), std::move(method),
      [&workers, handler = std::move(handler)](Incoming incoming, net::Responder responder) {
        if (workers.Waiting() >= kMostWaiting) {
          std::move(responder).Send(TextResponse(
              503, fmt::format("{} requests that read files are waiting already; try again later",
                               kMostWaiting)));
          return;
        }
        workers.Submit(
            [&handler, incoming = std::move(incoming), responder = std::move(responder)]() mutable {
              handler(std::move(incoming), std::move(responder));
            });
      });
}

void Router::Route(net::Request request, net::Responder responder) const {
  auto url = net::ParseTarget(request.target);
  if (!url) {
    std::move(responder).Send(ErrorResponse(url.error()));
    return;
  }
  std::string_view path = url->path;
  if (path.starts_with(prefix_) && path.size() > prefix_.size() && path[prefix_.size()] == '/') {
    path.remove_prefix(prefix_.size());
  }
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);

  const auto it = entries_.find(path);
  if (it == entries_.end()) {
    std::move(responder).Send(
        TextResponse(404, fmt::format("Nothing is served at '{}'", url->path)));
    return;
  }
  const std::string& allowed = it->second.method;
  if (!allowed.empty() && request.method != allowed &&
      !(allowed == "GET" && request.method == "HEAD")) {
    std::move(responder).Send(MethodNotAllowed(allowed, request.method));
    return;
  }
  auto caller = identify_(request, path);
  if (!caller) {
    std::move(responder).Send(std::move(caller.error()));
    return;
  }
  it->second.handler({std::move(request), std::move(*url), std::move(*caller)},
                     std::move(responder));
}

}  // namespace tepui::web
