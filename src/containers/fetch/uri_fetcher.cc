// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/uri_fetcher.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/units.h"
#include "containers/fetch/archive.h"
#include "containers/fetch/download.h"
#include "containers/fetch/fair_workers.h"
#include "containers/fetch/fetch_budget.h"
#include "containers/fetch/fetch_cache.h"
#include "containers/fetch/fetch_source.h"
#include "containers/host/filesystem_identity.h"

namespace tepui::containers {

namespace {

constexpr size_t kCopyBytes = 256 << 10;

// Copies from the position of `from` to the position of `to`.
Status Copy(int from, int to, FetchBudget& budget, const std::function<bool()>& cancelled) {
  std::string buffer(kCopyBytes, '\0');
  while (true) {
    if (cancelled()) return Fail(Code::kUnavailable, "the fetch was cancelled");
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got == 0) return {};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(Code::kInternal, "it cannot be read: {}", std::strerror(errno));
    if (Status taken = budget.Take(static_cast<uint64_t>(got)); !taken) return taken;
    for (ssize_t done = 0; done < got;) {
      const ssize_t n = write(to, buffer.data() + done, static_cast<size_t>(got - done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fail(Code::kInternal, "it cannot be written: {}", std::strerror(errno));
      done += n;
    }
  }
}

Result<FileDescriptor> OpenSource(const std::string& path) {
  // The open must not block: the path may name a pipe.
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    return Fail(errno == ENOENT ? Code::kNotFound : Code::kInvalid, "{}", std::strerror(errno));
  }
  struct stat info{};
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Fail(Code::kInvalid, "it is not a file");
  return file;
}

// Opens `output` for writing below `sandbox`. Creates the directories on the way and follows no
// link, since an archive fetched before may have planted one.
Result<FileDescriptor> CreateOutput(const std::string& sandbox, const std::string& output,
                                    mode_t mode) {
  const auto failed = [&output] {
    return Fail(Code::kInvalid, "it cannot be written to '{}': {}", output, std::strerror(errno));
  };
  FileDescriptor directory(open(sandbox.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return failed();
  size_t begin = 0;
  for (size_t slash; (slash = output.find('/', begin)) != std::string::npos; begin = slash + 1) {
    const std::string name = output.substr(begin, slash - begin);
    if (mkdirat(directory.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return failed();
    FileDescriptor next(
        openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return failed();
    directory = std::move(next);
  }
  const std::string name = output.substr(begin);
  FileDescriptor file(openat(directory.get(), name.c_str(),
                             O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                             mode));
  if (!file.valid() || fchmod(file.get(), mode) != 0) return failed();
  return file;
}

}  // namespace

class UriFetcher::Impl {
 public:
  Impl(Options options, std::unique_ptr<FetchCache> cache)
      : options_(std::move(options)),
        cache_(std::move(cache)),
        workers_("fetcher", options_.threads, options_.threads_per_framework) {}

  ~Impl() {
    {
      const MutexLock lock(mutex_);
      for (auto& [id, cancelled] : unfinished_) *cancelled = true;
    }
    workers_.Stop();
  }

  void Fetch(FetchRequest request, std::move_only_function<void(Status)> done) {
    auto job = std::make_unique<Job>(std::move(request), std::move(done));
    const std::string framework = job->request.framework.value();
    const std::string id = job->request.id;
    {
      const MutexLock lock(mutex_);
      unfinished_[id] = job->cancelled;
    }
    workers_.Submit(framework, id, [this, job = std::move(job)] { Run(job.get()); });
  }

  void Cancel(const std::string& id) {
    {
      const MutexLock lock(mutex_);
      if (const auto it = unfinished_.find(id); it != unfinished_.end()) *it->second = true;
    }
    if (!workers_.Withdraw(id)) return;
    const MutexLock lock(mutex_);
    unfinished_.erase(id);
  }

  Counters counters() const {
    Counters counters;
    counters.succeeded = succeeded_;
    counters.failed = failed_;
    counters.cache_total_bytes = cache_->max_bytes();
    counters.cache_used_bytes = cache_->used_bytes();
    return counters;
  }

 private:
  struct Job {
    Job(FetchRequest to_fetch, std::move_only_function<void(Status)> callback)
        : request(std::move(to_fetch)), done(std::move(callback)) {}
    ~Job() {
      // The job was destroyed before it ran: it was cancelled, or the fetcher is being destroyed.
      if (done) done(Fail(Code::kUnavailable, "The fetch was cancelled"));
    }
    FetchRequest request;
    std::move_only_function<void(Status)> done;
    std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  };

  void Run(Job* job) {
    const Status status = FetchAll(*job);
    {
      const MutexLock lock(mutex_);
      const auto it = unfinished_.find(job->request.id);
      if (it != unfinished_.end() && it->second == job->cancelled) unfinished_.erase(it);
    }
    ++(status ? succeeded_ : failed_);
    std::exchange(job->done, nullptr)(status);
  }

  // One fetch on its thread.
  struct Fetching {
    const FetchRequest& request;
    shim::Launch::User user;
    std::function<bool()> cancelled;
    FetchBudget budget;
  };

  FetchBudget BudgetOf(const FetchRequest& request) const {
    const bool own = request.disk_bytes && *request.disk_bytes < options_.max_bytes;
    const uint64_t bytes = own ? *request.disk_bytes : options_.max_bytes;
    return FetchBudget(bytes,
                       own ? fmt::format("the task's disk of {}", FormatBytes(bytes))
                           : fmt::format("{}, the most for one task", FormatBytes(bytes)),
                       request.sandbox, options_.disk_reserve_bytes);
  }

  Status FetchAll(const Job& job) {
    Fetching fetching = {
        .request = job.request,
        .user = job.request.user.value_or(shim::Launch::User()),  // Root, which switches nothing.
        .cancelled = [&job] { return job.cancelled->load(); },
        .budget = BudgetOf(job.request)};
    for (const auto& uri : job.request.command.uris()) {
      const auto source = ParseFetchUri(uri, options_.frameworks_home);
      if (!source) return Fail(source.error());
      const auto fetched = FetchOne(fetching, *source);
      if (!fetched)
        return Fail(fetched.error().code, "Failed to fetch '{}': {}", uri.value(),
                    fetched.error().message);
    }
    return {};
  }

  Status FetchOne(Fetching& fetching, const FetchSource& source) {
    if (!source.cache) return Place(fetching, source, -1);
    const auto fill = [&](int fd) -> Status {
      // The cache keeps it for later tasks, so it takes no room in this task's sandbox.
      FetchBudget budget = fetching.budget.ForCopyIn(cache_->path());
      if (source.scheme == FetchSource::Scheme::kNetwork) {
        return Download(source.location, fd, options_.pace, budget, fetching.cancelled);
      }
      const auto file = OpenAs(fetching.user, source.location);
      return file ? Copy(file->get(), fd, budget, fetching.cancelled) : Fail(file.error());
    };
    const auto lease = cache_->Get(fmt::format("{}\n{}", fetching.user.uid, source.location), fill,
                                   fetching.cancelled);
    if (!lease) return Fail(lease.error());
    return Place(fetching, source, lease->fd());
  }

  // Opens a file that the user may read: another one must not reach it through the cache either.
  static Result<FileDescriptor> OpenAs(const shim::Launch::User& user, const std::string& path) {
    const FilesystemIdentity identity(user);
    if (!identity.taken()) return Fail(Code::kInternal, "the agent cannot act as the task's user");
    return OpenSource(path);
  }

  // Puts the file into the sandbox, as the task's user; reads it from `cached` if that is a
  // descriptor. Like in Mesos, a cached archive is only unpacked, and the file of one that is not
  // cached is kept, too.
  Status Place(Fetching& fetching, const FetchSource& source, int cached) {
    const FilesystemIdentity identity(fetching.user);
    if (!identity.taken()) return Fail(Code::kInternal, "the agent cannot act as the task's user");
    if (cached >= 0 && source.extract) return Unpack(fetching, source, cached);

    FileDescriptor from;
    if (cached < 0 && source.scheme == FetchSource::Scheme::kFile) {
      auto opened = OpenSource(source.location);
      if (!opened) return Fail(opened.error());
      from = std::move(*opened);
    }
    auto file =
        CreateOutput(fetching.request.sandbox, source.output, source.executable ? 0755 : 0644);
    if (!file) return Fail(file.error());
    const int to = file->get();
    const Status copied = cached >= 0    ? Copy(cached, to, fetching.budget, fetching.cancelled)
                          : from.valid() ? Copy(from.get(), to, fetching.budget, fetching.cancelled)
                                         : Download(source.location, to, options_.pace,
                                                    fetching.budget, fetching.cancelled);
    if (!copied || !source.extract) return copied;
    lseek(to, 0, SEEK_SET);
    return Unpack(fetching, source, to);
  }

  Status Unpack(Fetching& fetching, const FetchSource& source, int fd) const {
    // A lone .gz is a single compressed file, not an archive. Only then is the raw format enabled,
    // because with it libarchive accepts any bytes.
    const bool plain = source.output.ends_with(".gz") && !source.output.ends_with(".tar.gz");
    const std::string name = source.output.substr(source.output.rfind('/') + 1);
    const ExtractLimits limits = {.budget = fetching.budget,
                                  .max_entries = options_.max_extracted_entries};
    return Extract(fd, fetching.request.sandbox, plain ? name.substr(0, name.size() - 3) : "",
                   limits, fetching.cancelled);
  }

  const Options options_;
  const std::unique_ptr<FetchCache> cache_;
  std::atomic<uint64_t> succeeded_ = 0, failed_ = 0;
  Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<std::atomic<bool>>> unfinished_
      TEPUI_GUARDED_BY(mutex_);
  FairWorkers workers_;
};

Result<std::unique_ptr<UriFetcher>> UriFetcher::Create(Options options) {
  auto cache = FetchCache::Open(options.cache_dir, options.cache_size_bytes);
  if (!cache) return Fail(cache.error());
  return std::unique_ptr<UriFetcher>(
      new UriFetcher(std::make_unique<Impl>(std::move(options), std::move(*cache))));
}

UriFetcher::UriFetcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UriFetcher::~UriFetcher() = default;
void UriFetcher::Fetch(FetchRequest request, std::move_only_function<void(Status)> done) {
  impl_->Fetch(std::move(request), std::move(done));
}
void UriFetcher::Cancel(const std::string& id) { impl_->Cancel(id); }
UriFetcher::Counters UriFetcher::counters() const { return impl_->counters(); }

}  // namespace tepui::containers
