#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace tepui {

// What kind of failure an Error is. The HTTP edge maps each to one status code (src/web); cores
// never name HTTP.
enum class Code {
  kInvalid,        // The request is wrong in itself. 400.
  kForbidden,      // Understood and refused. 403.
  kNotFound,       // The thing named does not exist. 404.
  kConflict,       // The state changed under the request. 409.
  kTooLarge,       // Over a stated limit. 413.
  kUnimplemented,  // A kind of request nobody here knows. 501.
  kUnavailable,    // Not now: recovering, not leading, shutting down, a peer away. 503.
  kInternal,       // Our fault or the machine's. 500.
};

// A failure as a value: a code for programs and one sentence for the person who has to act on it.
// The sentence says what, which and, where it helps, what to do; it ends without a full stop so
// that it can be embedded.
struct Error {
  Code code = Code::kInternal;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// return Fail(Code::kInvalid, "Task '{}' has no resources", id);
template <class... Args>
std::unexpected<Error> Fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

inline std::unexpected<Error> Fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace tepui
