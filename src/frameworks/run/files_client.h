// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/endpoint.h"
#include "base/event_loop.h"
#include "frameworks/run/output_tail.h"
#include "net/http.h"

namespace tepui::frameworks {

// Reads files of agents' sandboxes over HTTP (reference 1.9). Used on the loop's thread only.
class FilesClient {
 public:
  // Both outlive the client; stop the threads before the loop.
  FilesClient(net::IoThreads& threads, EventLoop& loop) : threads_(threads), loop_(loop) {}

  // Like OutputTail::Effects::read.
  void Read(const Endpoint& agent, const std::string& path, int64_t offset, uint64_t length,
            OutputTail::ReadCallback callback);

 private:
  net::IoThreads& threads_;
  EventLoop& loop_;
  std::map<std::string, std::unique_ptr<net::Client>> clients_;  // By agent.
};

// Parses the body of an answer of /files/read.
Result<OutputTail::Piece> ParsePiece(std::string_view json);

}  // namespace tepui::frameworks
