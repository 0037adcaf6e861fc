// SPDX-License-Identifier: Apache-2.0
#include "storage/limits.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cassert>

namespace tepui::storage {
namespace {

bool IsUtf8WithoutNul(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

Status CheckLimits(const Write& write, const Limits& limits) {
  if (Status checked = CheckKey(write.key); !checked) return checked;
  if (write.value && write.value->size() > limits.value_bytes) {
    return Fail(Code::kTooLarge, "The value of '{}' has {} bytes; a store takes {}", write.key,
                write.value->size(), limits.value_bytes);
  }
  return {};
}

}  // namespace

size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and values beyond the last plane.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

Status CheckKey(std::string_view key) {
  if (key.empty()) return Fail(Code::kInvalid, "A key of the store is empty");
  if (key.size() > Store::kMaxKeyBytes) {
    return Fail(Code::kTooLarge, "The key '{}...' has {} bytes; a store takes {}",
                key.substr(0, 64), key.size(), Store::kMaxKeyBytes);
  }
  if (!IsUtf8WithoutNul(key)) {
    return Fail(Code::kInvalid, "A key of the store is not UTF-8, or has a NUL in it");
  }
  return {};
}

size_t SizeOf(const Write& write) {
  return write.key.size() + (write.value ? write.value->size() : 0) + Store::kWriteBytes;
}

size_t SizeOf(const Batch& batch) {
  size_t bytes = 0;
  for (const Write& write : batch) bytes += SizeOf(write);
  return bytes;
}

Status CheckLimits(const Batch& batch, const Limits& limits) {
  for (const Write& write : batch) {
    if (Status checked = CheckLimits(write, limits); !checked) return checked;
  }
  if (const size_t bytes = SizeOf(batch); bytes > limits.batch_bytes) {
    return Fail(Code::kTooLarge, "A batch of {} writes counts {} bytes; a store takes {}",
                batch.size(), bytes, limits.batch_bytes);
  }
  return {};
}

Error NotTheWriter() {
  return {Code::kForbidden,
          "This handle of the store may not write: it has not become the store's writer"};
}

Error Deposed(uint64_t own_epoch, uint64_t epoch, std::string_view writer) {
  return {Code::kForbidden, fmt::format("The store was taken over by {} (epoch {}); this writer's "
                                        "epoch {} is over",
                                        writer, epoch, own_epoch)};
}

Error ImportUnfinished(std::string_view store) {
  return {Code::kUnavailable, fmt::format("An import into {} did not finish: run it again with "
                                          "`tepui store import --replace`",
                                          store)};
}

std::string ThisProcess() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("pid {} ({}) on {}", getpid(), program_invocation_short_name, host.data());
}

Status Waiting::Add(size_t bytes) {
  if (calls_ >= Store::kMaxWaiting || bytes_ + bytes > Store::kMaxWaitingBytes) {
    return Fail(Code::kTooLarge,
                "{} calls with {} bytes are waiting for the store already; it accepts no more",
                calls_, bytes_);
  }
  ++calls_;
  bytes_ += bytes;
  return {};
}

void Waiting::Remove(size_t bytes) {
  assert(calls_ > 0 && bytes_ >= bytes);
  --calls_;
  bytes_ -= bytes;
}

}  // namespace tepui::storage
