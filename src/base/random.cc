// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstring>
#include <stdexcept>

namespace tepui {

uint64_t Random::Below(uint64_t bound) {
  // Rejects the tail that would make the low values more likely.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = Next();
  while (value >= limit) value = Next();
  return value % bound;
}

double Random::Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::string Random::UuidBytes() {
  const uint64_t words[2] = {Next(), Next()};
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), words, 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::string Random::Uuid() { return UuidToString(UuidBytes()); }

uint64_t SystemRandom::Next() {
  // One system call serves 32 values. Each thread has a pool of its own, so no value is returned
  // twice.
  thread_local uint64_t pool[32];
  thread_local size_t left = 0;
  if (left == 0) {
    if (getrandom(pool, sizeof(pool), 0) != static_cast<ssize_t>(sizeof(pool))) {
      throw std::runtime_error("The kernel's random generator did not answer");
    }
    left = 32;
  }
  return pool[--left];
}

std::string UuidToString(const std::string& bytes) {
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes.size() == 16 && (i == 4 || i == 6 || i == 8 || i == 10)) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return text;
}

}  // namespace tepui
