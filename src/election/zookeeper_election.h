// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/timer.h"
#include "election/election.h"
#include "zookeeper/session.h"

namespace tepui::election {

// Election through ZooKeeper in the format of Mesos (reference 4): each candidate has an ephemeral
// node <path>/json.info_NNNNNNNNNN that contains its MasterInfo as JSON; the lowest number leads.

// Returns the leader's node among a group's children: the one with the lowest number under a label
// that masters use ("json.info", or "info" for old ones). Other children, such as log_replicas, are
// not candidates.
std::optional<std::string> LeaderNode(const std::vector<std::string>& children);

// Reads what a candidate's node announces, in the format of its label; returns nothing if it cannot
// be read.
std::optional<v1::MasterInfo> ReadCandidate(std::string_view node, const std::string& data);

// If its session is lost or its node is removed before it is elected, it stands again with a new
// node. It calls `lost` if that happens after it was elected, or if it may not stand at all (the
// node's ACL).
class ZooKeeperContender final : public Contender {
 public:
  ZooKeeperContender(zookeeper::Address address, Duration session_timeout, Clock& clock,
                     Poster poster);
  void Contend(Candidate candidate) override;

 private:
  void Open();
  void OnState(zookeeper::Session::State state);
  void Withdraw(std::string_view why);
  void Join();
  void OnFailure(const zookeeper::Failure& failure);
  void OnCreated(zookeeper::Answer<std::string> created);
  // Finds out whether the node was created although the answer was lost.
  void FindOwn();
  void Search();
  void Look();
  void OnChildren(zookeeper::Answer<std::vector<std::string>> children);
  void Lose(const std::string& why);

  const zookeeper::Address address_;
  const Duration session_timeout_;
  Clock& clock_;
  const Poster poster_;
  Candidate candidate_;
  std::string data_;
  std::string node_;  // This candidate's node; empty until it is created.
  bool joining_ = false;
  bool elected_ = false;
  bool lost_ = false;
  Timer retry_;
  std::unique_ptr<zookeeper::Session> session_;
};

// Follows the leader. When its session is lost it starts another, and reports no leader meanwhile.
class ZooKeeperDetector final : public Detector {
 public:
  ZooKeeperDetector(zookeeper::Address address, Duration session_timeout, Clock& clock,
                    Poster poster);
  ~ZooKeeperDetector() override;
  void Watch(OnChange on_change) override;

 private:
  void Open();
  void OnState(zookeeper::Session::State state);
  void Look();
  void Read(const std::string& node);
  void Retry(std::move_only_function<void()> work);
  void Report(std::optional<v1::MasterInfo> leader);

  const zookeeper::Address address_;
  const Duration session_timeout_;
  Clock& clock_;
  const Poster poster_;
  OnChange on_change_;
  bool reported_ = false;
  std::optional<v1::MasterInfo> leader_;
  uint64_t look_ = 0;      // Number of looks so far.
  bool watching_ = false;  // The watch of the newest look is set.
  Timer retry_;
  std::unique_ptr<zookeeper::Session> session_;
};

Election MakeZooKeeperElection(const zookeeper::Address& address, Duration session_timeout,
                               Clock& clock, const Poster& poster);

}  // namespace tepui::election
