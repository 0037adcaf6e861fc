// SPDX-License-Identifier: Apache-2.0
// Any bytes as a RecordIO stream: the chunks they come in do not change what is read.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "wire/recordio.h"

namespace {

constexpr size_t kLimit = 4096;

struct Stream {
  std::vector<std::string> records;
  std::optional<tepui::Error> error;
  bool partial = false;
};

Stream Read(std::string_view bytes, size_t chunk) {
  tepui::wire::RecordDecoder decoder(kLimit);
  Stream stream;
  for (size_t i = 0; i < bytes.size() && !stream.error; i += chunk) {
    decoder.Append(bytes.substr(i, chunk));
    for (;;) {
      auto record = decoder.Next();
      if (!record) {
        stream.error = record.error();
        break;
      }
      if (!*record) break;
      if ((*record)->size() > kLimit) std::abort();
      stream.records.push_back(std::move(**record));
    }
  }
  stream.partial = decoder.partial();
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Stream whole = Read(bytes, size + 1);
  const Stream single = Read(bytes, 1);
  // Where the stream fails, one chunk may show the fault as too long and the other as no number;
  // what came before agrees.
  if (whole.records != single.records || whole.error.has_value() != single.error.has_value())
    std::abort();
  if (!whole.error && whole.partial != single.partial) std::abort();

  std::string written;
  for (const std::string& record : whole.records) tepui::wire::AppendRecord(record, &written);
  if (Read(written, 7).records != whole.records) std::abort();
  return 0;
}
