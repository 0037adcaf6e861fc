// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/transport.h"

namespace tepui::net {

// Where a client connects to: a unix socket if `unix_path` is set, else a host's port.
struct Destination {
  std::string host;
  uint16_t port = 0;
  std::string unix_path;

  // "host:port" or the path. Used in sentences and, if it is not a path, as the Host header.
  std::string ToString() const;
};

// One attempt to connect: resolves `host` if it is a name, and tries its addresses in turn. Used on
// its loop's thread only.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<Transport>>)>;

  Connector(Loop& loop, Destination destination);
  ~Connector();

  // `done` is called once, never from inside Start, and not after Cancel.
  void Start(Done done);
  void Cancel();

 private:
  struct Asio;

  void Resolve();
  void TryNext();
  void Finish(Result<std::unique_ptr<Transport>> result);

  Loop& loop_;
  const Destination destination_;
  std::unique_ptr<Asio> asio_;
  std::string last_failure_;
  Done done_;  // Empty once called or cancelled.
};

}  // namespace tepui::net
