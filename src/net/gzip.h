// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/memory_budget.h"

namespace tepui::net {

// Bodies shorter than this are sent as they are (reference 1.1).
inline constexpr size_t kGzipMinimumBytes = 1024;

// May be called on any thread. Favours speed over size: the bodies are JSON, which shrinks tenfold
// at the lowest level already.
std::string Gzip(std::string_view bytes);

// Returns kTooLarge as soon as the output exceeds `max_bytes`, so that a decompression bomb costs
// no more than the limit, and kInvalid if `bytes` is not complete gzip data. `memory` grows by the
// output, step by step; kUnavailable if it may not.
Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes, MemoryLease& memory);
Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes);

// Returns true if an Accept-Encoding header admits gzip, by name or by "*", with a weight above
// zero.
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace tepui::net
