// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace tepui {

// Randomness as a core sees it: real on a machine, seeded in tests and the simulator.
class Random {
 public:
  virtual ~Random() = default;

  virtual uint64_t Next() = 0;

  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);

  // Uniform in [0, 1).
  double Fraction();

  // A version 4 UUID (RFC 4122) as its 16 bytes, and as text.
  std::string UuidBytes();
  std::string Uuid();
};

// Reads the kernel's generator, so it is fit for ids that must not be guessed (stream ids, tokens).
// Thread-safe.
class SystemRandom final : public Random {
 public:
  uint64_t Next() override;
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// The text form of 16 UUID bytes. If there are not 16 bytes, their hex digits.
std::string UuidToString(const std::string& bytes);

}  // namespace tepui
