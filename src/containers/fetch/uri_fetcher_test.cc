// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/uri_fetcher.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <limits>
#include <thread>

#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/testing/temporary_directory.h"
#include "containers/host/user.h"
#include "net/http.h"

namespace tepui::containers {
namespace {

namespace fs = std::filesystem;
using mesos::v1::CommandInfo;

class FetcherTest : public testing::Test {
 protected:
  FetcherTest() {
    fs::create_directory(root_ / "sandbox");
    std::ofstream(root_ / "file") << "content";
    options_.cache_dir = (root_ / "cache").string();
  }

  std::unique_ptr<UriFetcher> Make() {
    auto made = UriFetcher::Create(options_);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  CommandInfo::URI* Add(CommandInfo* command, const std::string& value) {
    command->add_uris()->set_value(value);
    return command->mutable_uris(command->uris_size() - 1);
  }
  std::future<Status> Start(UriFetcher& fetcher, const CommandInfo& command,
                            const std::string& id = "c",
                            const std::optional<shim::Launch::User>& user = std::nullopt) {
    FetchRequest request = Request(command);
    request.id = id;
    request.user = user;
    return Start(fetcher, std::move(request));
  }
  FetchRequest Request(const CommandInfo& command) {
    return {.id = "c",
            .framework = FrameworkId("f"),
            .command = command,
            .sandbox = (root_ / "sandbox").string(),
            .user = {},
            .disk_bytes = {}};
  }
  std::future<Status> Start(UriFetcher& fetcher, FetchRequest request) {
    auto promise = std::make_shared<std::promise<Status>>();
    auto future = promise->get_future();
    fetcher.Fetch(std::move(request),
                  [promise](Status status) { promise->set_value(std::move(status)); });
    return future;
  }
  Status Run(UriFetcher& fetcher, const CommandInfo& command,
             const std::optional<shim::Launch::User>& user = std::nullopt) {
    return Start(fetcher, command, "c", user).get();
  }

  TemporaryDirectory directory_;
  const fs::path root_ = directory_.path();
  UriFetcher::Options options_;
};

TEST_F(FetcherTest, Files) {
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, "file://" + (root_ / "file").string());
  auto* tool = Add(&command, (root_ / "file").string());
  tool->set_output_file("bin/tool");
  tool->set_executable(true);
  ASSERT_TRUE(Run(*fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/file"), "content");
  EXPECT_EQ(Contents(root_ / "sandbox/bin/tool"), "content");
  EXPECT_EQ(access((root_ / "sandbox/bin/tool").c_str(), X_OK), 0);
  EXPECT_EQ(fetcher->counters().succeeded, 1u);
}

TEST_F(FetcherTest, FailuresNameTheUri) {
  const auto fetcher = Make();
  for (const char* uri : {"/no/such/file", "http://127.0.0.1:1/x", "/dev/zero", "/etc"}) {
    CommandInfo command;
    Add(&command, uri);
    const Status status = Run(*fetcher, command);
    ASSERT_FALSE(status.has_value()) << uri;
    EXPECT_NE(status.error().message.find(uri), std::string::npos) << status.error().message;
  }
  EXPECT_EQ(fetcher->counters().failed, 4u);
}

TEST_F(FetcherTest, ALinkInTheSandboxIsNotFollowed) {
  const auto fetcher = Make();
  fs::create_directory(root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", root_ / "sandbox/link");
  fs::create_symlink(root_ / "elsewhere/planted", root_ / "sandbox/planted");
  for (const char* output : {"link/x", "planted"}) {
    CommandInfo command;
    Add(&command, (root_ / "file").string())->set_output_file(output);
    EXPECT_FALSE(Run(*fetcher, command).has_value()) << output;
  }
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_F(FetcherTest, ActsAsTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto fetcher = Make();
  chmod((root_ / "sandbox").c_str(), 0777);
  const auto nobody = ResolveUser("nobody");
  ASSERT_TRUE(nobody) << nobody.error().message;
  std::ofstream(root_ / "secret") << "of root";
  chmod((root_ / "secret").c_str(), 0600);

  CommandInfo open;
  Add(&open, (root_ / "file").string());
  ASSERT_TRUE(Run(*fetcher, open, *nobody));
  struct stat info{};
  ASSERT_EQ(stat((root_ / "sandbox/file").c_str(), &info), 0);
  EXPECT_NE(info.st_uid, 0u);

  for (const bool cache : {false, true}) {
    CommandInfo closed;
    Add(&closed, (root_ / "secret").string())->set_cache(cache);
    EXPECT_FALSE(Run(*fetcher, closed, *nobody).has_value());
    EXPECT_FALSE(fs::exists(root_ / "sandbox/secret") &&
                 Contents(root_ / "sandbox/secret") == "of root");
  }
  // The thread is root again afterwards.
  CommandInfo again;
  Add(&again, (root_ / "secret").string());
  EXPECT_TRUE(Run(*fetcher, again));
}

TEST_F(FetcherTest, TwoDoNotShareACache) {
  const auto first = Make();
  const auto second = UriFetcher::Create(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find(fmt::format("pid {}", getpid())), std::string::npos);
  EXPECT_NE(second.error().message.find("--fetcher_cache_dir"), std::string::npos);
}

TEST_F(FetcherTest, NothingIsKeptWhereOthersCanWrite) {
  fs::create_directory(root_ / "cache");
  fs::permissions(root_ / "cache", fs::perms::all);
  EXPECT_FALSE(UriFetcher::Create(options_));
}

TEST_F(FetcherTest, WhatIsFetchedFitsIntoTheTasksDisk) {
  const auto fetcher = Make();
  for (const bool cache : {false, true}) {
    CommandInfo command;
    Add(&command, (root_ / "file").string())->set_output_file("one");
    Add(&command, (root_ / "file").string())->set_output_file("two");
    for (auto& uri : *command.mutable_uris()) uri.set_cache(cache);
    FetchRequest request = Request(command);
    request.disk_bytes = 2 * std::string("content").size();
    EXPECT_TRUE(Start(*fetcher, request).get());
    --*request.disk_bytes;
    const Status status = Start(*fetcher, request).get();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, Code::kTooLarge);
    EXPECT_NE(status.error().message.find("the task's disk of 13B"), std::string::npos)
        << status.error().message;
  }
}

TEST_F(FetcherTest, WhatIsUnpackedFitsIntoTheTasksDisk) {
  const auto fetcher = Make();
  const std::string large = (root_ / "large").string();
  ASSERT_EQ(std::system(fmt::format("yes | head -c 2000000 > {0}; gzip {0}", large).c_str()), 0);
  CommandInfo command;
  Add(&command, large + ".gz");
  FetchRequest request = Request(command);
  request.disk_bytes = 1 << 20;
  const Status status = Start(*fetcher, request).get();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kTooLarge);
  request.disk_bytes = 3 << 20;
  EXPECT_TRUE(Start(*fetcher, request).get());
}

TEST_F(FetcherTest, SomeOfTheDiskStaysFree) {
  options_.disk_reserve_bytes = std::numeric_limits<uint64_t>::max();
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, (root_ / "file").string());
  const Status status = Run(*fetcher, command);
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("nearly full"), std::string::npos);
}

class FetcherHttpTest : public FetcherTest {
 protected:
  FetcherHttpTest()
      : threads_(1), server_(threads_, {}, [this](net::Request request, net::Responder responder) {
          ++requests_;
          net::Response response;
          if (request.target == "/hang") {
            const MutexLock lock(mutex_);
            hanging_.push_back(std::move(responder));
            return;
          }
          response.status = request.target.starts_with("/missing") ? 404 : 200;
          response.body = std::string(1000, 'x');
          std::move(responder).Send(std::move(response));
        }) {}

