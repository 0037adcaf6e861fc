// SPDX-License-Identifier: Apache-2.0
#include "server/master_server.h"

#include <atomic>
#include <cassert>
#include <charconv>
#include <future>
#include <utility>

#include "api/master_api.h"
#include "api/operator/master_calls.h"
#include "api/v0/common_routes.h"
#include "api/v0/front_page.h"
#include "api/v0/master_json.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/version.h"
#include "election/standalone.h"
#include "server/addresses.h"
#include "server/stream_hub.h"
#include "server/system_metrics.h"
#include "storage/memory/memory_store.h"
#include "web/http_event_sink.h"
#include "web/responses.h"
#include "web/router.h"

namespace tepui::server {

namespace {

// The master's Links: passes everything to the hub. The events of one turn of the master's loop go
// together, so that a busy master does not wake the hub for each event.
class HubLinks final : public master::Links {
 public:
  HubLinks(EventLoop& loop, StreamHub& hub) : loop_(loop), hub_(hub) {}
  void Send(master::StreamId stream,
            std::shared_ptr<const google::protobuf::Message> event) override {
    Add({stream, std::move(event)});
  }
  void Close(master::StreamId stream) override { Add({stream, nullptr}); }

 private:
  void Add(StreamHub::Outgoing outgoing) {
    outbox_.push_back(std::move(outgoing));
    if (outbox_.size() > 1) return;
    loop_.Post([this] { hub_.Send(std::exchange(outbox_, {})); });
  }

  EventLoop& loop_;
  StreamHub& hub_;
  std::vector<StreamHub::Outgoing> outbox_;  // Used on the master's thread only.
};

// Passes the master's changes to the reader's thread.
class ReaderSink final : public master::ReadModelSink {
 public:
  ReaderSink(EventLoop& reader, master::ReadModel& model) : reader_(reader), model_(model) {}
  void Publish(master::Changes changes) override {
    reader_.Post(
        [this, changes = std::move(changes)]() mutable { model_.Apply(std::move(changes)); });
  }

