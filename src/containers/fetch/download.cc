// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace tepui::containers {

namespace {

constexpr long kMaxRedirects = 10;
constexpr long kConnectTimeoutSeconds = 30;

size_t WriteAll(char* data, size_t, size_t size, void* user) {
  const int fd = *static_cast<int*>(user);
  size_t written = 0;
  while (written < size) {
    const ssize_t n = write(fd, data + written, size - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    written += static_cast<size_t>(n);
  }
  return size;
}

int AskCancelled(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(user))() ? 1 : 0;
}

int CloseOnExec(void*, curl_socket_t socket, curlsocktype) {
  return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

}  // namespace

Status Download(const std::string& url, int fd, Duration stall_timeout,
                const std::function<bool()>& cancelled) {
  // Once per process; curl_easy_init would do this in a way that is not thread-safe.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (initialized != CURLE_OK || !curl) return Fail(Code::kInternal, "libcurl cannot be set up");

  std::array<char, CURL_ERROR_SIZE> reason{};
  const long stall_seconds = std::max(
      1L, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(stall_timeout).count()));
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
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &WriteAll);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &fd);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &AskCancelled);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA,
                   const_cast<std::function<bool()>*>(&cancelled));
  curl_easy_setopt(curl.get(), CURLOPT_SOCKOPTFUNCTION, &CloseOnExec);

  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return {};
  if (code == CURLE_ABORTED_BY_CALLBACK) return Fail(Code::kUnavailable, "the fetch was cancelled");
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