  void SetUp() override {
    FetcherTest::SetUp();
    ASSERT_TRUE(server_.Listen("127.0.0.1", 0));
  }
  std::string Url(const std::string& path) {
    return fmt::format("http://127.0.0.1:{}{}", server_.port(), path);
  }

  std::atomic<int> requests_ = 0;
  Mutex mutex_;
  std::vector<net::Responder> hanging_;
  net::IoThreads threads_;
  net::Server server_;
};

TEST_F(FetcherHttpTest, Downloads) {
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/data"));
  ASSERT_TRUE(Run(*fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/data"), std::string(1000, 'x'));

  CommandInfo missing;
  Add(&missing, Url("/missing"));
  const Status status = Run(*fetcher, missing);
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("404"), std::string::npos) << status.error().message;
}

TEST_F(FetcherHttpTest, TheCacheFetchesOnceForManyAtOnce) {
  const auto fetcher = Make();
  CommandInfo command;
  auto* uri = Add(&command, Url("/data"));
  uri->set_cache(true);
  uri->set_output_file("copy");
  std::vector<std::future<Status>> all;
  for (int i = 0; i < 8; ++i) all.push_back(Start(*fetcher, command, fmt::format("c{}", i)));
  for (auto& one : all) EXPECT_TRUE(one.get());
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(fetcher->counters().cache_used_bytes, 1000u);
  EXPECT_EQ(Contents(root_ / "sandbox/copy"), std::string(1000, 'x'));
}

TEST_F(FetcherHttpTest, TheCacheEvictsTheLeastRecentlyUsed) {
  options_.cache_size_bytes = 2500;
  const auto fetcher = Make();
  const auto fetch = [&](const std::string& path) {
    CommandInfo command;
    Add(&command, Url(path))->set_cache(true);
    EXPECT_TRUE(Run(*fetcher, command)) << path;
    return requests_.load();
  };
  fetch("/a");
  fetch("/b");
  EXPECT_EQ(fetch("/a"), 2);  // /a was used again, so /b is the oldest now.
  EXPECT_EQ(fetch("/c"), 3);
  EXPECT_LE(fetcher->counters().cache_used_bytes, 2500u);
  EXPECT_EQ(fetch("/a"), 3);
  EXPECT_EQ(fetch("/b"), 4);
}

TEST_F(FetcherHttpTest, WhatDoesNotFitServesOnceAndIsNotKept) {
  options_.cache_size_bytes = 10;
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/data"))->set_cache(true);
  EXPECT_TRUE(Run(*fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/data").size(), 1000u);
  EXPECT_EQ(fetcher->counters().cache_used_bytes, 0u);
  EXPECT_TRUE(fs::is_empty(root_ / "cache"));
}

TEST_F(FetcherHttpTest, AStallIsGivenUp) {
  options_.pace.stall_timeout = std::chrono::seconds(1);
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/hang"));
  const Status status = Run(*fetcher, command);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

// Believes the file system, not what it remembers.
TEST_F(FetcherHttpTest, ACachedFileThatIsGoneIsFetchedAgain) {
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/data"))->set_cache(true);
  const std::vector<std::function<void()>> losses = {
      [] {},
      [this] {
        for (const auto& file : fs::directory_iterator(root_ / "cache")) fs::remove(file);
      },
      [this] {
        for (const auto& file : fs::directory_iterator(root_ / "cache")) fs::resize_file(file, 1);
      },
      [this] { fs::remove_all(root_ / "cache"); },
  };
  for (int lost = 0; lost < static_cast<int>(losses.size()); ++lost) {
    losses[static_cast<size_t>(lost)]();
    for (int i = 0; i < 2; ++i) {
      fs::remove(root_ / "sandbox/data");
      const Status status = Run(*fetcher, command);
      ASSERT_TRUE(status.has_value()) << status.error().message;
      EXPECT_EQ(Contents(root_ / "sandbox/data"), std::string(1000, 'x'));
      EXPECT_EQ(requests_, lost + 1);
      EXPECT_EQ(fetcher->counters().cache_used_bytes, 1000u);
    }
  }
}

TEST_F(FetcherHttpTest, SlowDownloadsOfAFrameworkDoNotStopOthers) {
  const auto fetcher = Make();
  CommandInfo hanging;
  Add(&hanging, Url("/hang"));
  std::vector<std::future<Status>> all;
  for (int i = 0; i < 20; ++i) all.push_back(Start(*fetcher, hanging, fmt::format("hang{}", i)));
  CommandInfo command;
  Add(&command, Url("/data"));
  FetchRequest request = Request(command);
  request.framework = FrameworkId("another");
  EXPECT_TRUE(Start(*fetcher, request).get());
  // One that waits for its turn ends at once, too.
  fetcher->Cancel("hang19");
  EXPECT_FALSE(all.back().get().has_value());
}

TEST_F(FetcherHttpTest, ATooLargeAnswerIsRefusedBeforeItComes) {
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/data"));
  FetchRequest request = Request(command);
  request.disk_bytes = 999;
  const Status status = Start(*fetcher, request).get();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kTooLarge);
  EXPECT_EQ(Contents(root_ / "sandbox/data"), "");
}

// A byte now and then is no progress.
TEST_F(FetcherTest, ASlowDownloadFails) {
  const FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(listen(listener.get(), 1), 0);  // The kernel chooses the port.
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  std::jthread trickle([&listener](const std::stop_token& stop) {
    const FileDescriptor peer(accept(listener.get(), nullptr, nullptr));
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    send(peer.get(), head.data(), head.size(), MSG_NOSIGNAL);
    while (!stop.stop_requested() && send(peer.get(), "x", 1, MSG_NOSIGNAL) == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  options_.pace = {.stall_timeout = std::chrono::seconds(1),
                   .bytes_per_second = 1024,
                   .window = std::chrono::seconds(1)};
  const auto fetcher = Make();
  CommandInfo command;
  Add(&command, fmt::format("http://127.0.0.1:{}/data", ntohs(address.sin_port)));
  const Status status = Run(*fetcher, command);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_NE(status.error().message.find("too slow"), std::string::npos) << status.error().message;
}

TEST_F(FetcherHttpTest, CancelAndDestructionEndAFetch) {
  auto fetcher = Make();
  CommandInfo command;
  Add(&command, Url("/hang"));
  auto cancelled = Start(*fetcher, command, "one");
  auto destroyed = Start(*fetcher, command, "two");
  fetcher->Cancel("one");
  const Status first = cancelled.get();
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().code, Code::kUnavailable);
  fetcher.reset();
  EXPECT_FALSE(destroyed.get().has_value());
}

}  // namespace
}  // namespace tepui::containers
