// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/election.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace tepui::sim {

namespace {

// The protocol between clients and service. A client POSTs kStand or kWatch, with the session's
// number if it has one, and keeps the response open: records "session N", "elected EPOCH", "leader
// HOST", "no leader". It POSTs its number to kRenew. 410 means that there is no such session.
constexpr char kStand[] = "/stand";
constexpr char kWatch[] = "/watch";
constexpr char kRenew[] = "/renew";
constexpr unsigned kGone = 410;

uint64_t ToNumber(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

net::Response Answer(unsigned status) {
  net::Response response;
  response.status = status;
  return response;
}

}  // namespace

class Election::Service {
 public:
  Service(World& world, Network& network) : world_(world), process_(world, kCoordination) {
    network.Serve(kCoordination, process_,
                  [this](net::Request request, std::shared_ptr<Network::Exchange> exchange) {
                    OnRequest(request, std::move(exchange));
                  });
  }
  // Its connections must end before the objects they refer to.
  ~Service() { process_.Kill(); }

  std::optional<Host> leader() const {
    return leader_ == 0 ? std::nullopt : std::optional(sessions_.at(leader_).host);
  }
  uint64_t epoch() const { return epoch_; }

 private:
  struct Session {
    Host host;
    bool stands = false;
    std::shared_ptr<Network::Exchange> stream;
    TimerId expiry = 0;
  };
  using Sessions = std::map<uint64_t, Session>;

  void OnRequest(const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
    auto found = sessions_.find(ToNumber(request.body));
    if (found == sessions_.end()) {
      if (request.target == kRenew || !request.body.empty()) {
        exchange->Respond(Answer(kGone));
        return;
      }
      found = sessions_.try_emplace(++last_session_).first;
      found->second.host = request.peer;
      found->second.stands = request.target == kStand;
    }
    KeepAlive(found);
    if (request.target == kRenew) {
      exchange->Respond(Answer(200));
    } else {
      OpenStream(found, std::move(exchange));
    }
  }

  void KeepAlive(Sessions::iterator session) {
    process_.Cancel(session->second.expiry);
    session->second.expiry = process_.After(kSessionTimeout, [this, session] { Expire(session); });
  }

  void OpenStream(Sessions::iterator session, std::shared_ptr<Network::Exchange> exchange) {
    session->second.stream = std::move(exchange);
    session->second.stream->Start({});
    session->second.stream->Write(fmt::format("session {}", session->first));
    // The new candidate may have become the leader, which Elect announces to all sessions.
    if (!Elect()) Notify(*session);
  }

  void Expire(Sessions::iterator session) {
    world_.Write("{}'s session {} is over", session->second.host, session->first);
    const bool led = session->first == leader_;
    sessions_.erase(session);  // Ends its stream.
    if (!led) return;
    leader_ = 0;
    if (!Elect()) NotifyAll();
  }

  // Makes the first candidate the leader if there is none.
  bool Elect() {
    if (leader_ != 0) return false;
    for (const auto& [id, session] : sessions_) {
      if (!session.stands) continue;
      leader_ = id;
      ++epoch_;
      world_.Write("{} is elected, epoch {}", session.host, epoch_);
      NotifyAll();
      return true;
    }
    return false;
  }

  void NotifyAll() {
    for (const auto& session : sessions_) Notify(session);
  }

  void Notify(const Sessions::value_type& session) {
    if (session.first == leader_) {
      session.second.stream->Write(fmt::format("elected {}", epoch_));
    } else {
      session.second.stream->Write(leader_ == 0 ? "no leader" : "leader " + *leader());
    }
  }

  World& world_;
  Process process_;
  Sessions sessions_;  // The first candidate leads.
  uint64_t last_session_ = 0;
  uint64_t leader_ = 0;  // The session that leads, or 0.
  uint64_t epoch_ = 0;
};

// One process' session with the service. Kept alive by the callbacks that the process waits for.
class Election::Client : public std::enable_shared_from_this<Client> {
 public:
  struct Events {
    std::function<void(uint64_t epoch)> on_elected;
    std::function<void(std::optional<Host>)> on_leader;
    // Returns true to begin another session.
    std::function<bool()> on_over;
  };

  Client(Network& network, Process& process, Host host, const char* target, Events events)
      : network_(network),
        process_(process),
        host_(std::move(host)),
        target_(target),
        events_(std::move(events)) {}

  void Start() {
    OpenStream();
    Tick();
  }

 private:
  static constexpr Duration kRenewalInterval = kSessionTimeout / 3;
  static constexpr Duration kRetryDelay = std::chrono::milliseconds(500);
  // A client sends a last renewal this long before its session may be over.
  static constexpr Duration kLastChance = std::chrono::seconds(1);

  void OpenStream();
  void RetryStream();
  void OnRecord(const std::string& record);
  void Tick();
  void Renew();
  // The session lasts at least kSessionTimeout from `sent`.
  void OnRenewed(MonotonicTime sent);
  void OnOver();

  net::Request MakeRequest(const char* target) const {
    net::Request request;
    request.method = "POST";
    request.target = target;
    request.body = session_;
    return request;
  }

