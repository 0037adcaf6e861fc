// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/endpoint.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/transport.h"

namespace tepui::net {

// One attempt to connect: resolves the host if it is a name, and tries its addresses in turn. Fails
// with kUnimplemented if the server wants TLS. Used on its loop's thread only.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<Transport>>)>;

  Connector(Loop& loop, Endpoint server);
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
  const Endpoint server_;
  std::unique_ptr<Asio> asio_;
  std::string last_failure_;
  Done done_;  // Empty once called or cancelled.
};

}  // namespace tepui::net
