// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/timer.h"

namespace tepui::frameworks {

// Follows growing files that are read piece by piece over /files/read (reference 1.9). Pure and
// single-threaded.
class OutputTail {
 public:
  // The result of one read.
  struct Piece {
    uint64_t offset = 0;  // For a read with offset -1, the file's size.
    std::string data;
  };
  using ReadCallback = std::move_only_function<void(Result<Piece>)>;

  struct Effects {
    // Reads at most `length` bytes from `offset`; with offset -1 it only returns the size.
    std::function<void(const std::string& path, int64_t offset, uint64_t length,
                       ReadCallback callback)>
        read;
    std::function<void(std::string_view data)> write;
  };

  // The clock and the effects outlive the tail; callbacks that come after its end are dropped.
  OutputTail(std::string path, Clock& clock, Effects effects);
  OutputTail(const OutputTail&) = delete;
  OutputTail& operator=(const OutputTail&) = delete;

  void Start() { Poll(); }

  // Reads the rest of the file, then calls `done` and reads no more. Also calls it if the file
  // cannot be read.
  void Drain(std::function<void()> done);

 private:
  void Poll();
  void OnSize(Result<Piece> size);
  void OnData(uint64_t length, Result<Piece> piece);
  void Rest(bool failed);

  const std::string path_;
  const Effects effects_;
  uint64_t position_ = 0;
  bool reading_ = false;
  int drain_failures_ = 0;
  bool last_look_done_ = false;
  std::function<void()> done_;
  Timer timer_;
  Lifetime lifetime_;
};

}  // namespace tepui::frameworks
