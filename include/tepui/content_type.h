#pragma once

namespace tepui {

// How calls and events are encoded on the wire. Protobuf is the faster one; JSON is easier to read
// in a trace.
enum class ContentType { kJson, kProtobuf };

}  // namespace tepui
