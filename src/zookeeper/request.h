// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "zookeeper/answer.h"

namespace tepui::zookeeper {

// A request to a server. It is kept until it is answered, so that one that only reads can be sent
// again.
struct Request {
  enum class Kind { kCreate, kGet, kSet, kDelete, kExists, kChildren, kSync, kMulti };

  Kind kind = Kind::kSync;
  std::string path;
  std::string data = {};
  int32_t version = kAnyVersion;
  CreateMode mode = CreateMode::kPersistent;
  uint64_t watch = 0;  // 0: none.
  std::vector<Operation> operations = {};

  bool only_reads() const {
    return kind == Kind::kGet || kind == Kind::kExists || kind == Kind::kChildren ||
           kind == Kind::kSync;
  }
  size_t Bytes() const {
    size_t bytes = path.size() + data.size();
    for (const Operation& operation : operations) {
      bytes += operation.path.size() + operation.data.size();
    }
    return bytes;
  }
};

// The reply to a request; which fields are set depends on the request.
struct Reply {
  int code = 0;           // ZooKeeper's code; 0: done.
  std::string text = {};  // The data, or the path of the created node.
  NodeStat stat = {};
  std::vector<std::string> children = {};
  // For a multi, in the order of its operations.
  std::vector<int> codes = {};
  std::vector<NodeStat> stats = {};
};

}  // namespace tepui::zookeeper
