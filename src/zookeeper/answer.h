// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tepui::zookeeper {

// Why ZooKeeper did not execute a request.
enum class Problem {
  kNoNode,
  kNodeExists,
  kBadVersion,      // The node's version is not the expected one.
  kNotEmpty,        // The node has children.
  kForbidden,       // The node's ACL or the server's does not allow this user.
  kInvalid,         // The request itself is malformed.
  kTooMany,         // This session has too many requests outstanding; nothing was sent.
  kConnectionLost,  // Sent, but the answer is lost: a change may have been made or not.
  kSessionLost,     // The session is over; a change may have been made or not.
  kOther,
};

struct Failure {
  Problem problem = Problem::kOther;
  std::string message;   // A sentence: what failed, on which node, and why.
  size_t operation = 0;  // For a multi: the index of the first operation that failed.
};

// Returns kUnavailable for failures that another try or session may avoid.
Error ToError(const Failure& failure);

template <class T>
using Answer = std::expected<T, Failure>;
template <class T>
using Callback = std::move_only_function<void(Answer<T>)>;

struct NodeStat {
  int32_t version = 0;          // The data's version: 0 at creation, plus one with each set.
  int64_t ephemeral_owner = 0;  // The node is removed when this session ends; 0: persistent.
};
struct Node {
  std::string data;
  NodeStat stat;
};

inline constexpr int32_t kAnyVersion = -1;

enum class CreateMode { kPersistent, kEphemeral, kEphemeralSequential };

// One change of a multi, or a condition of it.
struct Operation {
  enum class Kind { kCreate, kSet, kDelete, kCheck };

  static Operation Create(std::string path, std::string data) {
    return {Kind::kCreate, std::move(path), std::move(data), kAnyVersion};
  }
  static Operation Set(std::string path, std::string data, int32_t version = kAnyVersion) {
    return {Kind::kSet, std::move(path), std::move(data), version};
  }
  static Operation Delete(std::string path, int32_t version = kAnyVersion) {
    return {Kind::kDelete, std::move(path), {}, version};
  }
  static Operation Check(std::string path, int32_t version) {
    return {Kind::kCheck, std::move(path), {}, version};
  }

  Kind kind = Kind::kCheck;
  std::string path;
  std::string data;
  int32_t version = kAnyVersion;
};

// What a watch reports, once.
enum class WatchEvent { kCreated, kDeleted, kChanged, kChildrenChanged, kNotWatching };
using Watch = std::move_only_function<void(WatchEvent)>;

}  // namespace tepui::zookeeper
