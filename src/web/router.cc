// SPDX-License-Identifier: Apache-2.0
#include "web/router.h"

#include <utility>

#include "web/responses.h"

namespace tepui::web {
namespace {

constexpr std::string_view kOldEnding = ".json";

}  // namespace

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
  const auto it = Find(url->path);
  if (it == entries_.end()) {
    std::move(responder).Send(
        TextResponse(404, fmt::format("Nothing is served at '{}'", url->path)));
    return;
  }
  if (auto refusal = Refusal(request, it->second)) {
    std::move(responder).Send(std::move(*refusal));
    return;
  }
  auto caller = identify_(request, it->first);
  if (!caller) {
    std::move(responder).Send(std::move(caller.error()));
    return;
  }
  it->second.handler({std::move(request), std::move(*url), std::move(*caller)},
                     std::move(responder));
}

Router::Entries::const_iterator Router::Find(std::string_view path) const {
  if (path.starts_with(prefix_) && path.size() > prefix_.size() && path[prefix_.size()] == '/') {
    path.remove_prefix(prefix_.size());
  }
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (const auto exact = entries_.find(path); exact != entries_.end()) return exact;
  if (path.ends_with(kOldEnding)) path.remove_suffix(kOldEnding.size());
  if (const auto old = entries_.find(path); old != entries_.end()) return old;
  // The front page is no parent.
  while (path.rfind('/') != 0) {
    path = path.substr(0, path.rfind('/'));
    const auto parent = entries_.find(path);
    if (parent != entries_.end() && !parent->second.method.empty()) return parent;
  }
  return entries_.end();
}

std::optional<net::Response> Router::Refusal(const net::Request& request,
                                             const Entry& entry) const {
  const bool reads = entry.method == "GET";
  const bool admitted = entry.method.empty() || request.method == entry.method ||
                        (reads && (request.method == "HEAD" || request.method == "POST"));
  if (!admitted) return MethodNotAllowed(entry.method, request.method);
  Status may = CheckHost(pages_, request);
  if (may && entry.method == "POST") may = CheckOrigin(request);
  if (may) return std::nullopt;
  return ErrorResponse(may.error());
}

}  // namespace tepui::web
