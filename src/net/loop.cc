// SPDX-License-Identifier: Apache-2.0
#include "net/loop.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <utility>

#include "base/thread.h"
#include "net/io_threads.h"

namespace tepui::net {

namespace asio = boost::asio;

namespace {
constexpr size_t kScratchBytes = 64 << 10;
}

struct Loop::Asio {
  asio::io_context context{1};  // One thread runs it.
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
};

Loop::Loop(const std::string& name)
    : asio_(std::make_unique<Asio>()),
      scratch_(kScratchBytes),
      thread_(StartThread(name, [this] { asio_->context.run(); })) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

Loop::~Loop() { Stop(); }

bool Loop::Post(Work work) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return false;
    mailbox_.push_back(std::move(work));
    if (mailbox_.size() > 1) return true;  // The first work already woke the loop.
    // Posted under the lock, so that Stop's own post comes after it. The handler holds no reference
    // to the loop or to members: nothing in the io_context keeps itself alive.
    asio::post(asio_->context, [this] { DrainMailbox(); });
  }
  return true;
}

void Loop::DrainMailbox() {
  std::vector<Work> batch;
  {
    const MutexLock lock(mutex_);
    batch.swap(mailbox_);
  }
  for (Work& work : batch) {
    work();
    work = nullptr;  // What it holds is destroyed in the same order.
  }
}

void Loop::Stop() {
  const MutexLock stop(stop_mutex_);
  if (!thread_.joinable()) return;
  assert(!OnThread());
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    asio::post(asio_->context, [this] {
      DrainMailbox();
      closing_ = true;
      CloseMembers([](const LoopMember&) { return true; });
      asio_->work.reset();  // The thread ends once the cancelled operations have been notified.
    });
  }
  thread_.join();
}

MonotonicTime Loop::Now() const {
  return MonotonicTime(std::chrono::steady_clock::now().time_since_epoch());
}

void Loop::Join(const std::shared_ptr<LoopMember>& member) {
  if (closing_) return member->Close();
  members_.insert(member);
}

void Loop::Leave(LoopMember& member) { members_.erase(member.shared_from_this()); }

void Loop::CloseMembersOf(const void* owner) {
  CloseMembers([owner](const LoopMember& member) { return member.owner() == owner; });
}

void Loop::CloseMembers(std::function<bool(const LoopMember&)> which) {
  std::vector<std::shared_ptr<LoopMember>> chosen;
  std::ranges::copy_if(members_, std::back_inserter(chosen),
                       [&](const auto& member) { return which(*member); });
  for (const auto& member : chosen) member->Close();
}

asio::io_context& Loop::context() { return asio_->context; }

IoThreads::Impl::Impl(int threads) {
  for (int i = 0; i < std::max(1, threads); ++i)
    loops_.push_back(std::make_shared<Loop>("io-" + std::to_string(i)));
}

const std::shared_ptr<Loop>& IoThreads::Impl::Next() {
  return loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

IoThreads::IoThreads(int threads) : impl_(std::make_unique<Impl>(threads)) {}

IoThreads::~IoThreads() { Stop(); }

void IoThreads::Stop() {
  for (const auto& loop : impl_->loops()) loop->Stop();
}

}  // namespace tepui::net
