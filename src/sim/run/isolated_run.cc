// SPDX-License-Identifier: Apache-2.0
#include "sim/run/isolated_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "base/units.h"

namespace tepui::sim {
namespace {

// A memory file that parent and child share.
class SharedFile {
 public:
  explicit SharedFile(const char* name) : descriptor_(memfd_create(name, MFD_CLOEXEC)) {
    if (descriptor_ < 0)
      throw std::system_error(errno, std::generic_category(), "cannot make a file in memory");
  }
  ~SharedFile() { close(descriptor_); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  int descriptor() const { return descriptor_; }

  void Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written <= 0) _exit(1);  // The parent notices that the result is missing.
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }

  std::string Read() const {
    std::string bytes;
    char chunk[64 << 10];
    ssize_t count = 0;
    while ((count = pread(descriptor_, chunk, sizeof(chunk), static_cast<off_t>(bytes.size()))) > 0)
      bytes.append(chunk, static_cast<size_t>(count));
    return bytes;
  }

 private:
  const int descriptor_;
};

class Writer {
 public:
  void Number(uint64_t number) { bytes_.append(reinterpret_cast<char*>(&number), sizeof(number)); }
  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  uint64_t Number() {
    uint64_t number = 0;
    assert(rest_.size() >= sizeof(number));
    std::memcpy(&number, rest_.data(), sizeof(number));
    rest_.remove_prefix(sizeof(number));
    return number;
  }
  std::string Text() {
    const uint64_t size = Number();
    assert(rest_.size() >= size);
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

 private:
  std::string_view rest_;
};

// Encodes everything but the faults, which the seed determines.
std::string Encode(const RunResult& result) {
  Writer writer;
  for (const uint64_t number : {result.trace_hash, result.trace_lines, result.tasks_launched,
                                result.tasks_finished, result.elections}) {
    writer.Number(number);
  }
  writer.Text(result.trace);
  writer.Number(result.violations.size());
  for (const Violation& violation : result.violations) {
    writer.Text(violation.invariant);
    writer.Number(static_cast<uint64_t>(violation.when.time_since_epoch().count()));
    writer.Text(violation.what);
  }
  return writer.bytes();
}

void Decode(std::string_view bytes, RunResult* result) {
  Reader reader(bytes);
  for (uint64_t* number : {&result->trace_hash, &result->trace_lines, &result->tasks_launched,
                           &result->tasks_finished, &result->elections}) {
    *number = reader.Number();
  }
  result->trace = reader.Text();
  for (uint64_t left = reader.Number(); left > 0; --left) {
    Violation violation;
    violation.invariant = reader.Text();
    violation.when = MonotonicTime(Duration(static_cast<int64_t>(reader.Number())));
    violation.what = reader.Text();
    result->violations.push_back(std::move(violation));
  }
}

[[noreturn]] void RunInChild(const std::function<RunResult()>& run, const SharedFile& result,
                             const SharedFile& errors) {
  dup2(errors.descriptor(), STDERR_FILENO);
  result.Write(Encode(run()));
  _exit(0);
}

// Returns the child's wait status; kills the child when its time is over.
int WaitFor(pid_t child, Duration limit, bool* timed_out) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd ended{.fd = descriptor, .events = POLLIN, .revents = 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  *timed_out = poll(&ended, 1, static_cast<int>(milliseconds)) == 0;
  if (*timed_out) kill(child, SIGKILL);
  if (descriptor >= 0) close(descriptor);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string LastLine(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(text.rfind('\n') + 1);
}

std::string DescribeEnd(int status, bool timed_out, Duration limit, std::string errors) {
  if (timed_out) return fmt::format("it had not ended after {}", FormatDuration(limit));
  const std::string last = LastLine(std::move(errors));
  const std::string why = last.empty() ? "" : ": " + last;
  if (WIFSIGNALED(status)) return fmt::format("it died of {}{}", strsignal(WTERMSIG(status)), why);
  return fmt::format("it exited with status {}{}", WEXITSTATUS(status), why);
}

}  // namespace

RunResult Isolated(const std::function<RunResult()>& run, Duration limit) {
  const SharedFile bytes("result");
  const SharedFile errors("errors");
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
  if (child == 0) RunInChild(run, bytes, errors);

  bool timed_out = false;
  const int status = WaitFor(child, limit, &timed_out);
  RunResult result;
  if (!timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    Decode(bytes.Read(), &result);
  } else {
    result.violations.push_back({.invariant = "no-crash",
                                 .when = {},
                                 .what = DescribeEnd(status, timed_out, limit, errors.Read())});
  }
  return result;
}

RunResult RunIsolated(const RunSpec& spec, Duration limit) {
  RunResult result = Isolated([&spec] { return Run(spec); }, limit);
  result.faults = spec.Faults();
  return result;
}

}  // namespace tepui::sim
