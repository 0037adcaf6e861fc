// SPDX-License-Identifier: Apache-2.0
// Load over HTTP: N kept-alive connections send GET /health, each again as soon as it is answered,
// for some seconds, from one thread. The server is a master in a process of its own, the HTTP
// server alone, the floor (the least that a program must do: threads that wait, read, and write a
// fixed answer), or one that already runs. Reports requests per second and latencies.
//
//   http_bench --server=master|net|floor
//   http_bench --target=5050                     a running server, by its port of 127.0.0.1
//   http_bench --server=floor --serve            only serves and prints its port
//   http_bench --stream                          records per second through one streaming response

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http_load.h"
#include "net/http.h"
#include "report.h"
#include "server_process.h"

namespace tepui::bench {
namespace {

struct Options {
  int connections = 64;
  int seconds = 5;
  int io_threads = cli::IoThreadCount();
  std::string server = "master";
  uint16_t target = 0;
  std::string path = "/health";
  bool serve = false;
  bool stream = false;
};

// --- Servers.

// One thread of the floor: accepts on a socket of its own, since the kernel distributes
// connections.
void ServeFloor(int listener) {
  static constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event = {.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 256> events;
  std::array<char, 4096> request;
  while (true) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        event.data.fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
      } else if (::recv(fd, request.data(), request.size(), 0) <= 0 ||
                 ::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) {
        ::close(fd);
      }
    }
  }
}

uint16_t StartFloor(int threads) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < threads; ++i) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    socklen_t size = sizeof(address);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 1024) != 0) {
      Die("Cannot listen on 127.0.0.1");
    }
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::thread(ServeFloor, listener).detach();
  }
  return ntohs(address.sin_port);
}

// Lives until the process ends.
uint16_t StartNet(int io_threads) {
  auto* threads = new net::IoThreads(io_threads);
  auto* server = new net::Server(*threads, {}, [](net::Request request, net::Responder responder) {
    std::move(responder).Send(
        {.status = request.target == "/health" ? 200U : 404U, .headers = {}, .body = {}});
  });
  if (const auto listening = server->Listen("127.0.0.1", 0); !listening)
    Die(listening.error().message);
  return server->port();
}

// --- Load.

// Returns the length of the first whole response in `bytes`, or 0.
size_t ResponseLength(const std::string& bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  const std::string_view field =
      HeaderOf(std::string_view(bytes).substr(0, head + 2), "Content-Length");
  const size_t length = head + 4 + std::strtoul(std::string(field).c_str(), nullptr, 10);
  return bytes.size() >= length ? length : 0;
}

struct Connection {
  int fd = -1;
  std::string received;
  SteadyClock::time_point asked;
};

void Ask(Connection& connection, const std::string& request) {
  connection.asked = SteadyClock::now();
  if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    Die("The server closed a connection");
  }
}

double Load(uint16_t port, const Options& options, Measurement* measurement) {
  const std::string request = "GET " + options.path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(static_cast<size_t>(options.connections));
  for (size_t i = 0; i < connections.size(); ++i) {
    connections[i].fd = ConnectTo(port);
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
    Ask(connections[i], request);
  }
  std::vector<double> latencies;
  latencies.reserve(1 << 20);
  const SteadyClock::time_point begin = SteadyClock::now();
  std::vector<epoll_event> events(connections.size());
  double seconds = 0;
  for (; seconds < options.seconds; seconds = SecondsSince(begin)) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < ready; ++i) {
      Connection& connection = connections[events[static_cast<size_t>(i)].data.u64];
      std::array<char, 16 << 10> bytes;
      const ssize_t count = ::recv(connection.fd, bytes.data(), bytes.size(), 0);
      if (count <= 0) Die("The server closed a connection");
      connection.received.append(bytes.data(), static_cast<size_t>(count));
      const size_t length = ResponseLength(connection.received);
      if (length == 0) continue;
      connection.received.erase(0, length);
      latencies.push_back(SecondsSince(connection.asked) * 1000);
      Ask(connection, request);
    }
  }
  for (const Connection& connection : connections) ::close(connection.fd);
  ::close(epoll);
  measurement->facts.clear();
  AddLatencies("answered", latencies, measurement);
  return static_cast<double>(latencies.size()) / seconds;
}

// One writer, one reader, records of 100 bytes: the capacity of a scheduler's event stream.
double LoadStream(const Options& options) {
  const std::string record = "97\n" + std::string(97, 'r');
  std::atomic<bool> done = false;
  std::thread writer;
  net::IoThreads threads(options.io_threads);
  net::Server server(threads, {}, [&](net::Request, net::Responder responder) {
    writer = std::thread([&, stream = std::move(responder).StartStream(200, {})] {
      while (!done) {
        // Writes only as fast as the reader reads, so that the stream is not cut.
        for (int i = 0; i < 100; ++i) stream->Write(record);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  });
  if (const auto listening = server.Listen("127.0.0.1", 0); !listening)
    Die(listening.error().message);
  const int fd = ConnectTo(server.port());
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) Die("Cannot send");
  size_t received = 0;
  const SteadyClock::time_point begin = SteadyClock::now();
  double seconds = 0;
  for (; seconds < options.seconds; seconds = SecondsSince(begin)) {
    std::array<char, 64 << 10> bytes;
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count <= 0) Die("The stream was cut");
    received += static_cast<size_t>(count);
  }
  done = true;
  writer.join();
  ::close(fd);
  constexpr size_t kChunkFrame = 6;  // "64" and two line ends.
  return static_cast<double>(received) / static_cast<double>(record.size() + kChunkFrame) / seconds;
}

int Main(int argc, char** argv) {
  CommandLine line("http_bench", "Measures an HTTP server under load.");
  Report report("http_bench");
  report.DeclareFlags(&line, 3);
  Options options;
  line.AddChoice("server", &options.server, {"master", "net", "floor"},
                 "The server to measure: master, net or floor");
  line.Add("target", &options.target,
           "Measure a server that is already running on this port of 127.0.0.1");
  line.AddNumber("connections", &options.connections, 1, 10'000,
                 "Number of connections that are open at once");
  line.AddNumber("seconds", &options.seconds, 1, 3600, "Seconds that each repeat takes");
  line.AddNumber("io_threads", &options.io_threads, 1, 64, "I/O threads of the server");
  line.Add("path", &options.path, "The path to request");
  line.Add("serve", &options.serve, "Only run the server, until it is killed");
  line.Add("stream", &options.stream, "Measure a streaming response");
  line.Parse(argc, argv);

  if (options.stream) {
    report.Repeat({.name = "stream records", .unit = "1/s", .values = {}},
                  [&](Measurement*) { return LoadStream(options); });
    return 0;
  }
  std::unique_ptr<ServerProcess> master;
  uint16_t port = options.target;
  if (port == 0 && options.server == "master") {
    master = std::make_unique<ServerProcess>(server::MasterServerOptions{}, options.io_threads);
    port = master->port();
  } else if (port == 0) {
    port = options.server == "net" ? StartNet(options.io_threads) : StartFloor(options.io_threads);
  }
  if (options.serve) {
    fmt::print("{}\n", port);
    std::fflush(stdout);
    ::pause();
  }
  report.Repeat(
      {.name = fmt::format("{} {}, {} connections", options.target != 0 ? "target" : options.server,
                           options.path, options.connections),
       .unit = "1/s",
       .values = {}},
      [&](Measurement* measurement) { return Load(port, options, measurement); });
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
