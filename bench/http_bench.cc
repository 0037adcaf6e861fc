// Load over HTTP: N kept-alive connections ask GET /health, each again as soon as it is answered,
// for some seconds. Against a server in this process, or one that runs elsewhere. Prints requests a
// second and the latencies.
//
//   http_bench [--connections=64] [--seconds=5] [--io_threads=2] [--target=127.0.0.1:5050]
//   [--path=/health] http_bench --serve=8080     only serves, for other load generators http_bench
//   --stream         records a second through one streaming response instead

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/http.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int connections = 64;
  int seconds = 5;
  int io_threads = 2;
  std::string target;
  std::string path = "/health";
  uint16_t serve = 0;
  bool stream = false;
};

[[noreturn]] void Die(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(1);
}

struct Connection {
  int fd = -1;
  std::string received;
  Clock::time_point asked;
};

int Connect(const std::string& ip, uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) Die("Not an IPv4 address: " + ip);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Die("Cannot connect to " + ip + ":" + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// The length of the first whole response in `bytes`, or 0.
size_t ResponseLength(const std::string& bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  constexpr std::string_view kName = "Content-Length: ";
  const size_t field = bytes.find(kName);
  const size_t body =
      field < head ? std::strtoul(bytes.c_str() + field + kName.size(), nullptr, 10) : 0;
  const size_t length = head + 4 + body;
  return bytes.size() >= length ? length : 0;
}

void Ask(Connection& connection, const std::string& request) {
  connection.asked = Clock::now();
  if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    Die("The server closed a connection");
  }
}

double Percentile(const std::vector<Clock::duration>& sorted, double part) {
  const auto index = static_cast<size_t>(part * static_cast<double>(sorted.size() - 1));
  return std::chrono::duration<double, std::milli>(sorted[index]).count();
}

void Load(const std::string& ip, uint16_t port, const Options& options) {
  const std::string request = "GET " + options.path + " HTTP/1.1\r\nHost: " + ip + "\r\n\r\n";
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(static_cast<size_t>(options.connections));
  for (size_t i = 0; i < connections.size(); ++i) {
    connections[i].fd = Connect(ip, port);
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
    Ask(connections[i], request);
  }
  std::vector<Clock::duration> latencies;
  latencies.reserve(1 << 20);
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::seconds(options.seconds);
  Clock::time_point now = begin;
  std::vector<epoll_event> events(connections.size());
  while (now < end) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    now = Clock::now();
    for (int i = 0; i < ready; ++i) {
      Connection& connection = connections[events[static_cast<size_t>(i)].data.u64];
      char bytes[16 << 10];
      const ssize_t count = ::recv(connection.fd, bytes, sizeof(bytes), 0);
      if (count <= 0) Die("The server closed a connection");
      connection.received.append(bytes, static_cast<size_t>(count));
      const size_t length = ResponseLength(connection.received);
      if (length == 0) continue;
      connection.received.erase(0, length);
      latencies.push_back(Clock::now() - connection.asked);
      Ask(connection, request);
    }
  }
  for (const Connection& connection : connections) ::close(connection.fd);
  ::close(epoll);
  if (latencies.empty()) Die("No answer came");
  std::ranges::sort(latencies);
  std::printf(
      "%d connections: %.0f requests/s, p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
      options.connections,
      static_cast<double>(latencies.size()) / std::chrono::duration<double>(now - begin).count(),
      Percentile(latencies, 0.50), Percentile(latencies, 0.99), Percentile(latencies, 1));
}

// One writer, one reader, records of 100 bytes: what a scheduler's event stream can carry.
void LoadStream(tepui::net::IoThreads& threads, const Options& options) {
  const std::string record = "97\n" + std::string(97, 'r');
  std::atomic<bool> done = false;
  std::thread writer;
  tepui::net::Server server(threads, {}, [&](tepui::net::Request, tepui::net::Responder responder) {
    writer = std::thread([&, stream = std::move(responder).StartStream(200, {})] {
      while (!done) {
        // Writes as long as the reader keeps up; the benchmark is not about being cut.
        for (int i = 0; i < 100; ++i) stream->Write(record);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  });
  if (const auto listening = server.Listen("127.0.0.1", 0); !listening)
    Die(listening.error().message);
  const int fd = Connect("127.0.0.1", server.port());
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) Die("Cannot send");
  size_t received = 0;
  const Clock::time_point begin = Clock::now();
  while (Clock::now() - begin < std::chrono::seconds(options.seconds)) {
    char bytes[64 << 10];
    const ssize_t count = ::recv(fd, bytes, sizeof(bytes), 0);
    if (count <= 0) Die("The stream was cut");
    received += static_cast<size_t>(count);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  constexpr size_t kChunkFrame = 6;  // "64", and two line ends.
  std::printf(
      "%.0f records/s of %zu bytes\n",
      static_cast<double>(received) / static_cast<double>(record.size() + kChunkFrame) / seconds,
      record.size());
  done = true;
  writer.join();
  ::close(fd);
}

int Run(const Options& options) {
  if (const size_t colon = options.target.rfind(':'); colon != std::string::npos) {
    Load(options.target.substr(0, colon),
         static_cast<uint16_t>(std::stoul(options.target.substr(colon + 1))), options);
    return 0;
  }
  tepui::net::IoThreads threads(options.io_threads);
  if (options.stream) {
    LoadStream(threads, options);
    return 0;
  }
  tepui::net::Server server(
      threads, {}, [](tepui::net::Request request, tepui::net::Responder responder) {
        std::move(responder).Send(
            {.status = request.target == "/health" ? 200U : 404U, .headers = {}, .body = {}});
      });
  if (const auto listening = server.Listen("127.0.0.1", options.serve); !listening)
    Die(listening.error().message);
  if (options.serve != 0) {
    ::pause();
    return 0;
  }
  Load("127.0.0.1", server.port(), options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Load over HTTP");
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(1, 3600));
  app.add_option("--io_threads", options.io_threads)->check(CLI::Range(1, 64));
  app.add_option("--target", options.target,
                 "ip:port of a server that runs; else one in this process");
  app.add_option("--path", options.path);
  app.add_option("--serve", options.serve, "Only serve, on this port");
  app.add_flag("--stream", options.stream, "Measure a streaming response");
  CLI11_PARSE(app, argc, argv);
  return Run(options);
}
