// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mesos/v1/agent/agent.pb.h"
#include "mesos/v1/master/master.pb.h"

namespace tepui::wire {
namespace {

namespace v1 = mesos::v1;
using v1::scheduler::Call;

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

// Returns the message that FromJson reads; the test fails on an error.
template <class Message>
Message Read(std::string_view json) {
  Message message;
  const Status status = FromJson(json, &message);
  EXPECT_TRUE(status) << json << ": " << status.error().message;
  return message;
}

template <class Message>
std::string ReadError(std::string_view json) {
  Message message;
  const Status status = FromJson(json, &message);
  if (status) return "no error";
  EXPECT_EQ(status.error().code, Code::kInvalid);
  return status.error().message;
}

// Explicit defaults are written even if unset, except deprecated ones (role); enums are written by
// name (reference trap 2).
TEST(JsonWriterTest, FrameworkInfo) {
  v1::FrameworkInfo info;
  info.set_user("root");
  info.set_name("a \"b\"");
  info.add_roles("web/eu");
  info.add_roles("batch");
  info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
  (*(*info.mutable_offer_filters())["web"]
        .mutable_min_allocatable_resources()
        ->add_quantities()
        ->mutable_quantities())["mem"]
      .set_value(32);
  EXPECT_EQ(ToJson(info),
            R"({"user":"root","name":"a \"b\"","failover_timeout":0.0,"checkpoint":false,)"
            R"("roles":["web/eu","batch"],"capabilities":[{"type":"MULTI_ROLE"}],)"
            R"("offer_filters":{"web":{"min_allocatable_resources":{"quantities":[)"
            R"({"quantities":{"mem":{"value":32.0}}}]}}}})");
}

TEST(JsonWriterTest, SchedulerEvents) {
  v1::scheduler::Event event;
  event.set_type(v1::scheduler::Event::SUBSCRIBED);
  event.mutable_subscribed()->mutable_framework_id()->set_value("m-0000");
  event.mutable_subscribed()->set_heartbeat_interval_seconds(15);
  EXPECT_EQ(ToJson(event),
            R"({"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"m-0000"},)"
            R"("heartbeat_interval_seconds":15.0}})");

  event.Clear();
  event.set_type(v1::scheduler::Event::UPDATE);
  v1::TaskStatus& status = *event.mutable_update()->mutable_status();
  status.mutable_task_id()->set_value("t");
  status.set_state(v1::TASK_RUNNING);
  status.set_uuid("\x01\xff");
  status.set_healthy(false);
  status.set_timestamp(1.5e9);
  EXPECT_EQ(
      ToJson(event),
      R"({"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING",)"
      R"("timestamp":1500000000.0,"uuid":"Af8=","healthy":false}}})");
}

TEST(JsonWriterTest, IntegersOf64BitsAreNumbers) {
  v1::Value::Range range;
  range.set_begin(0);
  range.set_end(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(ToJson(range), R"({"begin":0,"end":18446744073709551615})");
  v1::DurationInfo duration;
  duration.set_nanoseconds(std::numeric_limits<int64_t>::min());
  EXPECT_EQ(ToJson(duration), R"({"nanoseconds":-9223372036854775808})");
}

// The v1 form of a grace period is an object, not a "600s" string (reference trap 1).
TEST(JsonWriterTest, ProtobufDurationIsAnObject) {
  v1::master::Call call;
  call.set_type(v1::master::Call::DRAIN_AGENT);
  call.mutable_drain_agent()->mutable_agent_id()->set_value("a");
  call.mutable_drain_agent()->mutable_max_grace_period()->set_seconds(600);
  EXPECT_EQ(ToJson(call), R"({"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"a"},)"
                          R"("max_grace_period":{"seconds":600},"mark_gone":false}})");
}

