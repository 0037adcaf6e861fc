// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>

#include "base/seconds.h"

namespace tepui::containers {

namespace {

constexpr long kMaxRedirects = 10;
constexpr long kConnectTimeoutSeconds = 30;

// Finds a transfer that is slower than its pace.
class SlownessWatch {
 public:
  explicit SlownessWatch(const Pace& pace)
      : pace_(pace), window_(std::max(pace.window, pace.stall_timeout)) {}

  // `bytes` is how much has come in all. Fails at the end of a window with too few.
  Status Look(uint64_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    bytes_before_ = std::min(bytes_before_, bytes);  // A redirect counts from 0 again.
    if (now - begin_ < window_) return {};
    const double seconds = Seconds(now - begin_);
    if (static_cast<double>(bytes - bytes_before_) <
        static_cast<double>(pace_.bytes_per_second) * seconds) {
      return Fail(Code::kUnavailable,
                  "it is too slow: {} bytes in the last {:.0f} s, less than {} a second",
                  bytes - bytes_before_, seconds, pace_.bytes_per_second);
    }
    begin_ = now;
    bytes_before_ = bytes;
    return {};
  }

 private:
  const Pace& pace_;
  const Duration window_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t bytes_before_ = 0;
};

// What the callbacks of one transfer share.
struct Transfer {
  int fd;
  FetchBudget& budget;
  const std::function<bool()>& cancelled;
  SlownessWatch watch;
  Status stopped = {};  // Why a callback ended the transfer.
};

Status WriteAll(int fd, const char* data, size_t size) {
  for (size_t written = 0; written < size;) {
    const ssize_t n = write(fd, data + written, size - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Fail(Code::kInternal, "it cannot be written: {}", std::strerror(errno));
    written += static_cast<size_t>(n);
  }
  return {};
}

size_t OnData(char* data, size_t, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->stopped = transfer->budget.Take(size);
  if (transfer->stopped) transfer->stopped = WriteAll(transfer->fd, data, size);
  return transfer->stopped ? size : 0;
}

// Called about once a second.
int OnProgress(void* user, curl_off_t, curl_off_t bytes, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->stopped = transfer->cancelled()
                          ? Status(Fail(Code::kUnavailable, "the fetch was cancelled"))
                          : transfer->watch.Look(static_cast<uint64_t>(bytes));
  return transfer->stopped ? 0 : 1;
}

int CloseOnExec(void*, curl_socket_t socket, curlsocktype) {
  return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

}  // namespace

Status Download(const std::string& url, int fd, const Pace& pace, FetchBudget& budget,
                const std::function<bool()>& cancelled) {
  // Once per process; curl_easy_init would do this in a way that is not thread-safe.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (initialized != CURLE_OK || !curl) return Fail(Code::kInternal, "libcurl cannot be set up");

  Transfer transfer = {
      .fd = fd, .budget = budget, .cancelled = cancelled, .watch = SlownessWatch(pace)};
  std::array<char, CURL_ERROR_SIZE> reason{};
  const long stall_seconds = std::max(
      1L, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(pace.stall_timeout).count()));
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp,ftps");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, stall_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &OnData);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  // What announces its size is refused before it comes.
  curl_easy_setopt(curl.get(), CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(
                       std::min(budget.left(), uint64_t{std::numeric_limits<curl_off_t>::max()})));
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_SOCKOPTFUNCTION, &CloseOnExec);

  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return {};
  if (!transfer.stopped) return transfer.stopped;
  if (code == CURLE_FILESIZE_EXCEEDED) return Fail(budget.TooLarge());
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Fail(Code::kUnavailable, "no answer, or nothing more of it for {} s", stall_seconds);
  }
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return Fail(Code::kNotFound, "the server answered with status {}", status);
  }
  return Fail(Code::kUnavailable, "{}",
              reason[0] != '\0' ? reason.data() : curl_easy_strerror(code));
}

}  // namespace tepui::containers
