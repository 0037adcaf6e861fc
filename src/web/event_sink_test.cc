// SPDX-License-Identifier: Apache-2.0
#include "web/event_sink.h"

#include <gtest/gtest.h>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/recordio.h"

namespace tepui::web {
namespace {

using mesos::v1::scheduler::Event;
using wire::ContentType;

std::string RecordOf(const Event& event, ContentType type) {
  return wire::EncodeRecord(wire::Encode(event, type));
}

TEST(OutgoingEvent, IsARecordOfTheTypeThatTheSinkAsksFor) {
  Event message;
  message.set_type(Event::HEARTBEAT);
  for (const bool shared : {false, true}) {
    OutgoingEvent event(message, shared);
    EXPECT_EQ(event.Record(ContentType::kJson), "20\n{\"type\":\"HEARTBEAT\"}");
    EXPECT_EQ(event.Record(ContentType::kProtobuf), RecordOf(message, ContentType::kProtobuf));
    EXPECT_EQ(event.Record(ContentType::kJson), RecordOf(message, ContentType::kJson));
  }
}

// A change of the message after the first encoding shows whether there was a second one.
TEST(OutgoingEvent, IsEncodedOnceForEachTypeIfItIsShared) {
  Event message;
  message.set_type(Event::HEARTBEAT);
  OutgoingEvent event(message, /*shared=*/true);
  const std::string json = event.Record(ContentType::kJson);
  message.set_type(Event::OFFERS);
  EXPECT_EQ(event.Record(ContentType::kJson), json);
  EXPECT_EQ(event.Record(ContentType::kProtobuf), RecordOf(message, ContentType::kProtobuf));
}

}  // namespace
}  // namespace tepui::web