TEST(JsonWriterTest, DoublesAreShortestAndShowThatTheyAreDoubles) {
  const std::pair<double, std::string_view> cases[] = {
      {0, "0.0"},
      {-0.0, "-0.0"},
      {1, "1.0"},
      {0.1, "0.1"},
      {100000, "100000.0"},
      {1.0 / 3, "0.3333333333333333"},
      {1e-7, "1e-07"},
      {1e22, "1e+22"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "\"Infinity\""},
      {-std::numeric_limits<double>::infinity(), "\"-Infinity\""},
      {std::numeric_limits<double>::quiet_NaN(), "\"NaN\""},
  };
  for (const auto& [value, text] : cases) {
    v1::Value::Scalar scalar;
    scalar.set_value(value);
    const std::string json = fmt::format(R"({{"value":{}}})", text);
    EXPECT_EQ(ToJson(scalar), json);
    const double read = Read<v1::Value::Scalar>(json).value();
    EXPECT_TRUE(std::isnan(value) ? std::isnan(read) : read == value) << text;
  }
}

// The character may be anywhere in the string: plain characters are processed several at a time.
TEST(JsonWriterTest, WhatNeedsAnEscapeIsFoundEverywhere) {
  for (const auto& [character, escaped] :
       std::vector<std::pair<std::string, std::string>>{{"\"", "\\\""},
                                                        {"\\", "\\\\"},
                                                        {"\x1f", "\\u001F"},
                                                        {"\n", "\\n"},
                                                        {"\x80", "\xef\xbf\xbd"},
                                                        {"\x7f", "\x7f"},
                                                        {" ", " "},
                                                        {"~", "~"},
                                                        {"!", "!"}}) {
    for (size_t length = 0; length < 20; ++length) {
      for (size_t at = 0; at <= length; ++at) {
        const std::string before(at, 'a'), after(length - at, 'z');
        std::string out;
        AppendJsonString(before + character + after, &out);
        EXPECT_EQ(out, "\"" + before + escaped + after + "\"");
      }
    }
  }
}

