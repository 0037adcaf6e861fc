// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "net/http.h"
#include "net/loop.h"

namespace tepui::net {

// The loops are shared: a connection, or a Responder that outlives everything, keeps its loop's
// memory alive, but not its thread.
class IoThreads::Impl {
 public:
  explicit Impl(int threads);

  const std::vector<std::shared_ptr<Loop>>& loops() const { return loops_; }

  // Round robin. May be called on any thread.
  const std::shared_ptr<Loop>& Next();

 private:
  std::vector<std::shared_ptr<Loop>> loops_;
  std::atomic<unsigned> next_ = 0;
};

}  // namespace tepui::net
