// SPDX-License-Identifier: Apache-2.0
// Any bytes read as a scheduler call of the protobuf encoding: what is read can be written as JSON
// and read from it.

#include <cstdint>
#include <cstdlib>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/content_type.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mesos::v1::scheduler::Call;
  using tepui::wire::ContentType;
  Call call;
  if (!tepui::wire::Decode({reinterpret_cast<const char*>(data), size}, ContentType::kProtobuf,
                           &call))
    return 0;

  // The first text may differ from the later ones: protobuf strings need not be UTF-8, texts are.
  std::string json = tepui::wire::Encode(call, ContentType::kJson);
  Call from_json;
  if (!tepui::wire::Decode(json, ContentType::kJson, &from_json)) std::abort();
  json = tepui::wire::Encode(from_json, ContentType::kJson);
  if (!tepui::wire::Decode(json, ContentType::kJson, &from_json)) std::abort();
  if (tepui::wire::Encode(from_json, ContentType::kJson) != json) std::abort();

  Call from_protobuf;
  if (!tepui::wire::Decode(tepui::wire::Encode(from_json, ContentType::kProtobuf),
                           ContentType::kProtobuf, &from_protobuf)) {
    std::abort();
  }
  if (tepui::wire::Encode(from_protobuf, ContentType::kJson) != json) std::abort();
  return 0;
}