 private:
  EventLoop& reader_;
  master::ReadModel& model_;
};

// The answer to a call that reaches the master's thread after the master stopped leading.
Error LeadsNoMore() { return {Code::kUnavailable, "This master is no longer the leader"}; }

size_t NumberOr(const net::Url& url, std::string_view key, size_t fallback) {
  const std::string* text = url.Query(key);
  if (text == nullptr) return fallback;
  size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? value : fallback;
}

std::optional<std::string> OptionalQuery(const net::Url& url, std::string_view key) {
  const std::string* value = url.Query(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

}  // namespace

class MasterServer::Impl {
 public:
  Impl(net::IoThreads& threads, MasterServerOptions options)
      : options_(std::move(options)),
        hub_([this](StreamHub::StreamId stream) {
          loop_.Post([this, stream] {
            if (master::Master* master = Leading()) master->OnStreamClosed(stream);
          });
        }),
        links_(loop_, hub_),
        sink_(reader_, model_),
        server_(threads, options_.net, [this](net::Request request, net::Responder responder) {
          router_.Route(std::move(request), std::move(responder));
        }) {}

  ~Impl() {
    // The sources of work stop first, then the threads that do it, then, when no thread is left,
    // the core.
    server_.Stop();
    hub_.Stop();
    loop_.Stop();
    reader_.Stop();
    leadership_.reset();
    election_ = {};
    store_.reset();
  }

  Status Start();

  uint16_t port() const { return server_.port(); }
  const std::string& id() const { return options_.master.info.id(); }

 private:
  void FillIdentity();
  Status OpenStore(const std::string& candidacy);
  void StandForElection();
  void Lead(const std::string& candidacy);
  Poster ToLoop() {
    return [this](std::move_only_function<void()> work) { loop_.Post(std::move(work)); };
  }
  void End(const Error& why);
  // Null unless this master leads. Used on the master's thread only.
  master::Master* Leading() { return leadership_ ? leadership_->master() : nullptr; }

  void AddRoutes();
  void AddFrontPage();
  void AddReadRoutes();
  // Adds a route that only a leader serves; other masters redirect the client to the leader.
  void AddLeading(std::string path, std::string method, web::Router::Handler handler);
  void SendOn(const net::Request& request, net::Responder responder);
  void Redirect(net::Responder responder);

  // Runs `work` with the master on its thread. If this master no longer leads, `reply` gets an
  // error.
  template <class Work>
  void WithMaster(master::Reply reply, Work work) {
    loop_.Post([this, reply = std::move(reply), work = std::move(work)]() mutable {
      master::Master* master = Leading();
      if (master != nullptr) return work(*master, std::move(reply));
      reply(Fail(LeadsNoMore()));
    });
  }

  void OnScheduler(web::Incoming incoming, net::Responder responder);
  void OnAgent(web::Incoming incoming, net::Responder responder);
  void OnOperator(api::Admission<api::MasterApi> call, net::Responder responder);

  // Returns the reply to a call that is not a subscription.
  static master::Reply ReplyWith(net::Responder responder, unsigned success) {
    return [responder = std::move(responder), success](Status status) mutable {
      std::move(responder).Send(status ? web::TextResponse(success, "")
                                       : web::ErrorResponse(status.error()));
    };
  }
  master::Reply ReplyTo(StreamHub::StreamId stream) {
    return [this, stream](Status status) { hub_.Answer(stream, std::move(status)); };
  }

  // Runs `read` on the reader's thread, when the read model has all that anybody was told before.
  void Read(std::move_only_function<void()> read) {
    loop_.Post([this, read = std::move(read)]() mutable {
      auto hand_over = [this, read = std::move(read)]() mutable { reader_.Post(std::move(read)); };
      master::Master* master = Leading();
      if (master != nullptr) return master->WhenPublished(std::move(hand_over));
      hand_over();
    });
  }
  // Renders on the reader's thread.
  void AddRendered(std::string path, std::function<std::string(const net::Url&)> render) {
    AddLeading(
        std::move(path), "GET",
        [this, render = std::move(render)](web::Incoming incoming, net::Responder responder) {
          Read(
              [&render, url = std::move(incoming.url), responder = std::move(responder)]() mutable {
                std::move(responder).Send(web::JsonResponse(render(url), url));
              });
        });
  }

  MasterServerOptions options_;
  api::MasterIdentity identity_;
  SystemRandom random_;
  web::Router router_{"/master"};

  // I/O threads read it for every request.
  std::atomic<bool> leading_ = false;
  Mutex mutex_;
  bool elected_ TEPUI_GUARDED_BY(mutex_) = false;
  std::optional<v1::MasterInfo> leader_ TEPUI_GUARDED_BY(mutex_);

  master::ReadModel model_;  // Used on the reader's thread only.
  EventLoop reader_{"reader"};

  // Used on the master's thread only.
  std::unique_ptr<storage::Store> store_;
  election::Election election_;
  std::optional<master::Leadership> leadership_;
  bool ended_ = false;
  // If this is the only master: the outcome of its start.
  std::optional<std::promise<Status>> started_;

  EventLoop loop_{"master"};
  StreamHub hub_;
  HubLinks links_;
  ReaderSink sink_;
  net::Server server_;
};

Status MasterServer::Impl::Start() {
  AddRoutes();
  if (auto listening = server_.Listen(options_.ip, options_.port); !listening) return listening;
  FillIdentity();
  std::optional<std::future<Status>> started;
  loop_.Run([&] {
    if (!options_.election) started = started_.emplace().get_future();
    StandForElection();
  });
  return started ? started->get() : Status();
}

Status MasterServer::Impl::OpenStore(const std::string& candidacy) {
  if (!options_.store) {
    store_ = std::make_unique<storage::MemoryStore>(ToLoop());
    return {};
  }
  auto store = options_.store(loop_, ToLoop(), candidacy);
  if (!store) return Fail(store.error());
  store_ = std::move(*store);
  return {};
}

void MasterServer::Impl::StandForElection() {
  election_ = options_.election ? options_.election(loop_, ToLoop())
                                : election::MakeStandaloneElection(ToLoop());
  election_.detector->Watch([this](const std::optional<v1::MasterInfo>& leader) {
    const MutexLock lock(mutex_);
    leader_ = leader;
  });
  election_.contender->Contend(
      {.info = identity_.info,
       .elected = [this](const std::string& candidacy) { Lead(candidacy); },
       .lost = [this](const Error& why) { End(why); }});
}

void MasterServer::Impl::Lead(const std::string& candidacy) {
  assert(!leadership_);
  spdlog::info("Elected as the leading master");
  {
    const MutexLock lock(mutex_);
    elected_ = true;
  }
  if (Status opened = OpenStore(candidacy); !opened) return End(opened.error());
  const auto leads = [this] {
    identity_.elected = std::chrono::system_clock::now();
    leading_.store(true, std::memory_order_release);
    if (started_) started_->set_value({});
    started_.reset();
  };
  leadership_.emplace(
      options_.master, options_.registry,
      master::Leadership::Parts{
          .clock = loop_, .random = random_, .links = links_, .store = *store_, .sink = sink_},
      leads, [this](const Error& why) { End(why); });
}

void MasterServer::Impl::End(const Error& why) {
  leading_.store(false, std::memory_order_release);
  if (std::exchange(ended_, true)) return;
  if (started_) {
    started_->set_value(Fail(why));
    started_.reset();
  } else {
    options_.on_exit(why);
  }
}

void MasterServer::Impl::FillIdentity() {
  v1::MasterInfo& info = options_.master.info;
  const std::string ip = AdvertisedIp(options_.ip);
  if (info.id().empty()) info.set_id(random_.Uuid());
  if (!info.has_ip() || info.ip() == 0) info.set_ip(PackedIp(ip));
  info.set_port(server_.port());
  if (!info.has_hostname()) info.set_hostname(Hostname());
  if (!info.has_pid()) info.set_pid(fmt::format("master@{}:{}", ip, server_.port()));
  if (!info.has_version()) info.set_version(std::string(kMesosVersion));
  if (!info.has_address()) {
    info.mutable_address()->set_hostname(info.hostname());
    info.mutable_address()->set_ip(ip);
    info.mutable_address()->set_port(server_.port());
  }
  if (info.capabilities().empty()) {
    // QUOTA_V2 and AGENT_DRAINING will be advertised with the operator API that serves them.
    info.add_capabilities()->set_type(v1::MasterInfo::Capability::AGENT_UPDATE);
  }
  identity_.info = info;
  identity_.cluster = options_.cluster;
  identity_.flags = options_.flags;
  identity_.started = std::chrono::system_clock::now();
}

void MasterServer::Impl::AddLeading(std::string path, std::string method,
                                    web::Router::Handler handler) {
  router_.Add(
      std::move(path), std::move(method),
      [this, handler = std::move(handler)](web::Incoming incoming, net::Responder responder) {
        if (leading_.load(std::memory_order_acquire)) {
          handler(std::move(incoming), std::move(responder));
        } else {
          SendOn(incoming.request, std::move(responder));
        }
      });
}

void MasterServer::Impl::SendOn(const net::Request& request, net::Responder responder) {
  const MutexLock lock(mutex_);
  std::move(responder).Send(api::SendOn(
      {.self = identity_.info, .elected = elected_, .leader = leader_}, request.target));
}

void MasterServer::Impl::Redirect(net::Responder responder) {
  const MutexLock lock(mutex_);
  if (!elected_ && !leader_) {
    std::move(responder).Send(web::TextResponse(503, "No leader elected"));
    return;
  }
  net::Response response = web::TextResponse(307, "");
  response.headers.Add("Location", api::LeaderUrl(elected_ ? identity_.info : *leader_));
  std::move(responder).Send(std::move(response));
}

void MasterServer::Impl::AddRoutes() {
  const v1::MasterInfo& info = options_.master.info;
  router_.Guard(
      web::ForeignPagesOf(options_.ip, info.has_hostname() ? info.hostname() : Hostname()));
  AddLeading(std::string(api::kSchedulerPath), "POST",
             [this](web::Incoming incoming, net::Responder responder) {
               OnScheduler(std::move(incoming), std::move(responder));
             });
  AddLeading(std::string(api::kAgentPath), "POST",
             [this](web::Incoming incoming, net::Responder responder) {
               OnAgent(std::move(incoming), std::move(responder));
             });
  AddLeading(std::string(api::kOperatorPath), "POST",
             [this](web::Incoming incoming, net::Responder responder) {
               OnOperator(
                   api::AdmitRequest<api::MasterApi>(incoming.request, std::move(incoming.caller)),
                   std::move(responder));
             });
  AddLeading(std::string(api::kTeardownPath), "POST",
             [this](web::Incoming incoming, net::Responder responder) {
               OnOperator(api::AdmitTeardownForm(incoming.request, std::move(incoming.caller)),
                          std::move(responder));
             });
  api::AddCommonRoutes(&router_, options_.flags);
  router_.Add("/redirect", "", [this](const web::Incoming&, net::Responder responder) {
    Redirect(std::move(responder));
  });
  AddFrontPage();
  AddReadRoutes();
}

void MasterServer::Impl::AddFrontPage() {
  router_.Add("/", "GET", [this](const web::Incoming&, net::Responder responder) {
    if (leading_.load(std::memory_order_acquire)) {
      Read([this, responder = std::move(responder)]() mutable {
        std::move(responder).Send(api::FrontPage(identity_, model_));
      });
      return;
    }
    const MutexLock lock(mutex_);
    // If this master is elected but still reads the registry, there is no other leader to link to.
    std::move(responder).Send(api::StandbyPage(elected_ ? std::nullopt : leader_));
  });
}

void MasterServer::Impl::AddReadRoutes() {
  AddRendered("/state", [this](const net::Url&) { return api::StateJson(identity_, model_); });
  AddRendered("/state-summary",
              [this](const net::Url&) { return api::StateSummaryJson(identity_, model_); });
  AddRendered("/slaves", [this](const net::Url& url) {
    return api::AgentsJson(model_, url.Query("slave_id"));
  });
  AddRendered("/frameworks", [this](const net::Url& url) {
    return api::FrameworksJson(model_, url.Query("framework_id"));
  });
  AddRendered("/tasks", [this](const net::Url& url) {
    api::TaskQuery query;
    query.framework_id = OptionalQuery(url, "framework_id");
    query.task_id = OptionalQuery(url, "task_id");
    query.limit = NumberOr(url, "limit", query.limit);
    query.offset = NumberOr(url, "offset", query.offset);
    query.ascending = OptionalQuery(url, "order") == "asc";
    return api::TasksJson(model_, query);
  });
  AddRendered("/metrics/snapshot", [this](const net::Url&) {
    std::map<std::string, double> metrics = SystemMetrics();
    metrics.insert(model_.metrics().begin(), model_.metrics().end());
    return MetricsJson(metrics);
  });
}

void MasterServer::Impl::OnScheduler(web::Incoming incoming, net::Responder responder) {
  auto read = api::ReadSchedulerRequest(incoming.request);
  if (!read) {
    std::move(responder).Send(std::move(read.error()));
    return;
  }
  if (!read->events) {
    WithMaster(ReplyWith(std::move(responder), read->success),
               [caller = std::move(incoming.caller), read = std::move(*read)](
                   master::Master& master, master::Reply reply) {
                 master.OnSchedulerCall(read.stream_uuid, caller, read.call, std::move(reply));
               });
    return;
  }
  std::string uuid = random_.Uuid();
  const auto stream =
      hub_.Open(std::make_unique<web::HttpEventSink>(std::move(responder), *read->events, uuid));
  WithMaster(ReplyTo(stream),
             [stream, uuid = std::move(uuid), caller = std::move(incoming.caller),
              call = std::move(read->call)](master::Master& master, master::Reply reply) {
               master.OnSchedulerSubscribe(stream, uuid, caller, call, std::move(reply));
             });
}

void MasterServer::Impl::OnAgent(web::Incoming incoming, net::Responder responder) {
  auto read = api::ReadAgentRequest(incoming.request);
  if (!read) {
    std::move(responder).Send(std::move(read.error()));
    return;
  }
  if (!read->events) {
    WithMaster(ReplyWith(std::move(responder), 202),
               [caller = std::move(incoming.caller), read = std::move(*read)](
                   master::Master& master, master::Reply reply) {
                 master.OnAgentCalls(read.stream_uuid, caller, read.calls, std::move(reply));
               });
    return;
  }
  std::string uuid = random_.Uuid();
  const auto stream =
      hub_.Open(std::make_unique<web::HttpEventSink>(std::move(responder), *read->events, uuid));
  WithMaster(ReplyTo(stream),
             [stream, uuid = std::move(uuid), caller = std::move(incoming.caller),
              calls = std::move(read->calls)](master::Master& master, master::Reply reply) mutable {
               master.OnAgentSubscribe(stream, uuid, caller,
                                       std::move(*calls.mutable_calls(0)->mutable_subscribe()),
                                       std::move(reply));
             });
}

void MasterServer::Impl::OnOperator(api::Admission<api::MasterApi> call, net::Responder responder) {
  if (!call) {
    std::move(responder).Send(std::move(call.error()));
  } else if (call->reads()) {
    Read([this, call = std::move(*call), responder = std::move(responder)]() mutable {
      std::move(responder).Send(call.Read({identity_, model_}));
    });
  } else {
    loop_.Post([this, call = std::move(*call), responder = std::move(responder)]() mutable {
      master::Master* master = Leading();
      if (master == nullptr) return std::move(responder).Send(web::ErrorResponse(LeadsNoMore()));
      call.Change(*master, [responder = std::move(responder)](net::Response response) mutable {
        std::move(responder).Send(std::move(response));
      });
    });
  }
}

Result<std::unique_ptr<MasterServer>> MasterServer::Start(net::IoThreads& threads,
                                                          MasterServerOptions options) {
  auto impl = std::make_unique<Impl>(threads, std::move(options));
  if (auto started = impl->Start(); !started) return Fail(started.error());
  return std::unique_ptr<MasterServer>(new MasterServer(std::move(impl)));
}

MasterServer::MasterServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MasterServer::~MasterServer() = default;
uint16_t MasterServer::port() const { return impl_->port(); }
const std::string& MasterServer::id() const { return impl_->id(); }

}  // namespace tepui::server