TEST(JsonWriterTest, StringsAreEscapedAndAlwaysUtf8) {
  EXPECT_EQ(Quoted("plain /"), R"("plain /")");
  EXPECT_EQ(Quoted("\"\\\b\f\n\r\t\x01\x1f\x7f"), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\"");
  EXPECT_EQ(Quoted(std::string_view("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(Quoted("é€😀"), "\"é€😀\"");
  for (std::string_view bad : {"\x80", "\xc0", "\xc3", "\xff", "\xf5", "\xc1"}) {
    EXPECT_EQ(Quoted(bad), "\"\xef\xbf\xbd\"");
  }
  EXPECT_EQ(Quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // A surrogate.
  EXPECT_EQ(Quoted("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // A truncated character.
  EXPECT_EQ(Quoted("\xc3("), "\"\xef\xbf\xbd(\"");
}

TEST(JsonReaderTest, Call) {
  const auto call = Read<Call>(R"( {
    "type": "ACCEPT", "framework_id": {"value": "f"}, "unknown": {"a": [1, {"b": null}, "x"]},
    "accept": {"offer_ids": [{"value": "o1"}, {"value": "o\u00e92"}],
               "operations": [{"type": "LAUNCH", "launch": {"task_infos": []}}],
               "filters": {"refuse_seconds": 1}}} )");
  EXPECT_EQ(call.type(), Call::ACCEPT);
  EXPECT_EQ(call.framework_id().value(), "f");
  ASSERT_EQ(call.accept().offer_ids_size(), 2);
  EXPECT_EQ(call.accept().offer_ids(1).value(), "oé2");
  EXPECT_EQ(call.accept().operations(0).type(), v1::Offer::Operation::LAUNCH);
  EXPECT_TRUE(call.accept().operations(0).has_launch());
  EXPECT_EQ(call.accept().filters().refuse_seconds(), 1);
}

// An unknown enum name is dropped, as protobuf drops an unknown number, unless its field is
// required.
TEST(JsonReaderTest, UnknownEnumNames) {
  EXPECT_FALSE(Read<Call>(R"({"type":"FROM_THE_FUTURE"})").has_type());
  const auto info = Read<v1::FrameworkInfo>(
      R"({"user":"u","name":"n","capabilities":[{"type":"NEW"},{"type":"GPU_RESOURCES"}]})");
  ASSERT_EQ(info.capabilities_size(), 2);
  EXPECT_EQ(info.capabilities(0).type(), v1::FrameworkInfo::Capability::UNKNOWN);
  EXPECT_EQ(ReadError<v1::TaskStatus>(R"({"task_id":{"value":"t"},"state":"TASK_NEW"})"),
            "state: 'TASK_NEW' is not a value of mesos.v1.TaskState");
  EXPECT_EQ(ReadError<Call>(R"({"type":3})"),
            "type: expected the name of an enum value, not a number");
}

TEST(JsonReaderTest, NullIsUnset) {
  EXPECT_FALSE(Read<Call>(R"({"type":null,"framework_id":null,"accept":null})").has_type());
  EXPECT_EQ(
      Read<v1::FrameworkInfo>(R"({"user":"u","name":"n","roles":["a",null,"b"]})").roles_size(), 2);
  EXPECT_EQ(ReadError<v1::FrameworkInfo>(R"({"user":null,"name":"n"})"),
            "user: this required field is missing");
}

TEST(JsonReaderTest, OfARepeatedKeyTheLastCounts) {
  const auto call = Read<Call>(
      R"({"revive":{"roles":["a"]},"framework_id":{"value":"f"},"framework_id":{"value":"g"},)"
      R"("revive":{"roles":["b"],"roles":["c"]}})");
  EXPECT_EQ(call.framework_id().value(), "g");
  ASSERT_EQ(call.revive().roles_size(), 1);
  EXPECT_EQ(call.revive().roles(0), "c");
}

TEST(JsonReaderTest, ASingleValueIsOneElement) {
  EXPECT_EQ(Read<Call>(R"({"revive":{"roles":"a"}})").revive().roles(0), "a");
}

TEST(JsonReaderTest, NumbersAndBooleansMayBeStrings) {
  EXPECT_EQ(Read<v1::DurationInfo>(R"({"nanoseconds":"-5"})").nanoseconds(), -5);
  EXPECT_EQ(Read<v1::DurationInfo>(R"({"nanoseconds":5000000000.0})").nanoseconds(), 5000000000);
  EXPECT_EQ(Read<v1::DurationInfo>(R"({"nanoseconds":-1.9})").nanoseconds(), -1);
  EXPECT_EQ(Read<v1::DurationInfo>(R"({"nanoseconds":1e3})").nanoseconds(), 1000);
  EXPECT_TRUE(Read<v1::CommandInfo::URI>(R"({"value":"u","executable":"true"})").executable());
  EXPECT_EQ(Read<v1::Value::Scalar>(R"({"value":"0.5"})").value(), 0.5);
  EXPECT_EQ(Read<v1::Value::Scalar>(R"({"value":1e-999})").value(), 0);
}

TEST(JsonReaderTest, WrongTypesNameThePath) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"accept":{"offer_ids":[{"value":"a"},{"value":7}]}})",
       "accept.offer_ids[1].value: expected a string, not a number"},
      {R"({"accept":{"offer_ids":[3]}})", "accept.offer_ids[0]: expected an object, not a number"},
      {R"({"accept":{"offer_ids":[{}]}})",
       "accept.offer_ids[0].value: this required field is missing"},
      {R"({"accept":[]})", "accept: expected an object, not an array"},
      {R"({"revive":{"roles":[["a"]]}})", "revive.roles[0]: expected a string, not an array"},
      {R"({"revive":{"roles":[{}]}})", "revive.roles[0]: expected a string, not an object"},
      {R"({"type":true})", "type: expected the name of an enum value, not true"},
      {R"({"accept":{"filters":{"refuse_seconds":"soon"}}})",
       "accept.filters.refuse_seconds: expected a number, not another string"},
      {R"({"accept":{"filters":{"refuse_seconds":"inf"}}})",
       "accept.filters.refuse_seconds: expected a number, not another string"},
      {R"({"accept":{"filters":{"refuse_seconds":1e999}}})",
       "accept.filters.refuse_seconds: the number is out of a double's range"},
      {R"({"acknowledge":{"uuid":"%%"}})", "acknowledge.uuid: byte 0x25 is not a base64 character"},
      {R"({"subscribe":{"framework_info":{"checkpoint":1}}})",
       "subscribe.framework_info.checkpoint: expected true or false, not a number"},
      {R"({"subscribe":{"framework_info":{"offer_filters":{"web":7}}}})",
       "subscribe.framework_info.offer_filters.web: expected an object, not a number"},
      {R"({"subscribe":{"framework_info":{"user":"u","name":"n","offer_filters":{"web":)"
       R"({"min_allocatable_resources":{"quantities":[{"quantities":{"mem":{}}}]}}}}}})",
       "subscribe.framework_info.offer_filters.web.min_allocatable_resources.quantities[0]."
       "quantities.mem.value: this required field is missing"},
      {R"([])", "The JSON text is not an object"},
      {R"("x")", "The JSON text is not an object"},
      {R"(null)", "The JSON text is not an object"},
  };
  for (const auto& [json, message] : cases) EXPECT_EQ(ReadError<Call>(json), message);
  EXPECT_EQ(ReadError<v1::Volume>(R"({"mode":"RW","container_path":1})"),
            "container_path: expected a string, not a number");
  EXPECT_EQ(ReadError<v1::Port>(R"({"number":4294967296})"),
            "number: the number is out of the range 0 to 4294967295");
  EXPECT_EQ(ReadError<v1::Port>(R"({"number":-1})"),
            "number: the number is out of the range 0 to 4294967295");
  EXPECT_EQ(
      ReadError<v1::DurationInfo>(R"({"nanoseconds":9223372036854775808})"),
      "nanoseconds: the number is out of the range -9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(
      ReadError<v1::DurationInfo>(R"({"nanoseconds":1e300})"),
      "nanoseconds: the number is out of the range -9223372036854775808 to 9223372036854775807");
}

