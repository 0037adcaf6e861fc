// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/operator_node.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "api/operator/master_calls.h"
#include "base/timer.h"
#include "client/location.h"
#include "wire/content_type.h"

namespace tepui::sim {

namespace {

using Call = mesos::v1::master::Call;

// One attempt in this many is ended early: about when the master gets it, or answers it.
constexpr uint64_t kAttemptsPerHasty = 4;
constexpr Duration kHastyPatience = std::chrono::milliseconds(100);
// The network reports a loss earlier than this.
constexpr Duration kPatience = std::chrono::minutes(2);

const std::string& TargetOf(const Call& call) {
  return call.type() == Call::TEARDOWN ? call.teardown().framework_id().value()
                                       : call.mark_agent_gone().agent_id().value();
}

std::string Describe(const Call& call) {
  return fmt::format("{} of {}", Call::Type_Name(call.type()), TargetOf(call));
}

net::Request MakeRequest(const Call& call, wire::ContentType type) {
  net::Request request;
  request.method = "POST";
  request.target = api::kOperatorPath;
  request.headers.Set("Content-Type", std::string(wire::Name(type)));
  request.headers.Set("Accept", std::string(wire::Name(type)));
  request.body = wire::Encode(call, type);
  return request;
}

net::Request MakeForm(const Call& call) {
  net::Request request;
  request.method = "POST";
  request.target = api::kTeardownPath;
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.body = "frameworkId=" + net::PercentEncode(TargetOf(call));
  return request;
}

}  // namespace

// One call, from its first attempt to its definite answer.
class OperatorNode::Errand {
 public:
  Errand(OperatorNode& node, uint64_t number, Call call)
      : node_(node),
        number_(number),
        call_(std::move(call)),
        master_(node.random_.Below(node.masters_.size())),
        to_(node.masters_[master_]) {
    Try();
  }

  const Call& call() const { return call_; }

 private:
  void Try();
  void Send(net::Request request);
  net::Request NextRequest();
  void OnResponse(const net::Response& response);
  void OnLost(const std::string& reason);
  void TryAgain(Host to, Duration delay);
  Host NextMaster();
  template <class... Args>
  void Write(fmt::format_string<Args...> format, Args&&... args) {
    node_.parts_.world.Write("{}: {} {}", kHost, Describe(call_),
                             fmt::format(format, std::forward<Args>(args)...));
  }

  OperatorNode& node_;
  const uint64_t number_;
  const Call call_;
  size_t master_;  // The index of the last master that was not named by a redirect.
  Host to_;
  std::unique_ptr<Network::Connection> connection_;
  Timer timer_{node_.process_};      // The end of patience, or the next attempt.
  std::optional<Lifetime> attempt_;  // The present one: callbacks of earlier ones do nothing.
};

void OperatorNode::Errand::Try() {
  attempt_.emplace();
  const bool hasty = node_.random_.Below(kAttemptsPerHasty) == 0;
  const Duration patience =
      hasty ? Duration(node_.random_.Below(static_cast<uint64_t>(kHastyPatience.count())))
            : kPatience;
  timer_.Set(patience, [this] {
    connection_.reset();
    OnLost("the operator hung up");
  });
  node_.parts_.network.Connect(
      node_.process_, kHost, to_,
      attempt_->Bind([this, request = NextRequest()](
                         Result<std::unique_ptr<Network::Connection>> connection) mutable {
        if (!connection) return OnLost(connection.error().message);
        connection_ = std::move(*connection);
        Send(std::move(request));
      }));
}

net::Request OperatorNode::Errand::NextRequest() {
  const uint64_t forms = call_.type() == Call::TEARDOWN ? 3 : 2;
  switch (node_.random_.Below(forms)) {
    case 0:
      return MakeRequest(call_, wire::ContentType::kJson);
    case 1:
      return MakeRequest(call_, wire::ContentType::kProtobuf);
    default:
      return MakeForm(call_);
  }
}

void OperatorNode::Errand::Send(net::Request request) {
  Write("goes to {} at {}", to_, request.target);
  request.headers.Set("Host", to_);
  connection_->Send(
      std::move(request),
      {.on_response = attempt_->Bind([this](const net::Response& answer) { OnResponse(answer); }),
       .on_record = nullptr,
       .on_end = attempt_->Bind([this](const std::string& reason) { OnLost(reason); })});
}

void OperatorNode::Errand::OnResponse(const net::Response& response) {
  Write("is answered {} {}", response.status, response.body);
  if (response.status == 307) {
    const std::string* location = response.headers.Find("Location");
    const auto leader = client::ParseLocation(location == nullptr ? "" : *location, Scheme::kHttp);
    return TryAgain(leader ? leader->host : NextMaster(), Duration::zero());
  }
  if (response.status >= 500) return TryAgain(NextMaster(), kRetryDelay);
  attempt_.reset();
  timer_.Set(Duration::zero(), [&node = node_, number = number_] { node.errands_.erase(number); });
}

void OperatorNode::Errand::OnLost(const std::string& reason) {
  Write("has no answer: {}", reason);
  TryAgain(NextMaster(), kRetryDelay);
}

void OperatorNode::Errand::TryAgain(Host to, Duration delay) {
  attempt_.reset();
  to_ = std::move(to);
  timer_.Set(delay, [this] {
    connection_.reset();
    Try();
  });
}

Host OperatorNode::Errand::NextMaster() {
  master_ = (master_ + 1) % node_.masters_.size();
  return node_.masters_[master_];
}

OperatorNode::OperatorNode(Parts parts, std::vector<Host> masters)
    : parts_(parts),
      masters_(std::move(masters)),
      random_(parts_.world.MakeRandom(kHost)),
      process_(parts_.world, kHost) {}

OperatorNode::~OperatorNode() { process_.Kill(); }

void OperatorNode::MarkAgentGone(const std::string& agent) {
  Call call;
  call.set_type(Call::MARK_AGENT_GONE);
  call.mutable_mark_agent_gone()->mutable_agent_id()->set_value(agent);
  Begin(std::move(call));
}

void OperatorNode::TearDown(const std::string& framework) {
  Call call;
  call.set_type(Call::TEARDOWN);
  call.mutable_teardown()->mutable_framework_id()->set_value(framework);
  Begin(std::move(call));
}

void OperatorNode::Begin(Call call) {
  const uint64_t number = ++last_;
  errands_.emplace(number, std::make_unique<Errand>(*this, number, std::move(call)));
}

std::vector<std::string> OperatorNode::Unanswered() const {
  std::vector<std::string> calls;
  for (const auto& [number, errand] : errands_) calls.push_back(Describe(errand->call()));
  return calls;
}

}  // namespace tepui::sim
