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

// Why ZooKeeper did not do what it was asked to.
enum class Problem {
  kNoNode,
  kNodeExists,
  kBadVersion,      // The node has another version than was said.
  kNotEmpty,        // The node has children.
  kForbidden,       // The node's ACL or the server's does not let this user.
  kInvalid,         // The request is wrong in itself.
  kTooMany,         // This session has more outstanding than it may; nothing was sent.
  kConnectionLost,  // Sent, and the answer is lost: a change may have been made or not.
  kSessionLost,     // The session is over; a change may have been made or not.
  kOther,
};

struct Failure {
  Problem problem = Problem::kOther;
  std::string message;   // A sentence: what, which, why.
  size_t operation = 0;  // Of a multi: the first operation that failed.
};

// kUnavailable for what may be different with another try or session.
Error ToError(const Failure& failure);

template <class T>
using Answer = std::expected<T, Failure>;
template <class T>
using Callback = std::move_only_function<void(Answer<T>)>;

struct NodeStat {
  int32_t version = 0;          // Of the data: 0 when the node is made, one more with each set.
  int64_t ephemeral_owner = 0;  // The session that the node ends with; 0: none.
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

// What a watch saw, once.
enum class WatchEvent { kCreated, kDeleted, kChanged, kChildrenChanged, kNotWatching };
using Watch = std::move_only_function<void(WatchEvent)>;

}  // namespace tepui::zookeeper
