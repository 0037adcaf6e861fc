// SPDX-License-Identifier: Apache-2.0
#include "wire/decode_cost.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <unordered_map>

namespace tepui::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// What an allocation costs besides, with the pointer to it.
constexpr size_t kAllocationBytes = 24;
constexpr size_t kValueBytes = 8;
constexpr size_t kEntryBytes = 128;
constexpr int kMaxDepth = 100;  // Protobuf's own limit.

size_t SizeOf(const Descriptor* type) {
  thread_local std::unordered_map<const Descriptor*, size_t> sizes;
  const auto [it, added] = sizes.try_emplace(type);
  if (added) {
    // The class of a map's entries does not tell its size.
    it->second = kAllocationBytes +
                 (type->options().map_entry()
                      ? kEntryBytes
                      : MessageFactory::generated_factory()->GetPrototype(type)->SpaceUsedLong());
  }
  return it->second;
}

// Reads what protobuf would read of one message, and counts it.
class Scan {
 public:
  explicit Scan(DecodeCost* cost) : cost_(cost) {}

  Status Message(std::string_view bytes, const Descriptor* type, int depth) {
    if (Status counted = cost_->AddMessage(type); !counted || depth > kMaxDepth) return counted;
    CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                        static_cast<int>(bytes.size()));
    while (const uint32_t tag = in.ReadTag()) {
      const auto* field = type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&in, tag)) return {};
        if (Status counted = cost_->Add(kValueBytes); !counted) return counted;
        continue;
      }
      uint32_t size = 0;
      if (!in.ReadVarint32(&size)) return {};
      const auto begin = static_cast<size_t>(in.CurrentPosition());
      if (size > bytes.size() - begin || !in.Skip(static_cast<int>(size))) return {};
      if (Status counted = Value(bytes.substr(begin, size), field, depth); !counted) return counted;
    }
    return {};
  }

 private:
  Status Value(std::string_view bytes, const FieldDescriptor* field, int depth) {
    if (field == nullptr || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return cost_->AddString(bytes.size());
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return Message(bytes, field->message_type(), depth + 1);
    }
    return cost_->Add(kValueBytes * bytes.size());  // Packed numbers of at least a byte each.
  }

  DecodeCost* const cost_;
};

}  // namespace

Status DecodeCost::AddMessage(const Descriptor* type) {
  if (++messages_ > kMaxMessages) {
    return Fail(Code::kTooLarge, "The body holds more than {} objects", kMaxMessages);
  }
  return Add(SizeOf(type));
}

Status DecodeCost::Ask() {
  const size_t bytes = std::exchange(unasked_, 0);
  if (!ask_ || ask_(bytes)) return {};
  return Fail(Code::kUnavailable,
              "The memory for requests is in use; try again later, or send less at once");
}

Status AddProtobuf(std::string_view bytes, const Descriptor* type, DecodeCost* cost) {
  return Scan(cost).Message(bytes, type, 1);
}

}  // namespace tepui::wire
