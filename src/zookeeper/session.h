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

// One session with ZooKeeper: connects by itself, to another server when one is lost, until the
// session is lost, and then never again (make another).
//
// A session is lost when a server says that it expired, when its credentials are refused, or when
// it was connected and then for as long as the servers keep it was not: they may have given up on
// it and others go on without us, so that we must not believe in it either (reference 4). Before it
// has been connected it waits for a server as long as it lives.
//
// Requests are sent in the order of the calls; those made while there is no connection wait for
// one. What only reads is asked again after a lost connection, so that it fails only with the
// session. A change whose answer is lost fails with kConnectionLost: only the caller can find out
// whether it was made.
//
// All calls and callbacks on the owner's thread; a callback runs once, never from inside the call,
// and not after the session is destroyed (it may destroy it). Destruction ends the session on the
// server, with what is ephemeral of it, and waits for that: some seconds if the server is slow.
//
// At most kMaxOutstanding requests, with kMaxOutstandingBytes, and kMaxWatches at a time; more fail
// with kTooMany.
class Session {
 public:
  enum class State { kConnecting, kConnected, kLost };
  using OnState = std::move_only_function<void(State)>;

  static constexpr size_t kMaxOutstanding = 10'000;
  static constexpr size_t kMaxOutstandingBytes = 64 << 20;
  static constexpr size_t kMaxWatches = 10'000;
  static constexpr Duration kDefaultTimeout = std::chrono::seconds(10);

  // `timeout`: how long servers keep a session that they do not hear of; they may choose another.
  // `on_state` (may be empty) is told of each change.
  Session(Address address, Duration timeout, Clock& clock, Poster poster, OnState on_state);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  State state() const { return state_; }
  // Who owns what this session makes ephemeral; 0 before it was connected.
  int64_t id() const { return id_; }
  const Address& address() const { return address_; }
  // Why it is lost.
  const std::string& lost_because() const { return lost_because_; }

  // Nodes are made with the ACL of reference 4: with credentials everything is for those who have
  // them and reading for everybody, without all is for everybody. The answer is the node's path,
  // which ZooKeeper completes for kEphemeralSequential.
  void Create(std::string path, std::string data, CreateMode mode, Callback<std::string> done);
  // The node and those above it, empty, as far as they are not there.
  void CreatePath(std::string path, Callback<void> done);
  // A watch (or none) is told once of the next change, if the request did not fail.
  void Get(std::string path, Watch watch, Callback<Node> done);
  // Absent: there is no such node; the watch waits for it.
  void Exists(std::string path, Watch watch, Callback<std::optional<NodeStat>> done);
  // Names, not paths; in no order.
  void Children(std::string path, Watch watch, Callback<std::vector<std::string>> done);
  void Set(std::string path, std::string data, int32_t version, Callback<NodeStat> done);
  void Delete(std::string path, int32_t version, Callback<void> done);
  // Later reads see all changes that anybody finished before this.
  void Sync(std::string path, Callback<void> done);
  // All of the operations or none; a stat for each, of meaning for those that set.
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
  Duration timeout_;  // What the servers agreed to, once one did.

  uint64_t next_id_ = 1;
  std::map<uint64_t, Pending> pending_;  // By the order of the calls.
  std::set<uint64_t> waiting_;           // Those of them that are not on their way.
  size_t outstanding_bytes_ = 0;
  std::map<uint64_t, Watch> watches_;

  Timer expiry_;
  Timer retry_;
  Mailbox mailbox_;
  std::unique_ptr<Client> client_;
};

}  // namespace tepui::zookeeper