  Network& network_;
  Process& process_;
  const Host host_;
  const char* const target_;
  const Events events_;
  bool ended_ = false;
  std::string session_;  // Empty if there is none yet.
  uint64_t elected_ = 0;
  uint64_t generation_ = 0;  // Generation of the session: callbacks of an older one are ignored.
  std::unique_ptr<Network::Connection> stream_;
  std::unique_ptr<Network::Connection> renewals_;
  bool renewing_ = false;
  MonotonicTime renewed_{};
  TimerId expiry_ = 0;
};

void Election::Client::OpenStream() {
  network_.Connect(
      process_, host_, kCoordination,
      [self = shared_from_this(), this, generation = generation_](auto connected) {
        if (ended_ || generation != generation_) return;
        if (!connected) return RetryStream();
        stream_ = std::move(*connected);
        const MonotonicTime sent = process_.Now();
        stream_->Send(MakeRequest(target_),
                      {.on_response =
                           [self, this, sent](const net::Response& response) {
                             if (response.status == kGone) return OnOver();
                             OnRenewed(sent);
                           },
                       .on_record = [self, this](const std::string& record) { OnRecord(record); },
                       .on_end = [self, this](const std::string&) { RetryStream(); }});
      });
}

void Election::Client::RetryStream() {
  stream_.reset();
  process_.After(kRetryDelay, [self = shared_from_this(), this, generation = generation_] {
    if (!ended_ && generation == generation_) OpenStream();
  });
}

void Election::Client::OnRecord(const std::string& record) {
  const size_t space = record.find(' ');
  const std::string_view word = std::string_view(record).substr(0, space);
  const std::string rest = record.substr(space + 1);
  if (word == "session") {
    session_ = rest;
  } else if (word == "elected") {
    // The service repeats this on each stream.
    if (std::exchange(elected_, ToNumber(rest)) != ToNumber(rest)) events_.on_elected(elected_);
  } else {
    events_.on_leader(word == "leader" ? std::optional(rest) : std::nullopt);
  }
}

void Election::Client::Tick() {
  if (ended_) return;
  if (!session_.empty()) {
    // A renewal that was not answered in time is retried on another connection, because the old one
    // may be dead.
    if (renewing_) renewals_.reset();
    Renew();
  }
  process_.After(kRenewalInterval, [self = shared_from_this(), this] { Tick(); });
}

void Election::Client::Renew() {
  renewing_ = true;
  if (renewals_ == nullptr) {
    network_.Connect(process_, host_, kCoordination,
                     [self = shared_from_this(), this, generation = generation_](auto connected) {
                       if (ended_ || generation != generation_ || !connected) return;
                       renewals_ = std::move(*connected);
                       Renew();
                     });
    return;
  }
  const MonotonicTime sent = process_.Now();
  renewals_->Send(
      MakeRequest(kRenew),
      {.on_response =
           [self = shared_from_this(), this, sent](const net::Response& response) {
             renewing_ = false;
             if (response.status == kGone) return OnOver();
             OnRenewed(sent);
           },
       .on_record = nullptr,
       .on_end = [self = shared_from_this(), this](const std::string&) { renewals_.reset(); }});
}

void Election::Client::OnRenewed(MonotonicTime sent) {
  if (sent < renewed_) return;  // A later renewal was answered before.
  renewed_ = sent;
  process_.Cancel(expiry_);
  const Duration left = sent + kSessionTimeout - kLastChance - process_.Now();
  expiry_ = process_.After(std::max(left, Duration::zero()), [self = shared_from_this(), this] {
    // After a pause the session may be over already; this gives the service time to answer.
    expiry_ = process_.After(kLastChance, [self, this] { OnOver(); });
    renewals_.reset();
    Renew();
  });
}

void Election::Client::OnOver() {
  ++generation_;
  process_.Cancel(expiry_);
  session_.clear();
  stream_.reset();
  renewals_.reset();
  renewing_ = false;
  ended_ = !events_.on_over();
  if (!ended_) RetryStream();
}

Election::Election(World& world, Network& network)
    : network_(network), service_(std::make_unique<Service>(world, network)) {}

Election::~Election() = default;

void Election::Stand(const Host& host, Process& process, Candidate candidate) {
  Client::Events events;
  events.on_elected = std::move(candidate.on_elected);
  events.on_leader = [](const std::optional<Host>&) {};
  events.on_over = [on_lost = std::move(candidate.on_lost)] {
    on_lost();
    return false;
  };
  std::make_shared<Client>(network_, process, host, kStand, std::move(events))->Start();
}

void Election::Watch(const Host& host, Process& process,
                     std::function<void(std::optional<Host>)> on_change) {
  // Empty at first, then the leader that was reported last.
  const auto known = std::make_shared<std::optional<std::optional<Host>>>();
  const auto learn = [known, on_change = std::move(on_change)](const std::optional<Host>& leader) {
    if (known->has_value() && **known == leader) return;
    known->emplace(leader);
    on_change(leader);
  };
  Client::Events events;
  events.on_elected = [](uint64_t) {};
  events.on_leader = learn;
  events.on_over = [learn] {
    learn(std::nullopt);
    return true;
  };
  std::make_shared<Client>(network_, process, host, kWatch, std::move(events))->Start();
}

std::optional<Host> Election::leader() const { return service_->leader(); }

uint64_t Election::epoch() const { return service_->epoch(); }

}  // namespace tepui::sim
