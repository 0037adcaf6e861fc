// SPDX-License-Identifier: Apache-2.0
#include "zookeeper/session.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "base/log.h"

namespace tepui::zookeeper {
namespace {

// The pause before a read that a connected server did not answer is sent again (reference 4).
constexpr Duration kRetryDelay = std::chrono::seconds(2);

std::string_view Verb(Request::Kind kind) {
  switch (kind) {
    case Request::Kind::kCreate:
      return "create";
    case Request::Kind::kGet:
      return "read";
    case Request::Kind::kSet:
      return "write";
    case Request::Kind::kDelete:
      return "remove";
    case Request::Kind::kExists:
      return "look for";
    case Request::Kind::kChildren:
      return "list";
    case Request::Kind::kSync:
      return "synchronize";
    case Request::Kind::kMulti:
      return "change";
  }
  return "do";
}

Failure FailureOf(const Request& request, const Reply& reply) {
  Failure failure{.problem = ProblemOf(reply.code), .message = {}};
  const std::string* path = &request.path;
  if (request.kind == Request::Kind::kMulti) {
    // Operations before the failed one have no error code, those after it a code that only means
    // that.
    for (size_t i = 0; i < reply.codes.size(); ++i) {
      if (reply.codes[i] == reply.code) {
        failure.operation = i;
        break;
      }
    }
    path = &request.operations[failure.operation].path;
  }
  failure.message = fmt::format("Cannot {} '{}' in ZooKeeper: {}", Verb(request.kind), *path,
                                DescribeCode(reply.code));
  return failure;
}

// Passes the reply, converted by `convert`, to the caller.
template <class T, class Convert>
Callback<Reply> Deliver(Callback<T> done, Convert convert) {
  return [done = std::move(done), convert](Answer<Reply> reply) mutable {
    if (!reply) return done(std::unexpected(std::move(reply.error())));
    done(convert(std::move(*reply)));
  };
}

Callback<Reply> Deliver(Callback<void> done) {
  return [done = std::move(done)](Answer<Reply> reply) mutable {
    if (!reply) return done(std::unexpected(std::move(reply.error())));
    done({});
  };
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The C client reads the port after the last ":" and does not understand brackets.
std::string ClientServers(const Address& address) {
  std::string text;
  for (const HostPort& server : address.servers) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}:{}", server.host, server.port);
  }
  return text;
}

}  // namespace

Error ToError(const Failure& failure) {
  switch (failure.problem) {
    case Problem::kNoNode:
      return {Code::kNotFound, failure.message};
    case Problem::kNodeExists:
    case Problem::kBadVersion:
    case Problem::kNotEmpty:
      return {Code::kConflict, failure.message};
    case Problem::kForbidden:
      return {Code::kForbidden, failure.message};
    case Problem::kInvalid:
      return {Code::kInvalid, failure.message};
    case Problem::kTooMany:
    case Problem::kConnectionLost:
    case Problem::kSessionLost:
      return {Code::kUnavailable, failure.message};
    case Problem::kOther:
      return {Code::kInternal, failure.message};
  }
  return {Code::kInternal, failure.message};
}

Session::Session(Address address, Duration timeout, Clock& clock, Poster poster, OnState on_state)
    : address_(std::move(address)),
      on_state_(std::move(on_state)),
      timeout_(timeout),
      expiry_(clock),
      retry_(clock),
      mailbox_(std::move(poster)) {
  client_ = std::make_unique<Client>(
      ClientServers(address_), address_.credentials, timeout,
      Client::Listener{
          .on_event =
              [this](Client::Event event) { mailbox_.Post([this, event] { OnEvent(event); }); },
          .on_reply =
              [this](uint64_t id, Reply reply) {
                mailbox_.Post([this, id, reply = std::move(reply)]() mutable {
                  OnReply(id, std::move(reply));
                });
              },
          .on_watch =
              [this](uint64_t watch, WatchEvent event) {
                mailbox_.Post([this, watch, event] { OnWatch(watch, event); });
              }});
}

Session::~Session() = default;

