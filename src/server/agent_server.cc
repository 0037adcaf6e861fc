// SPDX-License-Identifier: Apache-2.0
#include "server/agent_server.h"

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <future>
#include <optional>
#include <utility>

#include "agent/checkpoint/checkpoint.h"
#include "api/executor_api.h"
#include "api/operator/agent_calls.h"
#include "api/v0/agent_json.h"
#include "api/v0/common_routes.h"
#include "base/event_loop.h"
#include "base/version.h"
#include "base/worker_pool.h"
#include "election/master_address.h"
#include "server/addresses.h"
#include "server/master_link.h"
#include "server/stream_hub.h"
#include "server/system_metrics.h"
#include "storage/memory/memory_store.h"
#include "web/files.h"
#include "web/http_event_sink.h"
#include "web/responses.h"
#include "web/router.h"

namespace tepui::server {

namespace {

// How long an agent that ends waits for its master to take its last calls.
constexpr auto kLastWords = std::chrono::seconds(2);
// Threads that read sandboxes. A thread may hang on a file system that does not answer.
constexpr int kFileThreads = 4;

// The agent's Links: sends to the master over the link and to executors through the hub.
class EdgeLinks final : public agent::Links {
 public:
  EdgeLinks(MasterLink& master, StreamHub& hub, std::function<void(const AgentId&)> identified)
      : master_(master), hub_(hub), identified_(std::move(identified)) {}
  void Identify(const AgentId& id) override { identified_(id); }
  void Subscribe(link::Call::Subscribe subscribe) override {
    master_.Subscribe(std::move(subscribe));
  }
  void Send(link::Call call) override { master_.Send(std::move(call)); }
  void Disconnect() override { master_.Disconnect(); }
  void Send(agent::StreamId stream,
            std::shared_ptr<const google::protobuf::Message> event) override {
    hub_.Send(stream, std::move(event));
  }
  void Close(agent::StreamId stream) override { hub_.Close(stream); }

 private:
  MasterLink& master_;
  StreamHub& hub_;
  const std::function<void(const AgentId&)> identified_;
};

}  // namespace

class AgentServer::Impl {
 public:
  Impl(net::IoThreads& threads, AgentServerOptions options)
      : threads_(threads),
        options_(std::move(options)),
        hub_([this](StreamHub::StreamId stream) {
          loop_.Post([this, stream] {
            if (agent_) agent_->OnStreamClosed(stream);
          });
        }),
        server_(threads, options_.net, [this](net::Request request, net::Responder responder) {
          if (ready_.load(std::memory_order_acquire)) {
            router_.Route(std::move(request), std::move(responder));
          } else {
            std::move(responder).Send(web::TextResponse(503, "Agent has not finished recovery"));
          }
        }) {}

  ~Impl() {
    DrainLink();
    // The sources of work stop first, then the threads that do it. Then, when no thread is left,
    // the core is destroyed before the objects that it calls.
    server_.Stop();
    workers_.Stop();
    hub_.Stop();
    loop_.Stop();
    reader_.Stop();
    detector_.reset();
    agent_.reset();
    store_.reset();
    links_.reset();
    link_.reset();
    parts_.reset();
  }

  Status Start();
  uint16_t port() const { return server_.port(); }

  void Shutdown(bool unregister, const std::string& reason) {
    loop_.Post([this, unregister, reason] { agent_->Shutdown(unregister, reason); });
  }
  void Leave(const std::string& reason) {
    loop_.Post([this, reason] { agent_->Leave(reason); });
  }

 private:
  void FillIdentity();
  Status OpenStore(const Poster& poster);
  void AddRoutes();
  void DrainLink();
  void OnOperator(web::Incoming incoming, net::Responder responder);
  void OnExecutor(web::Incoming incoming, net::Responder responder);
  void OnExecutorSubscribe(api::ExecutorRequest read, security::Caller caller,
                           net::Responder responder);
  std::expected<security::Caller, net::Response> Identify(const net::Request& request,
                                                          std::string_view path) const;
  void OnLeader(const std::optional<v1::MasterInfo>& leader);
  void AttachSandboxes(const AgentId& id);

  // Renders from a snapshot that the core makes on its own thread.
  void AddRendered(std::string path, std::function<std::string(const agent::AgentState&)> render) {
    router_.Add(
        std::move(path), "GET",
        [this, render = std::move(render)](web::Incoming incoming, net::Responder responder) {
          loop_.Post([this, &render, url = std::move(incoming.url),
                      responder = std::move(responder)]() mutable {
            reader_.Post([&render, state = agent_->Snapshot(), url = std::move(url),
                          responder = std::move(responder)]() mutable {
              std::move(responder).Send(web::JsonResponse(render(*state), url));
            });
          });
        });
  }

