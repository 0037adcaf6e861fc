// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_set>

namespace tepui::containers {

namespace {

constexpr size_t kBlockBytes = 64 << 10;

struct ReadCloser {
  void operator()(struct archive* a) const { archive_read_free(a); }
};
struct WriteCloser {
  void operator()(struct archive* a) const { archive_write_free(a); }
};

// libarchive converts names to the charset of the locale, and refuses those that it cannot express.
// While this object exists, that is UTF-8 for the calling thread, whatever the process has.
class Utf8Names {
 public:
  Utf8Names() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(utf8_)) {}
  ~Utf8Names() {
    uselocale(before_);
    if (utf8_ != nullptr) freelocale(utf8_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  const locale_t utf8_;  // Null on a system without it, where other names than ASCII are refused.
  const locale_t before_;
};

std::string_view ErrorText(struct archive* a) {
  const char* text = archive_error_string(a);
  return text == nullptr ? "unreadable" : text;
}

// Returns the path of an entry below the directory, without "./"; kInvalid if it leads elsewhere.
Result<std::string> InsidePath(const char* raw) {
  if (raw == nullptr) return Fail(Code::kInvalid, "an entry has a name that cannot be read");
  std::string path = raw;
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.starts_with('/'))
    return Fail(Code::kInvalid, "the entry '{}' has an absolute path", raw);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (std::string_view(path).substr(begin, end - begin) == "..") {
      return Fail(Code::kInvalid, "the entry '{}' leads out of the sandbox", raw);
    }
    begin = end + 1;
  }
  return path;
}

class Extraction {
 public:
  Extraction(std::string directory, const ExtractLimits& limits,
             const std::function<bool()>& cancelled)
      : directory_(std::move(directory)),
        limits_(limits),
        cancelled_(cancelled),
        reader_(archive_read_new()),
        writer_(archive_write_disk_new()) {
    archive_write_disk_set_options(writer_.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                                      ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                      ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  }

  Status Run(int fd, const std::string& plain_name) {
    archive_read_support_filter_all(reader_.get());
    archive_read_support_format_tar(reader_.get());
    archive_read_support_format_gnutar(reader_.get());
    archive_read_support_format_zip(reader_.get());
    if (!plain_name.empty()) archive_read_support_format_raw(reader_.get());
    if (archive_read_open_fd(reader_.get(), fd, kBlockBytes) != ARCHIVE_OK) {
      return Fail(Code::kInvalid, "it is not an archive: {}", ErrorText(reader_.get()));
    }
    for (uint64_t entries = 0;; ++entries) {
      struct archive_entry* entry = nullptr;
      const int result = archive_read_next_header(reader_.get(), &entry);
      if (result == ARCHIVE_EOF) return {};
      if (result < ARCHIVE_WARN)
        return Fail(Code::kInvalid, "it is damaged: {}", ErrorText(reader_.get()));
      if (entries == limits_.max_entries) {
        return Fail(Code::kTooLarge, "it has more than {} entries", limits_.max_entries);
      }
      if (archive_format(reader_.get()) == ARCHIVE_FORMAT_RAW) {
        archive_entry_set_pathname(entry, plain_name.c_str());
        archive_entry_set_perm(entry, 0644);
      }
      if (auto written = WriteEntry(entry); !written) return written;
    }
  }

 private:
  Status WriteEntry(struct archive_entry* entry) {
    const auto path = InsidePath(archive_entry_pathname(entry));
    if (!path) return Fail(path.error());
    if (path->empty() || *path == ".") return {};  // The directory itself.

    const auto type = archive_entry_filetype(entry);
    const char* link = archive_entry_hardlink(entry);
    if (link == nullptr && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
      return Fail(Code::kInvalid, "the entry '{}' is a device or a pipe", *path);
    }
    if (link != nullptr) {
      const auto target = InsidePath(link);
      if (!target || !files_.contains(*target)) {
        return Fail(Code::kInvalid,
                    "the entry '{}' links to '{}', which is not a file of the archive", *path,
                    link);
      }
      archive_entry_set_hardlink(entry, (directory_ + "/" + *target).c_str());
    }
    archive_entry_set_pathname(entry, (directory_ + "/" + *path).c_str());
    archive_entry_set_perm(entry, archive_entry_perm(entry) & 0777);
    if (archive_write_header(writer_.get(), entry) < ARCHIVE_WARN) {
      return Fail(Code::kInvalid, "the entry '{}' cannot be written: {}", *path,
                  ErrorText(writer_.get()));
    }
    if (link == nullptr && type == AE_IFREG) {
      files_.insert(*path);
      if (auto copied = CopyData(*path); !copied) return copied;
    } else {
      // The entry with this name is no longer a regular file, so hard links to it are refused.
      files_.erase(*path);
    }
    if (archive_write_finish_entry(writer_.get()) < ARCHIVE_WARN) {
      return Fail(Code::kInvalid, "the entry '{}' cannot be written: {}", *path,
                  ErrorText(writer_.get()));
    }
    return {};
  }

  Status CopyData(const std::string& path) {
    uint64_t counted = 0;
    while (true) {
      if (cancelled_()) return Fail(Code::kUnavailable, "the fetch was cancelled");
      const void* block = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_.get(), &block, &size, &offset);
      if (result == ARCHIVE_EOF) return {};
      if (result < ARCHIVE_WARN) {
        return Fail(Code::kInvalid, "the entry '{}' is damaged: {}", path,
                    ErrorText(reader_.get()));
      }
      // A sparse file counts with its holes, because reading it back costs as much.
      const uint64_t end = static_cast<uint64_t>(std::max<la_int64_t>(offset, 0)) + size;
      const uint64_t more = std::max<uint64_t>(size, end > counted ? end - counted : 0);
      if (Status taken = limits_.budget.Take(more); !taken) return taken;
      counted = std::max(counted, end);
      if (archive_write_data_block(writer_.get(), block, size, offset) < ARCHIVE_WARN) {
        return Fail(Code::kInternal, "the entry '{}' cannot be written: {}", path,
                    ErrorText(writer_.get()));
      }
    }
  }

  const std::string directory_;
  const ExtractLimits& limits_;
  const std::function<bool()>& cancelled_;
  std::unique_ptr<struct archive, ReadCloser> reader_;
  std::unique_ptr<struct archive, WriteCloser> writer_;
  std::unordered_set<std::string> files_;  // Regular files so far; bounded by max_entries.
};

}  // namespace

Status Extract(int fd, const std::string& directory, const std::string& plain_name,
               const ExtractLimits& limits, const std::function<bool()>& cancelled) {
  // Links on the way to the directory were made by the operator; links below it are not followed.
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(directory.c_str(), nullptr),
                                                         &std::free);
  if (!real) return Fail(Code::kNotFound, "there is no directory '{}'", directory);
  const Utf8Names names;
  return Extraction(real.get(), limits, cancelled).Run(fd, plain_name);
}

}  // namespace tepui::containers
