// SPDX-License-Identifier: Apache-2.0
#include "containers/host/prober.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/thread.h"

namespace tepui::containers {
namespace {

constexpr int kMaxWaitMilliseconds = 1000;
constexpr long kMaxRedirects = 10;

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;

// The status is known when the body begins, so the body is not needed.
size_t RefuseBody(char*, size_t, size_t, void*) { return 0; }

std::string HostInUrl(const std::string& host) {
  return host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
}

void InitialiseCurl() {
  static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)kInitialised;
}

}  // namespace

struct CurlProber::Probe {
  Easy easy{curl_easy_init()};
  std::string url;
  std::move_only_function<void(Outcome)> done;
  std::array<char, CURL_ERROR_SIZE> error = {};
};

void CurlProber::CloseMulti::operator()(void* multi) const { curl_multi_cleanup(multi); }

CurlProber::CurlProber(Poster poster) : poster_(std::move(poster)) {
  InitialiseCurl();
  multi_.reset(curl_multi_init());
  thread_ = StartThread("prober", [this] {
    pthread_setname_np(pthread_self(), "prober");
    Loop();
  });
}

CurlProber::~CurlProber() {
  stopped_ = true;
  curl_multi_wakeup(multi_.get());
  thread_.join();
  for (std::unique_ptr<Probe>& probe : running_) {
    curl_multi_remove_handle(multi_.get(), probe->easy.get());
  }
}

void CurlProber::Http(const std::string& scheme, const std::string& host, uint16_t port,
                      const std::string& path, Duration timeout,
                      std::move_only_function<void(Result<int>)> callback) {
  auto probe = std::make_unique<Probe>();
  probe->url = fmt::format("{}://{}:{}{}{}", scheme, HostInUrl(host), port,
                           path.starts_with('/') ? "" : "/", path);
  CURL* easy = probe->easy.get();
  curl_easy_setopt(
      easy, CURLOPT_TIMEOUT_MS,
      std::max<long>(1, std::chrono::ceil<std::chrono::milliseconds>(timeout).count()));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, RefuseBody);
  probe->done = [url = probe->url, callback = std::move(callback)](Outcome outcome) mutable {
    bool answered = outcome.code == CURLE_OK || outcome.code == CURLE_WRITE_ERROR;
    if (answered && outcome.status != 0) return callback(outcome.status);
    callback(Fail(Code::kUnavailable, "No answer from {}: {}", url, outcome.reason));
  };
  Start(std::move(probe));
}

void CurlProber::Tcp(const std::string& host, uint16_t port, Duration timeout,
                     std::move_only_function<void(Result<bool>)> callback) {
  auto probe = std::make_unique<Probe>();
  probe->url = fmt::format("http://{}:{}", HostInUrl(host), port);
  CURL* easy = probe->easy.get();
  curl_easy_setopt(
      easy, CURLOPT_TIMEOUT_MS,
      std::max<long>(1, std::chrono::ceil<std::chrono::milliseconds>(timeout).count()));
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  probe->done = [callback = std::move(callback)](Outcome outcome) mutable {
    switch (outcome.code) {
      case CURLE_OK:
        return callback(true);
      case CURLE_COULDNT_CONNECT:
        return callback(false);
      default:
        return callback(Fail(Code::kUnavailable, "Cannot check the port: {}", outcome.reason));
    }
  };
  Start(std::move(probe));
}

void CurlProber::Start(std::unique_ptr<Probe> probe) {
  CURL* easy = probe->easy.get();
  curl_easy_setopt(easy, CURLOPT_URL, probe->url.c_str());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error.data());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  // A check needs a new connection.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");         // The task is local: ignore the agent's proxy.
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, probe.get());
  if (++in_flight_ > kMaxProbes) {
    Finish(std::move(probe), {CURLE_FAILED_INIT, "the agent has too many checks running", 0});
    return;
  }
  {
    const MutexLock lock(mutex_);
    started_.push_back(std::move(probe));
  }
  curl_multi_wakeup(multi_.get());
}

void CurlProber::Loop() {
  while (!stopped_) {
    TakeStarted();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    TakeFinished();
    curl_multi_poll(multi_.get(), nullptr, 0, kMaxWaitMilliseconds, nullptr);
  }
}

void CurlProber::TakeStarted() {
  std::vector<std::unique_ptr<Probe>> started;
  {
    const MutexLock lock(mutex_);
    started.swap(started_);
  }
  for (std::unique_ptr<Probe>& probe : started) {
    CURLMcode added = curl_multi_add_handle(multi_.get(), probe->easy.get());
    if (added == CURLM_OK) {
      running_.push_back(std::move(probe));
    } else {
      Finish(std::move(probe), {CURLE_FAILED_INIT, curl_multi_strerror(added), 0});
    }
  }
}

void CurlProber::TakeFinished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    CURLcode code = message->data.result;
    curl_multi_remove_handle(multi_.get(), easy);
    auto found = std::find_if(running_.begin(), running_.end(),
                              [&](const auto& probe) { return probe->easy.get() == easy; });
    std::unique_ptr<Probe> probe = std::move(*found);
    *found = std::move(running_.back());
    running_.pop_back();
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    std::string reason = probe->error[0] != '\0' ? probe->error.data() : curl_easy_strerror(code);
    Finish(std::move(probe), {code, std::move(reason), static_cast<int>(status)});
  }
}

void CurlProber::Finish(std::unique_ptr<Probe> probe, Outcome outcome) {
  --in_flight_;
  poster_([done = std::move(probe->done), outcome = std::move(outcome)]() mutable {
    done(std::move(outcome));
  });
}

}  // namespace tepui::containers
