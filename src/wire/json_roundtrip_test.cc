// SPDX-License-Identifier: Apache-2.0
// Every message type of the schema, filled at random, must survive JSON and back.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <random>

#include "mesos/v1/agent/agent.pb.h"
#include "mesos/v1/allocator/allocator.pb.h"
#include "mesos/v1/maintenance/maintenance.pb.h"
#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/quota/quota.pb.h"
#include "mesos/v1/resource_provider/resource_provider.pb.h"
#include "wire/json.h"

namespace tepui::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Fills messages by reflection. Optional fields deeper than kMaxDepth stay unset, so that recursive
// types end.
class RandomFiller {
 public:
  explicit RandomFiller(uint32_t seed, bool everything) : engine_(seed), everything_(everything) {}

  void Fill(Message* message, int depth = 0) {
    const Descriptor& descriptor = *message->GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor* field = descriptor.field(i);
      const bool required = field->is_required() || descriptor.options().map_entry();
      const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      if (!required && is_message && depth >= kMaxDepth) continue;
      if (field->is_repeated()) {
        for (int count = Below(3); count > 0; --count) Set(message, field, depth);
      } else if (everything_ || required || Below(2) == 0) {
        Set(message, field, depth);
      }
    }
  }

 private:
  static constexpr int kMaxDepth = 5;

  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(engine_); }

  template <class Integer>
  Integer AnyInteger() {
    const Integer edges[] = {0, 1, std::numeric_limits<Integer>::min(),
                             std::numeric_limits<Integer>::max()};
    if (Below(2) == 0) return edges[Below(4)];
    return std::uniform_int_distribution<Integer>(std::numeric_limits<Integer>::min())(engine_);
  }

  double AnyDouble() {
    switch (Below(4)) {
      case 0:
        return Below(100);
      case 1:
        return std::uniform_real_distribution<double>(-1, 1)(engine_);
      case 2:
        return std::ldexp(std::uniform_real_distribution<double>(-1, 1)(engine_),
                          Below(2000) - 1000);
      default:
        return std::numeric_limits<double>::infinity();
    }
  }

  std::string AnyText() {
    static constexpr std::string_view kPieces[] = {"a",  "\"",   "\\", "\n", "é",
                                                   "😀", "\x01", "/",  " ",  "\x7f"};
    std::string text;
    for (int count = Below(6); count > 0; --count) text += kPieces[Below(std::size(kPieces))];
    return text;
  }

  std::string AnyBytes() {
    std::string bytes;
    for (int count = Below(6); count > 0; --count) bytes.push_back(static_cast<char>(Below(256)));
    return bytes;
  }

  void Set(Message* message, const FieldDescriptor* field, int depth) {
    const Reflection& reflection = *message->GetReflection();
    const bool add = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        return Put(&Reflection::SetBool, &Reflection::AddBool, message, field, Below(2) == 0);
      case FieldDescriptor::CPPTYPE_INT32:
        return Put(&Reflection::SetInt32, &Reflection::AddInt32, message, field,
                   AnyInteger<int32_t>());
      case FieldDescriptor::CPPTYPE_INT64:
        return Put(&Reflection::SetInt64, &Reflection::AddInt64, message, field,
                   AnyInteger<int64_t>());
      case FieldDescriptor::CPPTYPE_UINT32:
        return Put(&Reflection::SetUInt32, &Reflection::AddUInt32, message, field,
                   AnyInteger<uint32_t>());
      case FieldDescriptor::CPPTYPE_UINT64:
        return Put(&Reflection::SetUInt64, &Reflection::AddUInt64, message, field,
                   AnyInteger<uint64_t>());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Put(&Reflection::SetFloat, &Reflection::AddFloat, message, field,
                   static_cast<float>(Below(9)) / 7);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Put(&Reflection::SetDouble, &Reflection::AddDouble, message, field, AnyDouble());
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto* value = field->enum_type()->value(Below(field->enum_type()->value_count()));
        return add ? reflection.AddEnum(message, field, value)
                   : reflection.SetEnum(message, field, value);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const bool bytes = field->type() == FieldDescriptor::TYPE_BYTES;
        std::string text = bytes ? AnyBytes() : AnyText();
        return add ? reflection.AddString(message, field, std::move(text))
                   : reflection.SetString(message, field, std::move(text));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(
            add ? reflection.AddMessage(message, field) : reflection.MutableMessage(message, field),
            depth + 1);
    }
  }

  template <class Value>
  static void Put(void (Reflection::*set)(Message*, const FieldDescriptor*, Value) const,
                  void (Reflection::*append)(Message*, const FieldDescriptor*, Value) const,
                  Message* message, const FieldDescriptor* field, Value value) {
    (message->GetReflection()->*(field->is_repeated() ? append : set))(message, field, value);
  }

  std::mt19937 engine_;
  bool everything_;
};

void AddMessageTypes(const Descriptor* type, std::vector<const Descriptor*>* types) {
  if (type->options().map_entry()) return;
  types->push_back(type);
  for (int i = 0; i < type->nested_type_count(); ++i) AddMessageTypes(type->nested_type(i), types);
}

std::vector<const Descriptor*> SchemaTypes() {
  const FileDescriptor* files[] = {
      mesos::v1::TaskInfo::descriptor()->file(),
      mesos::v1::scheduler::Call::descriptor()->file(),
      mesos::v1::executor::Call::descriptor()->file(),
      mesos::v1::master::Call::descriptor()->file(),
      mesos::v1::agent::Call::descriptor()->file(),
      mesos::v1::allocator::InverseOfferStatus::descriptor()->file(),
      mesos::v1::maintenance::Schedule::descriptor()->file(),
      mesos::v1::quota::QuotaInfo::descriptor()->file(),
      mesos::v1::resource_provider::Call::descriptor()->file(),
      tepui::link::Call::descriptor()->file(),
  };
  std::vector<const Descriptor*> types;
  for (const FileDescriptor* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i)
      AddMessageTypes(file->message_type(i), &types);
  }
  return types;
}

// Serializes maps in a fixed order, so that equal messages have equal bytes.
std::string Bytes(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

class RoundTripTest : public testing::TestWithParam<bool> {};

TEST_P(RoundTripTest, EveryMessageTypeSurvivesJson) {
  const std::vector<const Descriptor*> types = SchemaTypes();
  ASSERT_GT(types.size(), 250u);
  for (const Descriptor* type : types) {
    const Message* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const std::unique_ptr<Message> message(prototype->New());
      const std::unique_ptr<Message> read(prototype->New());
      RandomFiller(seed, GetParam()).Fill(message.get());
      const std::string json = ToJson(*message);
      const Status status = FromJson(json, read.get());
      ASSERT_TRUE(status) << type->full_name() << ": " << status.error().message << "\n" << json;
      ASSERT_EQ(ToJson(*read), json);
      // With every field set, no default is written for an unset one, so the messages are equal
      // too.
      if (GetParam()) {
        ASSERT_EQ(Bytes(*read), Bytes(*message)) << json;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Json, RoundTripTest, testing::Bool(), [](const auto& info) {
  return info.param ? "AllFieldsSet" : "SomeFieldsSet";
});

}  // namespace
}  // namespace tepui::wire