void Session::Create(std::string path, std::string data, CreateMode mode,
                     Callback<std::string> done) {
  Ask({.kind = Request::Kind::kCreate,
       .path = std::move(path),
       .data = std::move(data),
       .mode = mode},
      nullptr,
      Deliver<std::string>(std::move(done), [](Reply reply) { return std::move(reply.text); }));
}

void Session::CreatePath(std::string path, Callback<void> done) {
  auto created = [this, path, done = std::move(done)](Answer<std::string> answer) mutable {
    if (answer || answer.error().problem == Problem::kNodeExists) return done({});
    const std::string parent = ParentOf(path);
    if (answer.error().problem == Problem::kNoNode && !parent.empty()) {
      CreatePath(parent, [this, path, done = std::move(done)](Answer<void> above) mutable {
        if (!above) return done(std::move(above));
        CreatePath(path, std::move(done));
      });
      return;
    }
    // The parent may belong to other users while this node exists and is accessible.
    if (answer.error().problem == Problem::kForbidden) {
      Exists(path, nullptr,
             [failure = std::move(answer.error()),
              done = std::move(done)](Answer<std::optional<NodeStat>> found) mutable {
               if (found && *found) return done({});
               done(std::unexpected(std::move(failure)));
             });
      return;
    }
    done(std::unexpected(std::move(answer.error())));
  };
  Create(std::move(path), "", CreateMode::kPersistent, std::move(created));
}

void Session::Get(std::string path, Watch watch, Callback<Node> done) {
  Ask({.kind = Request::Kind::kGet, .path = std::move(path)}, std::move(watch),
      Deliver<Node>(std::move(done),
                    [](Reply reply) { return Node{std::move(reply.text), reply.stat}; }));
}

void Session::Exists(std::string path, Watch watch, Callback<std::optional<NodeStat>> done) {
  Ask({.kind = Request::Kind::kExists, .path = std::move(path)}, std::move(watch),
      [done = std::move(done)](Answer<Reply> reply) mutable {
        if (reply) return done(reply->stat);
        if (reply.error().problem == Problem::kNoNode) return done(std::nullopt);
        done(std::unexpected(std::move(reply.error())));
      });
}

void Session::Children(std::string path, Watch watch, Callback<std::vector<std::string>> done) {
  Ask({.kind = Request::Kind::kChildren, .path = std::move(path)}, std::move(watch),
      Deliver<std::vector<std::string>>(std::move(done),
                                        [](Reply reply) { return std::move(reply.children); }));
}

void Session::Set(std::string path, std::string data, int32_t version, Callback<NodeStat> done) {
  Ask({.kind = Request::Kind::kSet,
       .path = std::move(path),
       .data = std::move(data),
       .version = version},
      nullptr, Deliver<NodeStat>(std::move(done), [](const Reply& reply) { return reply.stat; }));
}

void Session::Delete(std::string path, int32_t version, Callback<void> done) {
  Ask({.kind = Request::Kind::kDelete, .path = std::move(path), .version = version}, nullptr,
      Deliver(std::move(done)));
}

void Session::Sync(std::string path, Callback<void> done) {
  Ask({.kind = Request::Kind::kSync, .path = std::move(path)}, nullptr, Deliver(std::move(done)));
}

void Session::Multi(std::vector<Operation> operations, Callback<std::vector<NodeStat>> done) {
  assert(!operations.empty());
  Ask({.kind = Request::Kind::kMulti, .path = {}, .operations = std::move(operations)}, nullptr,
      Deliver<std::vector<NodeStat>>(std::move(done),
                                     [](Reply reply) { return std::move(reply.stats); }));
}

void Session::Ask(Request request, Watch watch, Finish finish) {
  const auto refuse = [&](Problem problem, std::string_view why) {
    FailLater(std::move(finish), {.problem = problem,
                                  .message = fmt::format("Cannot {} '{}' in ZooKeeper: {}",
                                                         Verb(request.kind), request.path, why)});
  };
  if (state_ == State::kLost) return refuse(Problem::kSessionLost, lost_because_);
  const size_t bytes = request.Bytes();
  if (pending_.size() >= kMaxOutstanding || outstanding_bytes_ + bytes > kMaxOutstandingBytes ||
      (watch && watches_.size() >= kMaxWatches)) {
    return refuse(Problem::kTooMany, "too many requests of this session are outstanding");
  }
  const uint64_t id = next_id_++;
  if (watch) {
    request.watch = id;
    watches_.emplace(id, std::move(watch));
  }
  outstanding_bytes_ += bytes;
  pending_.emplace(id, Pending{std::move(request), std::move(finish)});
  if (state_ == State::kConnected) {
    Send(id);
  } else {
    waiting_.insert(id);
  }
}

