// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tepui {

// How calls and events are encoded on the wire. Protobuf is faster; JSON is easier to read in a
// trace.
enum class ContentType { kJson, kProtobuf };

}  // namespace tepui
