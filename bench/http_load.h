// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tepui::bench {

// Sockets of one thread and their events. The load programs use no part of net: they must cost
// little, and a fault of net must not hide itself.
class Poller {
 public:
  class Member {
   public:
    virtual ~Member() = default;
    virtual void OnReady(uint32_t events) = 0;
    // Runs once after each round in which the member called WantFlush.
    virtual void Flush() = 0;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void Add(int fd, uint32_t events, Member* member);
  void Change(int fd, uint32_t events, Member* member);
  void WantFlush(Member* member) { to_flush_.push_back(member); }

  // Runs one round: waits for at most `timeout_ms`, notifies the members, flushes.
  void Poll(int timeout_ms);
  // Runs rounds until `done` returns true; after `limit_seconds` it ends the program with an error
  // that names `what`.
  void PollUntil(const std::function<bool()>& done, const char* what, double limit_seconds = 300);

 private:
  int epoll_;
  std::vector<Member*> to_flush_;
};

// One kept-alive connection to 127.0.0.1. Requests are pipelined: those sent in one round of the
// poller leave together. Answers come in the order of the requests, with a length or in chunks. A
// connection that breaks ends the program, because no benchmark expects that.
class HttpConnection final : public Poller::Member {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void OnHead(unsigned status, std::string_view head) = 0;
    virtual void OnBody(std::string_view bytes) = 0;
    virtual void OnEnd() = 0;  // The end of one answer.
  };

  HttpConnection(Poller& poller, uint16_t port, Events& events);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void Send(std::string_view request);
  void OnReady(uint32_t events) override;
  void Flush() override;

 private:
  enum class State { kHead, kBody, kChunkSize, kChunk, kChunkEnd };

  void Take(std::string_view bytes);
  // Returns how many bytes were used; 0 if more are needed.
  size_t TakeSome(std::string_view bytes);
  void TakeHead(std::string_view head);

  Poller& poller_;
  Events& events_;
  int fd_;
  std::string out_;
  size_t sent_ = 0;  // How much of out_ is sent.
  bool flush_wanted_ = false;
  bool blocked_ = false;
  State state_ = State::kHead;
  size_t left_ = 0;      // Bytes left of the body or chunk.
  std::string partial_;  // An incomplete head or line.
};

// A POST of a protobuf message to /api/v1/<path>.
std::string PostRequest(std::string_view path, std::string_view stream_id, std::string_view body);
// The value of a header in a head; empty if it is not there.
std::string_view HeaderOf(std::string_view head, std::string_view name);
// A blocking, connected socket.
int ConnectTo(uint16_t port);
[[noreturn]] void Die(const std::string& sentence);

}  // namespace tepui::bench