void Session::FailLater(Finish finish, Failure failure) {
  mailbox_.Post([finish = std::move(finish), failure = std::move(failure)]() mutable {
    finish(std::unexpected(std::move(failure)));
  });
}

void Session::Send(uint64_t id) {
  const int code = client_->Send(pending_.at(id).request, id);
  if (code != 0) mailbox_.Post([this, id, code] { OnReply(id, {.code = code}); });
}

void Session::SendWaiting() {
  for (const uint64_t id : std::exchange(waiting_, {})) Send(id);
}

void Session::OnReply(uint64_t id, Reply reply) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;  // The session was lost, and the request with it.
  Request& request = found->second.request;
  const bool done = reply.code == 0;
  if (!done && request.only_reads() && ProblemOf(reply.code) == Problem::kConnectionLost) {
    waiting_.insert(id);
    if (state_ == State::kConnected && !retry_.pending()) {
      retry_.Set(kRetryDelay, [this] {
        if (state_ == State::kConnected) SendWaiting();
      });
    }
    return;
  }
  Answer<Reply> answer = std::move(reply);
  if (!done) {
    Failure failure = FailureOf(request, *answer);
    const bool watched =
        request.kind == Request::Kind::kExists && failure.problem == Problem::kNoNode;
    if (!watched) watches_.erase(request.watch);
    answer = std::unexpected(std::move(failure));
  }
  Finish finish = std::move(found->second.finish);
  outstanding_bytes_ -= request.Bytes();
  pending_.erase(found);
  finish(std::move(answer));
}

void Session::OnWatch(uint64_t id, WatchEvent event) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  Watch watch = std::move(found->second);
  watches_.erase(found);
  watch(event);
}

void Session::OnEvent(Client::Event event) {
  if (state_ == State::kLost) return;
  switch (event) {
    case Client::Event::kConnected:
      expiry_.Cancel();
      id_ = client_->SessionId();
      timeout_ = client_->NegotiatedTimeout();
      spdlog::info("Connected to ZooKeeper {} (session {:#x})", address_.ToString(), id_);
      state_ = State::kConnected;
      SendWaiting();
      SetState(State::kConnected);
      return;
    case Client::Event::kConnecting:
      // Sent only after it was connected.
      spdlog::warn("Lost the connection to ZooKeeper {} (session {:#x}); connecting again",
                   address_.ToString(), id_);
      expiry_.Set(timeout_, [this] {
        Lose(fmt::format("the session had no connection for {} ms",
                         std::chrono::floor<std::chrono::milliseconds>(timeout_).count()));
      });
      SetState(State::kConnecting);
      return;
    case Client::Event::kExpired:
      return Lose("the session expired");
    case Client::Event::kRefused:
      return Lose("ZooKeeper refused the credentials");
  }
}

void Session::SetState(State state) {
  state_ = state;
  if (on_state_) on_state_(state);
}

void Session::Lose(std::string reason) {
  spdlog::warn("Lost the session {:#x} with ZooKeeper {}: {}", id_, address_.ToString(), reason);
  lost_because_ = std::move(reason);
  expiry_.Cancel();
  retry_.Cancel();
  client_->Close();
  std::map<uint64_t, Pending> pending = std::exchange(pending_, {});
  waiting_.clear();
  watches_.clear();
  outstanding_bytes_ = 0;
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  SetState(State::kLost);
  for (auto& [id, lost] : pending) {
    if (alive.expired()) return;
    lost.finish(std::unexpected(
        Failure{.problem = Problem::kSessionLost,
                .message = fmt::format("Cannot {} '{}' in ZooKeeper: {}", Verb(lost.request.kind),
                                       lost.request.path, lost_because_)}));
  }
}

}  // namespace tepui::zookeeper
