// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace tepui {

// The kind of a failure. Only the HTTP edge knows which status code answers each kind
// (web/responses.cc).
enum class Code {
  kInvalid,        // The request itself is wrong.
  kForbidden,      // The request was understood and refused.
  kNotFound,       // What the request names does not exist.
  kConflict,       // The state changed while the request was handled.
  kTooLarge,       // A stated limit is exceeded.
  kUnimplemented,  // This kind of request is unknown here.
  kUnavailable,    // It is not possible now: this process recovers, does not lead or shuts down,
                   // or a peer is away.
  kInternal,       // This process or the machine is at fault.
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
