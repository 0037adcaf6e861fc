// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/timer.h"
#include "zookeeper/address.h"
#include "zookeeper/answer.h"
#include "zookeeper/client.h"
#include "zookeeper/request.h"

namespace tepui::zookeeper {

// One session with ZooKeeper. It connects by itself, and to another server when a connection is
// lost, until the session is lost. Then it never connects again (make another Session).
//
// A session is lost when a server reports that it expired, when its credentials are refused, or
// when it has been disconnected for as long as the servers keep a session: they may have expired
// it, and others may rely on that, so this process must treat it as expired, too (reference 4). A
// session that was never connected waits for a server without a limit.
//
// Requests are sent in the order of the calls; those made while there is no connection wait for
// one. A request that only reads is sent again after a lost connection, so that a lost connection
// alone never makes it fail. A change whose answer is lost fails with kConnectionLost: only the
// caller can find out whether it was made.
//
// All calls and callbacks are made on the owner's thread. A callback runs once, never from inside
// the call, and not after the session is destroyed (it may destroy the session). Destruction ends
// the session on the server, which removes its ephemeral nodes, and waits for that: some seconds if
// the server is slow.
//
// At most kMaxOutstanding requests, of kMaxOutstandingBytes together, and kMaxWatches watches can
// be outstanding; more fail with kTooMany.
class Session {
 public:
  enum class State { kConnecting, kConnected, kLost };
  using OnState = std::move_only_function<void(State)>;

  static constexpr size_t kMaxOutstanding = 10'000;
  static constexpr size_t kMaxOutstandingBytes = 64 << 20;
  static constexpr size_t kMaxWatches = 10'000;
  static constexpr Duration kDefaultTimeout = std::chrono::seconds(10);

  // `timeout`: how long servers keep a session that they do not hear from; they may choose another
  // value. `on_state` (may be empty) is called at each change.
  Session(Address address, Duration timeout, Clock& clock, Poster poster, OnState on_state);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  State state() const { return state_; }
  // The owner of this session's ephemeral nodes; 0 before the first connection.
  int64_t id() const { return id_; }
  const Address& address() const { return address_; }
  // Why the session was lost.
  const std::string& lost_because() const { return lost_because_; }

  // Nodes are created with the ACL of reference 4: with credentials, users who have them may do
  // everything and everyone may read; without, everyone may do everything. The answer is the node's
  // path, which ZooKeeper completes for kEphemeralSequential.
  void Create(std::string path, std::string data, CreateMode mode, Callback<std::string> done);
  // Creates the node and those above it, empty, if they do not exist.
  void CreatePath(std::string path, Callback<void> done);
  // `watch` (may be empty) is called once, at the next change, unless the request failed.
  void Get(std::string path, Watch watch, Callback<Node> done);
  // Absent: the node does not exist, and the watch waits for its creation.
  void Exists(std::string path, Watch watch, Callback<std::optional<NodeStat>> done);
  // The answer is names, not paths, in no particular order.
  void Children(std::string path, Watch watch, Callback<std::vector<std::string>> done);
  void Set(std::string path, std::string data, int32_t version, Callback<NodeStat> done);
  void Delete(std::string path, int32_t version, Callback<void> done);
  // Later reads see all changes that any client completed before this call.
  void Sync(std::string path, Callback<void> done);
  // Executes all of the operations or none. The answer is a stat per operation, which is meaningful
  // for sets.
  void Multi(std::vector<Operation> operations, Callback<std::vector<NodeStat>> done);

 private:
  using Finish = Callback<Reply>;
  struct Pending {
    Request request;
    Finish finish;
  };

  void Ask(Request request, Watch watch, Finish finish);
  void FailLater(Finish finish, Failure failure);
  void Send(uint64_t id);
  void SendWaiting();
  void OnReply(uint64_t id, Reply reply);
  void OnWatch(uint64_t watch, WatchEvent event);
  void OnEvent(Client::Event event);
  void SetState(State state);
  void Lose(std::string reason);

  const Address address_;
  OnState on_state_;
  State state_ = State::kConnecting;
  int64_t id_ = 0;
  std::string lost_because_;
  Duration timeout_;  // The negotiated timeout, once there is one.

  uint64_t next_id_ = 1;
  std::map<uint64_t, Pending> pending_;  // In the order of the calls.
  std::set<uint64_t> waiting_;           // Those of pending_ that are not in flight.
  size_t outstanding_bytes_ = 0;
  std::map<uint64_t, Watch> watches_;

  Timer expiry_;
  Timer retry_;
  Mailbox mailbox_;
  std::unique_ptr<Client> client_;
};

}  // namespace tepui::zookeeper
