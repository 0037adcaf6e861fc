// SPDX-License-Identifier: Apache-2.0
#include "web/event_sink.h"

#include <cstddef>

#include "wire/recordio.h"

namespace tepui::web {

std::string OutgoingEvent::Record(wire::ContentType type) {
  if (!shared_) return wire::EncodeRecord(wire::Encode(message_, type));
  std::optional<std::string>& record = records_.at(static_cast<size_t>(type));
  if (!record) record = wire::EncodeRecord(wire::Encode(message_, type));
  return *record;
}

}  // namespace tepui::web
