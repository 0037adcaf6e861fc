// SPDX-License-Identifier: Apache-2.0
// Any text read as a scheduler call: refused with a sentence, or read so that writing and reading
// again changes nothing.

#include <cstdint>
#include <cstdlib>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mesos::v1::scheduler::Call;
  Call call;
  const auto status = tepui::wire::FromJson({reinterpret_cast<const char*>(data), size}, &call);
  if (!status) {
    if (status.error().message.empty()) std::abort();
    return 0;
  }
  const std::string written = tepui::wire::ToJson(call);
  Call again;
  if (!tepui::wire::FromJson(written, &again)) std::abort();
  if (tepui::wire::ToJson(again) != written) std::abort();
  return 0;
}
