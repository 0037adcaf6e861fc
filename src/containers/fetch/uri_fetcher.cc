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
#include "base/worker_pool.h"
#include "containers/fetch/archive.h"
#include "containers/fetch/download.h"
#include "containers/fetch/fetch_cache.h"
#include "containers/fetch/fetch_source.h"
#include "containers/host/filesystem_identity.h"

namespace tepui::containers {

namespace {

constexpr size_t kCopyBytes = 256 << 10;

// Copies from the position of `from` to the position of `to`.
Status Copy(int from, int to, const std::function<bool()>& cancelled) {
  std::string buffer(kCopyBytes, '\0');
  while (true) {
    if (cancelled()) return Fail(Code::kUnavailable, "the fetch was cancelled");
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got == 0) return {};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(Code::kInternal, "it cannot be read: {}", std::strerror(errno));
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
  explicit Impl(Options options)
      : options_(std::move(options)),
        cache_(options_.cache_dir, options_.cache_size_bytes),
        pool_("fetcher", options_.threads) {}

  ~Impl() {
    {
      const MutexLock lock(mutex_);
      for (auto& [id, cancelled] : running_) *cancelled = true;
    }
    pool_.Stop();
  }

  void Fetch(const std::string& id, const mesos::v1::CommandInfo& command,
             const std::string& sandbox, const std::optional<shim::Launch::User>& user,
             std::move_only_function<void(Status)> done) {
    auto job = std::make_unique<Job>();
    job->id = id;
    job->uris = command.uris();
    job->sandbox = sandbox;
    job->user = user;
    job->done = std::move(done);
    {
      const MutexLock lock(mutex_);
      running_[id] = job->cancelled;
    }
    pool_.Submit([this, job = std::move(job)] { Run(job.get()); });
  }

  void Cancel(const std::string& id) {
    const MutexLock lock(mutex_);
    if (const auto it = running_.find(id); it != running_.end()) *it->second = true;
  }

  Counters counters() const {
    Counters counters;
    counters.succeeded = succeeded_;
    counters.failed = failed_;
    counters.cache_total_bytes = cache_.max_bytes();
    counters.cache_used_bytes = cache_.used_bytes();
    return counters;
  }

 private:
  struct Job {
    ~Job() {
      // The job was destroyed before it ran, because the fetcher is being destroyed.
      if (done) done(Fail(Code::kUnavailable, "The fetch was cancelled"));
    }
    std::string id;
    google::protobuf::RepeatedPtrField<mesos::v1::CommandInfo::URI> uris;
    std::string sandbox;
    std::optional<shim::Launch::User> user;
    std::move_only_function<void(Status)> done;
    std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  };

  void Run(Job* job) {
    const Status status = FetchAll(*job);
    {
      const MutexLock lock(mutex_);
      const auto it = running_.find(job->id);
      if (it != running_.end() && it->second == job->cancelled) running_.erase(it);
    }
    ++(status ? succeeded_ : failed_);
    std::exchange(job->done, nullptr)(status);
  }

  Status FetchAll(const Job& job) {
    const auto user = job.user.value_or(shim::Launch::User());  // Root, which switches nothing.
    for (const auto& uri : job.uris) {
      const auto source = ParseFetchUri(uri, options_.frameworks_home);
      if (!source) return Fail(source.error());
      const auto fetched = FetchOne(job, *source, user);
      if (!fetched)
        return Fail(fetched.error().code, "Failed to fetch '{}': {}", uri.value(),
                    fetched.error().message);
    }
    return {};
  }

  Status FetchOne(const Job& job, const FetchSource& source, const shim::Launch::User& user) {
    const std::function<bool()> cancelled = [&job] { return job.cancelled->load(); };
    if (!source.cache) return Place(job, source, user, -1, cancelled);
    const auto fill = [&](int fd) -> Status {
      if (source.scheme == FetchSource::Scheme::kNetwork) {
        return Download(source.location, fd, options_.stall_timeout, cancelled);
      }
      // A file that the user may not read must not reach it through the cache either.
      const FilesystemIdentity identity(user);
      if (!identity.taken())
        return Fail(Code::kInternal, "the agent cannot act as the task's user");
      const auto file = OpenSource(source.location);
      return file ? Copy(file->get(), fd, cancelled) : Fail(file.error());
    };
    const auto lease =
        cache_.Get(fmt::format("{}\n{}", user.uid, source.location), fill, cancelled);
    if (!lease) return Fail(lease.error());
    return Place(job, source, user, lease->fd(), cancelled);
  }

  // Puts the file into the sandbox, as the task's user; reads it from `cached` if that is a
  // descriptor. Like in Mesos, a cached archive is only unpacked, and the file of one that is not
  // cached is kept, too.
  Status Place(const Job& job, const FetchSource& source, const shim::Launch::User& user,
               int cached, const std::function<bool()>& cancelled) {
    const FilesystemIdentity identity(user);
    if (!identity.taken()) return Fail(Code::kInternal, "the agent cannot act as the task's user");
    if (cached >= 0 && source.extract) return Unpack(job, source, cached, cancelled);

    FileDescriptor from;
    if (cached < 0 && source.scheme == FetchSource::Scheme::kFile) {
      auto opened = OpenSource(source.location);
      if (!opened) return Fail(opened.error());
      from = std::move(*opened);
    }
    auto file = CreateOutput(job.sandbox, source.output, source.executable ? 0755 : 0644);
    if (!file) return Fail(file.error());
    const Status copied =
        cached >= 0    ? Copy(cached, file->get(), cancelled)
        : from.valid() ? Copy(from.get(), file->get(), cancelled)
                       : Download(source.location, file->get(), options_.stall_timeout, cancelled);
    if (!copied || !source.extract) return copied;
    lseek(file->get(), 0, SEEK_SET);
    return Unpack(job, source, file->get(), cancelled);
  }

  Status Unpack(const Job& job, const FetchSource& source, int fd,
                const std::function<bool()>& cancelled) const {
    // A lone .gz is a single compressed file, not an archive. Only then is the raw format enabled,
    // because with it libarchive accepts any bytes.
    const bool plain = source.output.ends_with(".gz") && !source.output.ends_with(".tar.gz");
    const std::string name = source.output.substr(source.output.rfind('/') + 1);
    ExtractLimits limits;
    limits.max_bytes = options_.max_extracted_bytes;
    limits.max_entries = options_.max_extracted_entries;
    return Extract(fd, job.sandbox, plain ? name.substr(0, name.size() - 3) : "", limits,
                   cancelled);
  }

  const Options options_;
  FetchCache cache_;
  std::atomic<uint64_t> succeeded_ = 0, failed_ = 0;
  Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<std::atomic<bool>>> running_
      TEPUI_GUARDED_BY(mutex_);
  WorkerPool pool_;
};

UriFetcher::UriFetcher(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
UriFetcher::~UriFetcher() = default;
void UriFetcher::Fetch(const std::string& id, const mesos::v1::CommandInfo& command,
                       const std::string& sandbox, const std::optional<shim::Launch::User>& user,
                       std::move_only_function<void(Status)> done) {
  impl_->Fetch(id, command, sandbox, user, std::move(done));
}
void UriFetcher::Cancel(const std::string& id) { impl_->Cancel(id); }
UriFetcher::Counters UriFetcher::counters() const { return impl_->counters(); }

}  // namespace tepui::containers
