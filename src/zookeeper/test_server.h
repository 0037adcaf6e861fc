// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests and benchmarks: Debian's ZooKeeper servers on free ports of this machine.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/testing/temporary_directory.h"

namespace tepui::zookeeper {

// Configuration of a server beyond what all servers get.
struct TestServerOptions {
  // For a server in an ensemble: its id and the list of all servers, "server.1=...".
  int id = 0;
  std::string servers = {};
  // For example "-Djute.maxbuffer=100000".
  std::vector<std::string> java_options = {};
};

// One server process. Throws if it cannot be started.
class TestServer {
 public:
  explicit TestServer(TestServerOptions options = {})
      : options_(std::move(options)), port_(FreePort()) {
    Start();
  }
  ~TestServer() { Kill(); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t port() const { return port_; }
  std::string host() const { return fmt::format("127.0.0.1:{}", port_); }

  // Keeps its data, and its port.
  void Start() {
    WriteConfiguration();
    pid_ = Spawn();
  }
  // Kills it at once, like a power failure.
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  bool running() const { return pid_ > 0; }
  void Forget() { std::filesystem::remove_all(directory_.path() + "/data"); }
  // It keeps its connections but answers nothing.
  void Pause() { kill(pid_, SIGSTOP); }
  void Resume() { kill(pid_, SIGCONT); }

  // Waits until it serves; returns its answer to "srvr", which includes "Mode: leader" or the like.
  std::string WaitUntilServing() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string answer = Ask("srvr");
      if (answer.find("Mode: ") != std::string::npos) return answer;
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        throw std::runtime_error("ZooKeeper ended: " + LogText());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // Until the next check.
    }
    throw std::runtime_error("ZooKeeper does not serve: " + LogText());
  }
  bool IsLeader() { return Ask("srvr").find("Mode: leader") != std::string::npos; }

  // Sends one of ZooKeeper's four-letter commands; returns "" if there is no answer.
  std::string Ask(const std::string& word) const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return "";
    const sockaddr_in address = Loopback(port_);
    std::string answer;
    timeval patience{.tv_sec = 2, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
        send(fd, word.data(), word.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(word.size())) {
      std::array<char, 4096> buffer;
      ssize_t size = 0;
      while ((size = recv(fd, buffer.data(), buffer.size(), 0)) > 0) {
        answer.append(buffer.data(), static_cast<size_t>(size));
      }
    }
    close(fd);
    return answer;
  }

  static uint16_t FreePort() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("No free port");
    }
    close(fd);
    return ntohs(address.sin_port);
  }

 private:
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void WriteConfiguration() const {
    std::filesystem::create_directories(directory_.path() + "/data");
    std::ofstream file(directory_.path() + "/zoo.cfg");
    // Allows sessions of half a second, for tests of sessions that end.
    file << "tickTime=250\ninitLimit=40\nsyncLimit=20\nmaxSessionTimeout=60000\n"
         << "dataDir=" << directory_.path() << "/data\n"
         << "clientPortAddress=127.0.0.1\nclientPort=" << port_ << "\n"
         << "maxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n"
         << options_.servers;
    if (options_.id != 0) std::ofstream(directory_.path() + "/data/myid") << options_.id << "\n";
  }

  pid_t Spawn() const {
    std::vector<std::string> words = {"java", "-Xms32m", "-Xmx192m", "-XX:+UseSerialGC",
                                      "-XX:TieredStopAtLevel=1"};
    // After the options above, so that these prevail.
    words.insert(words.end(), options_.java_options.begin(), options_.java_options.end());
    words.insert(words.end(), {"-cp", "/usr/share/java/zookeeper.jar",
                               "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                               directory_.path() + "/zoo.cfg"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log = directory_.path() + "/log";
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0) return pid;
    // Only calls that are safe after a fork of a process with threads. The server ends with the
    // test's thread.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) _exit(127);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }

  std::string LogText() const { return Contents(directory_.path() + "/log"); }

  const TestServerOptions options_;
  const uint16_t port_;
  TemporaryDirectory directory_;
  pid_t pid_ = 0;
};

// Three servers that form one ZooKeeper.
class TestEnsemble {
 public:
  // `java_options` are those of each server, as in TestServerOptions.
  explicit TestEnsemble(const std::vector<std::string>& java_options = {}) {
    std::string list;
    for (int id = 1; id <= kServers; ++id) {
      list += fmt::format("server.{}=127.0.0.1:{}:{}\n", id, TestServer::FreePort(),
                          TestServer::FreePort());
    }
    for (int id = 1; id <= kServers; ++id) {
      servers_.push_back(std::make_unique<TestServer>(
          TestServerOptions{.id = id, .servers = list, .java_options = java_options}));
    }
    for (const auto& server : servers_) server->WaitUntilServing();
  }
  std::string address(std::string_view path = "/p") const {
    return fmt::format("zk://{},{},{}{}", servers_[0]->host(), servers_[1]->host(),
                       servers_[2]->host(), path);
  }
  TestServer& leader() {
    for (const auto& server : servers_) {
      if (server->IsLeader()) return *server;
    }
    throw std::runtime_error("no leader");
  }

 private:
  static constexpr int kServers = 3;
  std::vector<std::unique_ptr<TestServer>> servers_;
};

// The server of a test program, shared by all tests that do not disturb it.
inline TestServer& SharedTestServer() {
  static TestServer server;
  static const std::string serving = server.WaitUntilServing();
  return server;
}
// Returns an unused path on it.
inline std::string FreshTestAddress() {
  static int count = 0;
  return fmt::format("zk://{}/test{}", SharedTestServer().host(), ++count);
}

}  // namespace tepui::zookeeper
