// SPDX-License-Identifier: Apache-2.0
// Everything of src/resources that reads text: --resources in both forms, --attributes, values,
// quantities, roles. What is accepted must hold the laws that the rest of the program relies on.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "resources/resources.h"

namespace {

using tepui::Resources;

void Expect(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "law broken: %s\n", law);
  std::abort();
}

void CheckResources(const Resources& resources) {
  google::protobuf::RepeatedPtrField<tepui::v1::Resource> protos;
  resources.ToProto(&protos);
  const auto back = Resources::FromProto(protos);
  Expect(back && *back == resources, "messages come back the same");
  Expect(resources.Contains(*back), "a thing contains itself");
  Expect((resources - *back).empty(), "a thing less itself is nothing");
  Expect((resources + *back).Contains(resources), "a sum contains its parts");
  Expect(resources.ToString() == back->ToString(), "equal things print alike");

  Resources allocated = resources;
  allocated.Allocate("role");
  Expect(allocated.AllocatedTo("role") == allocated, "what is allocated is all allocated");
  allocated.Unallocate();
  Expect(allocated == resources, "unallocating undoes allocating");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto resources = Resources::Parse(text)) CheckResources(*resources);
  if (const auto resources = Resources::Parse(text, "a/b")) CheckResources(*resources);
  if (const auto value = tepui::ParseValue(text))
    Expect(value->IsInitialized(), "a value is complete");
  if (const auto attributes = tepui::ParseAttributes(text)) {
    for (const auto& attribute : *attributes)
      Expect(attribute.IsInitialized(), "an attribute is complete");
    tepui::FormatAttributes(*attributes);
  }
  if (const auto quantities = tepui::Quantities::Parse(text)) {
    Expect(quantities->Contains(*quantities), "quantities contain themselves");
  }
  (void)tepui::ValidateRole(text);
  return 0;
}
