// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/posix/file_descriptor.h"

namespace tepui::storage {
namespace {

// The file format is documented at https://www.sqlite.org/fileformat2.html#walformat.
constexpr size_t kHeaderBytes = 32;
constexpr size_t kPageSizeAt = 8;
constexpr size_t kSaltsAt = 16;
constexpr size_t kFrameHeaderBytes = 24;
constexpr size_t kCommitAt = 4;  // Not 0 in the last frame of a transaction.
constexpr size_t kFrameSaltsAt = 8;

uint32_t Number(std::span<const unsigned char> bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < sizeof(number); ++i) number = number << 8 | bytes[at + i];
  return number;
}

bool Read(const FileDescriptor& file, size_t at, std::span<unsigned char> bytes) {
  return pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace

size_t CountRolledBack(const std::string& path, size_t valid) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<unsigned char, kHeaderBytes> header{};
  if (!file.valid() || !Read(file, 0, header)) return 0;
  const size_t frame_bytes = kFrameHeaderBytes + Number(header, kPageSizeAt);
  std::array<unsigned char, kFrameHeaderBytes> frame{};
  size_t transactions = 0;
  for (size_t number = valid; Read(file, kHeaderBytes + number * frame_bytes, frame); ++number) {
    // Frames with other salts are left from an earlier use of the file.
    if (Number(frame, kFrameSaltsAt) != Number(header, kSaltsAt) ||
        Number(frame, kFrameSaltsAt + 4) != Number(header, kSaltsAt + 4)) {
      continue;
    }
    if (Number(frame, kCommitAt) != 0) ++transactions;
  }
  return transactions;
}

}  // namespace tepui::storage