TEST(JsonReaderTest, RefusesWhatIsNotJson) {
  for (std::string_view json :
       {"", " ", "{", "{\"type\"", "{\"type\":}", "{'type':1}", "{\"a\":1,}", "{\"a\":01}",
        "{\"a\":+1}", "{\"a\":.5}", "{\"a\":NaN}", "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}", "{\"a\":tru}", "{/**/}", "\xef\xbb\xbf{}"}) {
    EXPECT_TRUE(ReadError<Call>(json).starts_with("Not JSON at byte ")) << json;
  }
  EXPECT_TRUE(
      ReadError<Call>(std::string_view("{}\0", 3)).starts_with("The JSON text is followed by"));
  EXPECT_TRUE(ReadError<Call>("{} {}").starts_with("The JSON text is followed by"));
}

// A recursive parser would overflow the stack here.
TEST(JsonReaderTest, BoundsTheDepth) {
  const std::string deep = "{\"x\":" + std::string(1000000, '[');
  EXPECT_TRUE(ReadError<Call>(deep).starts_with("The JSON text nests deeper than 100 levels"));
  std::string container;
  for (int i = 0; i < kMaxJsonDepth - 1; ++i) container += R"({"value":"c","parent":)";
  container += R"({"value":"c"})" + std::string(kMaxJsonDepth - 1, '}');
  EXPECT_EQ(ToJson(Read<v1::ContainerID>(container)), container);
  EXPECT_TRUE(ReadError<v1::ContainerID>(R"({"value":"c","parent":)" + container + "}")
                  .starts_with("The JSON text nests deeper"));
}

TEST(JsonReaderTest, StartsFromAClearedMessage) {
  Call call;
  call.mutable_kill();
  ASSERT_TRUE(FromJson("{}", &call));
  EXPECT_FALSE(call.has_kill());
}

}  // namespace
}  // namespace tepui::wire