  net::IoThreads& threads_;
  AgentServerOptions options_;
  std::string pid_;
  SystemRandom random_;
  web::Router router_{"/slave(1)", std::bind_front(&Impl::Identify, this)};
  web::Files files_;
  WorkerPool workers_{"agent-files", kFileThreads};
  std::atomic<bool> ready_ = false;

  EventLoop reader_{"agent-reader"};
  // Used on the agent's thread only.
  std::optional<AgentParts> parts_;  // Absent until Start has made them.
  std::unique_ptr<MasterLink> link_;
  std::unique_ptr<EdgeLinks> links_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<election::Detector> detector_;

  EventLoop loop_{"agent"};
  StreamHub hub_;
  net::Server server_;
};

Status AgentServer::Impl::Start() {
  AddRoutes();
  if (auto listening = server_.Listen(options_.ip, options_.port); !listening) return listening;
  FillIdentity();
  const Poster poster = [this](std::move_only_function<void()> work) {
    loop_.Post(std::move(work));
  };
  auto parts = options_.parts(threads_, poster);
  if (!parts) return Fail(parts.error());
  parts_ = std::move(*parts);

  Status opened;
  loop_.Run([&, this] {
    opened = OpenStore(poster);
    if (!opened) return;
    MasterLink::Events events;
    events.on_event = [this](const link::Event& event) { agent_->OnMasterEvent(event); };
    events.on_disconnected = [this](const std::string& reason) {
      agent_->OnMasterDisconnected(reason);
    };
    link_ = std::make_unique<MasterLink>(threads_, loop_, std::move(events));
    links_ = std::make_unique<EdgeLinks>(*link_, hub_,
                                         [this](const AgentId& id) { AttachSandboxes(id); });
    agent_ =
        std::make_unique<agent::Agent>(options_.agent,
                                       agent::Agent::Parts{.clock = loop_,
                                                           .random = random_,
                                                           .links = *links_,
                                                           .containerizer = *parts_->containerizer,
                                                           .prober = *parts_->prober,
                                                           .disk = *parts_->disk,
                                                           .store = *store_},
                                       options_.on_exit);
    agent_->Recover();
    detector_ = options_.detector(loop_, poster);
    detector_->Watch([this](const std::optional<v1::MasterInfo>& leader) { OnLeader(leader); });
  });
  if (opened) ready_.store(true, std::memory_order_release);
  return opened;
}

Status AgentServer::Impl::OpenStore(const Poster& poster) {
  if (!options_.store) {
    store_ = std::make_unique<storage::MemoryStore>(poster, std::make_shared<storage::MemoryData>(),
                                                    agent::Checkpoint::kLimits);
    return {};
  }
  auto store = options_.store(poster, [this](bool full) { agent_->OnDiskFull(full); });
  if (!store) return Fail(store.error());
  store_ = std::move(*store);
  return {};
}

void AgentServer::Impl::FillIdentity() {
  const std::string ip = AdvertisedIp(options_.ip);
  v1::AgentInfo& info = options_.agent.info;
  if (!info.has_hostname() || info.hostname().empty()) info.set_hostname(Hostname());
  info.set_port(server_.port());
  v1::Address& address = options_.agent.address;
  if (!address.has_hostname()) address.set_hostname(info.hostname());
  if (!address.has_ip()) address.set_ip(ip);
  address.set_port(server_.port());
  if (options_.agent.version.empty()) options_.agent.version = std::string(kMesosVersion);
  pid_ = fmt::format("slave(1)@{}:{}", address.ip(), server_.port());
}

// Waits for the agent's last calls, which announce that it leaves, to be delivered.
void AgentServer::Impl::DrainLink() {
  const auto drained = std::make_shared<std::promise<void>>();
  loop_.Post([this, drained] {
    if (link_ == nullptr) return drained->set_value();
    link_->Drain([drained] { drained->set_value(); });
  });
  drained->get_future().wait_for(kLastWords);
}

void AgentServer::Impl::OnLeader(const std::optional<v1::MasterInfo>& leader) {
  if (!leader) return agent_->OnMasterLost();
  link_->SetMaster(election::WhereIs(*leader));
  agent_->OnMasterDetected();
}

// Serves sandboxes by their path on disk, and by the path below the agent's own directory.
void AgentServer::Impl::AttachSandboxes(const AgentId& id) {
  const std::string agents = options_.agent.work_dir + "/slaves";
  files_.Attach({{agents, agents}, {"/frameworks", agents + "/" + id.value() + "/frameworks"}});
}

void AgentServer::Impl::AddRoutes() {
  const std::string& hostname = options_.agent.info.hostname();
  router_.Guard(web::ForeignPagesOf(options_.ip, hostname.empty() ? Hostname() : hostname));
  router_.Add(std::string(api::kExecutorPath), "POST",
              [this](web::Incoming incoming, net::Responder responder) {
                OnExecutor(std::move(incoming), std::move(responder));
              });
  router_.Add(std::string(api::kOperatorPath), "POST",
              [this](web::Incoming incoming, net::Responder responder) {
                OnOperator(std::move(incoming), std::move(responder));
              });
  AddRendered("/state", [this](const agent::AgentState& state) {
    return api::AgentStateJson(options_.agent, pid_, options_.flags, state);
  });
  AddRendered("/metrics/snapshot", [](const agent::AgentState& state) {
    std::map<std::string, double> metrics = SystemMetrics();
    metrics.insert(state.metrics.begin(), state.metrics.end());
    return MetricsJson(metrics);
  });
  api::AddCommonRoutes(&router_, options_.flags);
  files_.AddRoutes(&router_, workers_);
}

void AgentServer::Impl::OnOperator(web::Incoming incoming, net::Responder responder) {
  auto call = api::AdmitRequest<api::AgentApi>(incoming.request, std::move(incoming.caller));
  if (!call) {
    std::move(responder).Send(std::move(call.error()));
    return;
  }
  loop_.Post([this, call = std::move(*call), responder = std::move(responder)]() mutable {
    if (call.reads()) {
      reader_.Post([call = std::move(call), state = agent_->Snapshot(),
                    responder = std::move(responder)]() mutable {
        std::move(responder).Send(call.Read(*state));
      });
      return;
    }
    call.Change(*agent_, [responder = std::move(responder)](net::Response response) mutable {
      std::move(responder).Send(std::move(response));
    });
  });
}

// Only executors authenticate yet.
std::expected<security::Caller, net::Response> AgentServer::Impl::Identify(
    const net::Request& request, std::string_view path) const {
  if (path != api::kExecutorPath) return security::Caller();
  return api::IdentifyExecutor(request, options_.agent.jwt_secret);
}

void AgentServer::Impl::OnExecutor(web::Incoming incoming, net::Responder responder) {
  auto read = api::ReadExecutorRequest(incoming.request);
  if (!read) {
    std::move(responder).Send(std::move(read.error()));
    return;
  }
  if (read->events) {
    OnExecutorSubscribe(std::move(*read), std::move(incoming.caller), std::move(responder));
    return;
  }
  loop_.Post([this, caller = std::move(incoming.caller), read = std::move(*read),
              responder = std::move(responder)]() mutable {
    agent_->OnExecutorCall(caller, read.call,
                           [responder = std::move(responder)](Status status) mutable {
                             std::move(responder).Send(status ? web::TextResponse(202, "")
                                                              : web::ErrorResponse(status.error()));
                           });
  });
}

void AgentServer::Impl::OnExecutorSubscribe(api::ExecutorRequest read, security::Caller caller,
                                            net::Responder responder) {
  const auto stream =
      hub_.Open(std::make_unique<web::HttpEventSink>(std::move(responder), *read.events, ""));
  loop_.Post([this, stream, caller = std::move(caller), read = std::move(read)] {
    agent_->OnExecutorSubscribe(stream, caller, read.call, [this, stream](Status status) {
      hub_.Answer(stream, std::move(status));
    });
  });
}

Result<std::unique_ptr<AgentServer>> AgentServer::Start(net::IoThreads& threads,
                                                        AgentServerOptions options) {
  auto impl = std::make_unique<Impl>(threads, std::move(options));
  if (auto started = impl->Start(); !started) return Fail(started.error());
  return std::unique_ptr<AgentServer>(new AgentServer(std::move(impl)));
}

AgentServer::AgentServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AgentServer::~AgentServer() = default;
uint16_t AgentServer::port() const { return impl_->port(); }
void AgentServer::Leave(const std::string& reason) { impl_->Leave(reason); }
void AgentServer::Shutdown(bool unregister, const std::string& reason) {
  impl_->Shutdown(unregister, reason);
}

}  // namespace tepui::server
