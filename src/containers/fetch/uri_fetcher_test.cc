// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/uri_fetcher.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "base/mutex.h"
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
    options_.threads = 4;
  }

  CommandInfo::URI* Add(CommandInfo* command, const std::string& value) {
    command->add_uris()->set_value(value);
    return command->mutable_uris(command->uris_size() - 1);
  }
  std::future<Status> Start(UriFetcher& fetcher, const CommandInfo& command,
                            const std::string& id = "c",
                            const std::optional<shim::Launch::User>& user = std::nullopt) {
    auto promise = std::make_shared<std::promise<Status>>();
    auto future = promise->get_future();
    fetcher.Fetch(id, command, (root_ / "sandbox").string(), user,
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
  UriFetcher fetcher(options_);
  CommandInfo command;
  Add(&command, "file://" + (root_ / "file").string());
  auto* tool = Add(&command, (root_ / "file").string());
  tool->set_output_file("bin/tool");
  tool->set_executable(true);
  ASSERT_TRUE(Run(fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/file"), "content");
  EXPECT_EQ(Contents(root_ / "sandbox/bin/tool"), "content");
  EXPECT_EQ(access((root_ / "sandbox/bin/tool").c_str(), X_OK), 0);
  EXPECT_EQ(fetcher.counters().succeeded, 1u);
}

TEST_F(FetcherTest, FailuresNameTheUri) {
  UriFetcher fetcher(options_);
  for (const char* uri : {"/no/such/file", "http://127.0.0.1:1/x", "/dev/zero", "/etc"}) {
    CommandInfo command;
    Add(&command, uri);
    const Status status = Run(fetcher, command);
    ASSERT_FALSE(status.has_value()) << uri;
    EXPECT_NE(status.error().message.find(uri), std::string::npos) << status.error().message;
  }
  EXPECT_EQ(fetcher.counters().failed, 4u);
}

TEST_F(FetcherTest, ALinkInTheSandboxIsNotFollowed) {
  UriFetcher fetcher(options_);
  fs::create_directory(root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", root_ / "sandbox/link");
  fs::create_symlink(root_ / "elsewhere/planted", root_ / "sandbox/planted");
  for (const char* output : {"link/x", "planted"}) {
    CommandInfo command;
    Add(&command, (root_ / "file").string())->set_output_file(output);
    EXPECT_FALSE(Run(fetcher, command).has_value()) << output;
  }
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_F(FetcherTest, ActsAsTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  UriFetcher fetcher(options_);
  chmod((root_ / "sandbox").c_str(), 0777);
  const auto nobody = ResolveUser("nobody");
  ASSERT_TRUE(nobody) << nobody.error().message;
  std::ofstream(root_ / "secret") << "of root";
  chmod((root_ / "secret").c_str(), 0600);

  CommandInfo open;
  Add(&open, (root_ / "file").string());
  ASSERT_TRUE(Run(fetcher, open, *nobody));
  struct stat info{};
  ASSERT_EQ(stat((root_ / "sandbox/file").c_str(), &info), 0);
  EXPECT_NE(info.st_uid, 0u);

  for (const bool cache : {false, true}) {
    CommandInfo closed;
    Add(&closed, (root_ / "secret").string())->set_cache(cache);
    EXPECT_FALSE(Run(fetcher, closed, *nobody).has_value());
    EXPECT_FALSE(fs::exists(root_ / "sandbox/secret") &&
                 Contents(root_ / "sandbox/secret") == "of root");
  }
  // The thread is root again afterwards.
  CommandInfo again;
  Add(&again, (root_ / "secret").string());
  EXPECT_TRUE(Run(fetcher, again));
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
  UriFetcher fetcher(options_);
  CommandInfo command;
  Add(&command, Url("/data"));
  ASSERT_TRUE(Run(fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/data"), std::string(1000, 'x'));

  CommandInfo missing;
  Add(&missing, Url("/missing"));
  const Status status = Run(fetcher, missing);
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("404"), std::string::npos) << status.error().message;
}

TEST_F(FetcherHttpTest, TheCacheFetchesOnceForManyAtOnce) {
  UriFetcher fetcher(options_);
  CommandInfo command;
  auto* uri = Add(&command, Url("/data"));
  uri->set_cache(true);
  uri->set_output_file("copy");
  std::vector<std::future<Status>> all;
  for (int i = 0; i < 8; ++i) all.push_back(Start(fetcher, command, fmt::format("c{}", i)));
  for (auto& one : all) EXPECT_TRUE(one.get());
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(fetcher.counters().cache_used_bytes, 1000u);
  EXPECT_EQ(Contents(root_ / "sandbox/copy"), std::string(1000, 'x'));
}

TEST_F(FetcherHttpTest, TheCacheEvictsTheLeastRecentlyUsed) {
  options_.cache_size_bytes = 2500;
  UriFetcher fetcher(options_);
  const auto fetch = [&](const std::string& path) {
    CommandInfo command;
    Add(&command, Url(path))->set_cache(true);
    EXPECT_TRUE(Run(fetcher, command)) << path;
    return requests_.load();
  };
  fetch("/a");
  fetch("/b");
  EXPECT_EQ(fetch("/a"), 2);  // /a was used again, so /b is the oldest now.
  EXPECT_EQ(fetch("/c"), 3);
  EXPECT_LE(fetcher.counters().cache_used_bytes, 2500u);
  EXPECT_EQ(fetch("/a"), 3);
  EXPECT_EQ(fetch("/b"), 4);
}

TEST_F(FetcherHttpTest, WhatDoesNotFitServesOnceAndIsNotKept) {
  options_.cache_size_bytes = 10;
  UriFetcher fetcher(options_);
  CommandInfo command;
  Add(&command, Url("/data"))->set_cache(true);
  EXPECT_TRUE(Run(fetcher, command));
  EXPECT_EQ(Contents(root_ / "sandbox/data").size(), 1000u);
  EXPECT_EQ(fetcher.counters().cache_used_bytes, 0u);
  EXPECT_TRUE(fs::is_empty(root_ / "cache"));
}

TEST_F(FetcherHttpTest, AStallIsGivenUp) {
  options_.stall_timeout = std::chrono::seconds(1);
  UriFetcher fetcher(options_);
  CommandInfo command;
  Add(&command, Url("/hang"));
  const Status status = Run(fetcher, command);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST_F(FetcherHttpTest, CancelAndDestructionEndAFetch) {
  auto fetcher = std::make_unique<UriFetcher>(options_);
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
