// SPDX-License-Identifier: Apache-2.0
#include "http_load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "report.h"

namespace tepui::bench {

namespace {
constexpr size_t kKeptSentBytes = 1 << 20;  // Sent bytes are erased in pieces of this size.
}

void Die(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(1);
}

int ConnectTo(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Die(fmt::format("Cannot connect to 127.0.0.1:{}: {}", port, std::strerror(errno)));
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// --- Poller ---

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
Poller::~Poller() { ::close(epoll_); }

void Poller::Add(int fd, uint32_t events, Member* member) {
  epoll_event event = {.events = events, .data = {.ptr = member}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Poller::Change(int fd, uint32_t events, Member* member) {
  epoll_event event = {.events = events, .data = {.ptr = member}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::Poll(int timeout_ms) {
  for (Member* member : std::exchange(to_flush_, {})) member->Flush();
  std::array<epoll_event, 256> events;
  const int ready =
      ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    static_cast<Member*>(event.data.ptr)->OnReady(event.events);
  }
  for (Member* member : std::exchange(to_flush_, {})) member->Flush();
}

void Poller::PollUntil(const std::function<bool()>& done, const char* what, double limit_seconds) {
  const SteadyClock::time_point begin = SteadyClock::now();
  while (!done()) {
    Poll(100);
    if (SecondsSince(begin) > limit_seconds)
      Die(fmt::format("Nothing came within the time limit: waited for {}", what));
  }
}

// --- HttpConnection ---

HttpConnection::HttpConnection(Poller& poller, uint16_t port, Events& events)
    : poller_(poller), events_(events), fd_(ConnectTo(port)) {
  ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  poller_.Add(fd_, EPOLLIN, this);
}

HttpConnection::~HttpConnection() { ::close(fd_); }

void HttpConnection::Send(std::string_view request) {
  out_.append(request);
  if (!std::exchange(flush_wanted_, true)) poller_.WantFlush(this);
}

void HttpConnection::Flush() {
  flush_wanted_ = false;
  if (blocked_ || out_.empty()) return;
  const ssize_t sent = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) Die("The server closed a connection");
  if (sent > 0) sent_ += static_cast<size_t>(sent);
  if (sent_ == out_.size() || sent_ > kKeptSentBytes) out_.erase(0, std::exchange(sent_, 0));
  if (out_.empty()) return;
  blocked_ = true;
  poller_.Change(fd_, EPOLLIN | EPOLLOUT, this);
}

void HttpConnection::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0 && blocked_) {
    blocked_ = false;
    poller_.Change(fd_, EPOLLIN, this);
    Flush();
  }
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
  static thread_local std::array<char, 256 << 10> buffer;
  const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) Die("The server closed a connection");
  Take(std::string_view(buffer.data(), static_cast<size_t>(count)));
}

void HttpConnection::Take(std::string_view bytes) {
  if (!partial_.empty()) bytes = partial_.append(bytes);
  size_t used = 0;
  while (used < bytes.size()) {
    const size_t some = TakeSome(bytes.substr(used));
    if (some == 0) break;
    used += some;
  }
  partial_ = std::string(bytes.substr(used));
}

size_t HttpConnection::TakeSome(std::string_view bytes) {
  switch (state_) {
    case State::kHead: {
      const size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return 0;
      TakeHead(bytes.substr(0, end + 2));
      return end + 4;
    }
    case State::kBody:
    case State::kChunk: {
      const size_t count = std::min(left_, bytes.size());
      left_ -= count;
      const bool last = left_ == 0 && state_ == State::kBody;
      if (left_ == 0) state_ = state_ == State::kBody ? State::kHead : State::kChunkEnd;
      events_.OnBody(bytes.substr(0, count));
      if (last) events_.OnEnd();
      return count;
    }
    case State::kChunkSize: {
      const size_t end = bytes.find("\r\n");
      if (end == std::string_view::npos) return 0;
      std::from_chars(bytes.data(), bytes.data() + end, left_, 16);
      if (left_ == 0) Die("The server ended a stream");
      state_ = State::kChunk;
      return end + 2;
    }
    case State::kChunkEnd:
      if (bytes.size() < 2) return 0;
      state_ = State::kChunkSize;
      return 2;
  }
  return 0;
}

void HttpConnection::TakeHead(std::string_view head) {
  unsigned status = 0;
  std::from_chars(head.data() + std::min<size_t>(9, head.size()), head.data() + head.size(),
                  status);
  const std::string_view length = HeaderOf(head, "Content-Length");
  left_ = 0;
  std::from_chars(length.data(), length.data() + length.size(), left_);
  state_ = left_ > 0 ? State::kBody : State::kHead;
  if (HeaderOf(head, "Transfer-Encoding") == "chunked") state_ = State::kChunkSize;
  const bool ends = state_ == State::kHead;
  events_.OnHead(status, head);
  if (ends) events_.OnEnd();
}

std::string_view HeaderOf(std::string_view head, std::string_view name) {
  for (size_t at = head.find(name); at != std::string_view::npos; at = head.find(name, at + 1)) {
    std::string_view rest = head.substr(at + name.size());
    if (at < 2 || head[at - 1] != '\n' || !rest.starts_with(": ")) continue;
    rest.remove_prefix(2);
    return rest.substr(0, rest.find("\r\n"));
  }
  return {};
}

std::string PostRequest(std::string_view path, std::string_view stream_id, std::string_view body) {
  std::string request = fmt::format(
      "POST /api/v1/{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
      "Accept: application/x-protobuf\r\nContent-Length: {}\r\n",
      path, body.size());
  if (!stream_id.empty()) request.append("Mesos-Stream-Id: ").append(stream_id).append("\r\n");
  return request.append("\r\n").append(body);
}

}  // namespace tepui::bench
