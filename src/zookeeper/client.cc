// SPDX-License-Identifier: Apache-2.0
#include "zookeeper/client.h"

#include <pthread.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread.h"

namespace tepui::zookeeper {
namespace {

// The pause between attempts to resolve the servers' names (reference 4).
constexpr std::chrono::seconds kRetryDelay(2);

// How long closing waits for answers in flight; a server that has not answered by then is treated
// as gone.
constexpr std::chrono::seconds kLastAnswers(1);

// While no server answers, the C client logs that several times a second; this lets each sentence
// through as a warning only once in a while.
class Repeats {
 public:
  bool Passes(std::string_view words) {
    constexpr size_t kMaxSentences = 100;
    constexpr std::chrono::seconds kPause(30);
    const MutexLock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (told_.size() >= kMaxSentences) told_.clear();
    const auto [told, added] = told_.try_emplace(std::string(words), now);
    if (!added && now - told->second < kPause) return false;
    told->second = now;
    return true;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> told_ TEPUI_GUARDED_BY(mutex_);
};

// Logs the words of "2026-01-02 03:04:05,678:123(0x7f):ZOO_WARN@function@42: words" in the
// program's log, at the matching level. An error of the C client is only a warning: it means a
// server that it cannot reach, and it goes on.
void Log(const char* line) {
  const std::string_view text(line);
  const size_t level = text.find("ZOO_");
  const size_t words = level == std::string_view::npos ? level : text.find(": ", level);
  if (words == std::string_view::npos) return spdlog::info("ZooKeeper: {}", text);
  const std::string_view name = text.substr(level + 4, text.find('@', level) - level - 4);
  const std::string_view sentence = text.substr(words + 2);
  static Repeats repeats;
  const bool warns = (name == "ERROR" || name == "WARN") && repeats.Passes(sentence);
  spdlog::log(warns ? spdlog::level::warn : spdlog::level::debug, "ZooKeeper: {}", sentence);
}

NodeStat ToStat(const Stat* stat) {
  return stat == nullptr
             ? NodeStat{}
             : NodeStat{.version = stat->version, .ephemeral_owner = stat->ephemeralOwner};
}

int ToFlags(CreateMode mode) {
  switch (mode) {
    case CreateMode::kPersistent:
      return ZOO_PERSISTENT;
    case CreateMode::kEphemeral:
      return ZOO_EPHEMERAL;
    case CreateMode::kEphemeralSequential:
      return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

// With credentials, users who have them may do everything and everyone may read (reference 4).
// Without, everyone may do everything.
const ACL_vector& AclFor(bool has_credentials) {
  static char world[] = "world";
  static char anyone[] = "anyone";
  static char auth[] = "auth";
  static char none[] = "";
  static std::array<ACL, 2> entries = {
      ACL{ZOO_PERM_ALL, Id{auth, none}},
      ACL{ZOO_PERM_READ, Id{world, anyone}},
  };
  static const ACL_vector creator_and_readers = {static_cast<int32_t>(entries.size()),
                                                 entries.data()};
  return has_credentials ? creator_and_readers : ZOO_OPEN_ACL_UNSAFE;
}

int Size(const std::string& bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

// A request in flight. It exists until the C client calls back, which happens for each request
// unless the client is closed first.
struct Client::Call {
  Client* client = nullptr;
  uint64_t id = 0;
  // For a multi: where the C client puts the results.
  std::vector<zoo_op_result_t> results = {};
  std::vector<Stat> stats = {};
};

struct Client::Callbacks {
  static void OnSession(zhandle_t* handle, int type, int state, const char*, void* client) {
    if (type == ZOO_SESSION_EVENT) static_cast<Client*>(client)->OnSessionEvent(handle, state);
  }

  // The C client reports the session's events to each watch, too; OnSession handles those.
  static void OnWatch(zhandle_t* handle, int type, int, const char*, void* watch) {
    if (type == ZOO_SESSION_EVENT) return;
    WatchEvent event = WatchEvent::kNotWatching;
    if (type == ZOO_CREATED_EVENT) event = WatchEvent::kCreated;
    if (type == ZOO_DELETED_EVENT) event = WatchEvent::kDeleted;
    if (type == ZOO_CHANGED_EVENT) event = WatchEvent::kChanged;
    if (type == ZOO_CHILD_EVENT) event = WatchEvent::kChildrenChanged;
    auto* const client = static_cast<Client*>(const_cast<void*>(zoo_get_context(handle)));
    client->listener_.on_watch(reinterpret_cast<uintptr_t>(watch), event);
  }

  static void Finish(const void* data, Reply reply) {
    const std::unique_ptr<const Call> call(static_cast<const Call*>(data));
    for (size_t i = 0; i < call->results.size(); ++i) {
      reply.codes.push_back(call->results[i].err);
      reply.stats.push_back(ToStat(&call->stats[i]));
    }
    call->client->listener_.on_reply(call->id, std::move(reply));
    call->client->CountAnswered();
  }

  static void OnVoid(int code, const void* data) { Finish(data, {.code = code}); }

  static void OnStat(int code, const Stat* stat, const void* data) {
    Finish(data, {.code = code, .stat = code == ZOK ? ToStat(stat) : NodeStat{}});
  }

  static void OnData(int code, const char* value, int size, const Stat* stat, const void* data) {
    Reply reply{.code = code};
    // A node without data has size -1.
    if (code == ZOK && size > 0) reply.text.assign(value, static_cast<size_t>(size));
    if (code == ZOK) reply.stat = ToStat(stat);
    Finish(data, std::move(reply));
  }

  static void OnString(int code, const char* value, const void* data) {
    Finish(data, {.code = code, .text = code == ZOK && value != nullptr ? value : ""});
  }

  static void OnStrings(int code, const String_vector* strings, const void* data) {
    Reply reply{.code = code};
    if (code == ZOK && strings != nullptr) {
      reply.children.assign(strings->data, strings->data + strings->count);
    }
    Finish(data, std::move(reply));
  }

  static int SendMulti(zhandle_t* handle, const Request& request, const ACL_vector& acl,
                       Call* call) {
    std::vector<zoo_op_t> operations(request.operations.size());
    call->results.resize(operations.size());
    call->stats.resize(operations.size());
    for (size_t i = 0; i < operations.size(); ++i) {
      const Operation& from = request.operations[i];
      zoo_op_t* const to = &operations[i];
      switch (from.kind) {
        case Operation::Kind::kCreate:
          zoo_create_op_init(to, from.path.c_str(), from.data.data(), Size(from.data), &acl,
                             ZOO_PERSISTENT, nullptr, 0);
          break;
        case Operation::Kind::kSet:
          zoo_set_op_init(to, from.path.c_str(), from.data.data(), Size(from.data), from.version,
                          &call->stats[i]);
          break;
        case Operation::Kind::kDelete:
          zoo_delete_op_init(to, from.path.c_str(), from.version);
          break;
        case Operation::Kind::kCheck:
          zoo_check_op_init(to, from.path.c_str(), from.version);
          break;
      }
    }
    return zoo_amulti(handle, static_cast<int>(operations.size()), operations.data(),
                      call->results.data(), &OnVoid, call);
  }
};

Client::Client(std::string servers, std::optional<std::string> credentials,
               Duration session_timeout, Listener listener)
    : servers_(std::move(servers)),
      credentials_(std::move(credentials)),
      session_timeout_(session_timeout),
      listener_(std::move(listener)),
      thread_(StartThread("zookeeper", [this] { Run(); })) {}

Client::~Client() {
  Close();
  thread_.join();
}

void Client::Close() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
  }
  wake_.NotifyOne();
}

void Client::Run() {
  pthread_setname_np(pthread_self(), "zookeeper");
  zoo_set_debug_level(ZOO_LOG_LEVEL_INFO);  // For the whole process; Log chooses the level.
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(session_timeout_);
  zhandle_t* handle = nullptr;
  MutexLock lock(mutex_);
  while (!closing_ && handle == nullptr) {
    lock.Unlock();
    handle =
        zookeeper_init2(servers_.c_str(), &Callbacks::OnSession, static_cast<int>(timeout.count()),
                        nullptr, this, ZOO_NO_LOG_CLIENTENV, &Log);
    if (handle == nullptr) {
      spdlog::warn("Cannot look up the servers {} of ZooKeeper ({}); trying again in {} s",
                   servers_, std::strerror(errno), kRetryDelay.count());
    } else {
      // Names are looked up again when a connection is lost, not at each packet.
      zoo_set_servers_resolution_delay(handle, -1);
    }
    lock.Lock();
    const auto retry = std::chrono::steady_clock::now() + kRetryDelay;
    while (handle == nullptr && !closing_ && wake_.WaitUntil(mutex_, retry)) {
    }
  }
  while (!closing_) wake_.Wait(mutex_);
  // The C client never frees an answer that arrives while it closes.
  const auto last = std::chrono::steady_clock::now() + kLastAnswers;
  while (unanswered_ != 0 && wake_.WaitUntil(mutex_, last)) {
  }
  lock.Unlock();
  if (handle != nullptr) zookeeper_close(handle);
}

void Client::OnSessionEvent(zhandle_t* handle, int state) {
  handle_ = handle;
  if (state == ZOO_CONNECTED_STATE) {
    // Credentials must be added before anything is sent, because the answers depend on them. Once
    // accepted, the C client sends them to each server that it connects to; before it is connected
    // it may refuse them.
    if (credentials_ && !authenticated_) {
      authenticated_ = zoo_add_auth(handle, "digest", credentials_->data(), Size(*credentials_),
                                    nullptr, nullptr) == ZOK;
      if (!authenticated_) return;  // It is disconnected again; another event follows.
    }
    listener_.on_event(Event::kConnected);
  } else if (state == ZOO_EXPIRED_SESSION_STATE) {
    listener_.on_event(Event::kExpired);
  } else if (state == ZOO_AUTH_FAILED_STATE) {
    listener_.on_event(Event::kRefused);
  } else {
    listener_.on_event(Event::kConnecting);
  }
}

int Client::Send(const Request& request, uint64_t id) {
  zhandle_t* const handle = handle_;
  const ACL_vector& acl = AclFor(credentials_.has_value());
  auto call = std::make_unique<Call>(Call{.client = this, .id = id});
  const char* const path = request.path.c_str();
  const watcher_fn watcher = request.watch != 0 ? &Callbacks::OnWatch : nullptr;
  // The C client only passes this number back. NOLINTNEXTLINE(performance-no-int-to-ptr)
  auto* const watch = reinterpret_cast<void*>(static_cast<uintptr_t>(request.watch));
  {
    const MutexLock lock(mutex_);
    ++unanswered_;
  }
  int code = ZBADARGUMENTS;
  switch (request.kind) {
    case Request::Kind::kCreate:
      code = zoo_acreate(handle, path, request.data.data(), Size(request.data), &acl,
                         ToFlags(request.mode), &Callbacks::OnString, call.get());
      break;
    case Request::Kind::kGet:
      code = zoo_awget(handle, path, watcher, watch, &Callbacks::OnData, call.get());
      break;
    case Request::Kind::kSet:
      code = zoo_aset(handle, path, request.data.data(), Size(request.data), request.version,
                      &Callbacks::OnStat, call.get());
      break;
    case Request::Kind::kDelete:
      code = zoo_adelete(handle, path, request.version, &Callbacks::OnVoid, call.get());
      break;
    case Request::Kind::kExists:
      code = zoo_awexists(handle, path, watcher, watch, &Callbacks::OnStat, call.get());
      break;
    case Request::Kind::kChildren:
      code = zoo_awget_children(handle, path, watcher, watch, &Callbacks::OnStrings, call.get());
      break;
    case Request::Kind::kSync:
      code = zoo_async(handle, path, &Callbacks::OnString, call.get());
      break;
    case Request::Kind::kMulti:
      code = Callbacks::SendMulti(handle, request, acl, call.get());
      break;
  }
  if (code == ZOK) {
    std::ignore = call.release();  // The C client owns it now.
  } else {
    CountAnswered();
  }
  return code;
}

void Client::CountAnswered() {
  const MutexLock lock(mutex_);
  assert(unanswered_ > 0);
  if (--unanswered_ == 0 && closing_) wake_.NotifyOne();
}

int64_t Client::SessionId() const { return zoo_client_id(handle_)->client_id; }

Duration Client::NegotiatedTimeout() const {
  return std::chrono::milliseconds(zoo_recv_timeout(handle_));
}

std::string DescribeCode(int code) { return zerror(code); }

Problem ProblemOf(int code) {
  switch (code) {
    case ZNONODE:
      return Problem::kNoNode;
    case ZNODEEXISTS:
      return Problem::kNodeExists;
    case ZBADVERSION:
      return Problem::kBadVersion;
    case ZNOTEMPTY:
      return Problem::kNotEmpty;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZINVALIDACL:
    case ZSESSIONCLOSEDREQUIRESASLAUTH:
      return Problem::kForbidden;
    case ZBADARGUMENTS:
    case ZMARSHALLINGERROR:
    case ZUNIMPLEMENTED:
    case ZNOCHILDRENFOREPHEMERALS:
      return Problem::kInvalid;
    // ZINVALIDSTATE: the session ended meanwhile, and an event about that will follow.
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:
    case ZCLOSING:
      return Problem::kSessionLost;
    // A server that is overloaded, or that the session has moved away from, did not execute the
    // request, but it is retried as after a lost connection.
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONMOVED:
    case ZTHROTTLEDOP:
    case ZNOTREADONLY:
      return Problem::kConnectionLost;
    default:
      return Problem::kOther;
  }
}

}  // namespace tepui::zookeeper
