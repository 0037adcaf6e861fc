// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace tepui {

// The kind of a failure. The HTTP edge maps each kind to one status code (src/web); cores do not
// know HTTP.
enum class Code {
  kInvalid,        // The request itself is wrong. 400.
  kForbidden,      // The request was understood and refused. 403.
  kNotFound,       // What the request names does not exist. 404.
  kConflict,       // The state changed while the request was handled. 409.
  kTooLarge,       // A stated limit is exceeded. 413.
  kUnimplemented,  // This kind of request is unknown here. 501.
  kUnavailable,    // Not possible now: recovering, not leading, shutting down, or a peer is away.
                   // 503.
  kInternal,       // A fault of ours or of the machine. 500.
};

// A failure as a value: a code for programs and one sentence for the person who has to act on it.
// The sentence names what failed, for which thing and, where it helps, what to do. It ends without
// a full stop so that it can be embedded.
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
