// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Values in the syntax of --resources and --attributes, and in the form that Mesos prints.

// Parses a value of --resources or --attributes: a scalar ("4", "0.5", "1e3", "0x10"; not
// negative), ranges ("[1-2, 5-9]"; coalesced), a set ("{a, b}"), or else text. Spaces are removed,
// even inside a text. A positive number below half a thousandth is kInvalid, not text, and so are
// brackets that do not match.
Result<v1::Value> ParseValue(std::string_view text);

// Parses the --attributes flag: "rack:r1;os:[1-3];disk:{a,b};load:1.5". A name may occur more than
// once.
Result<google::protobuf::RepeatedPtrField<v1::Attribute>> ParseAttributes(std::string_view text);

// "4.5", "[1-2, 5-9]", "{a, b}", "text".
std::string FormatValue(const v1::Value::Scalar& scalar);
std::string FormatValue(const v1::Value::Ranges& ranges);
std::string FormatValue(const v1::Value::Set& set);
std::string FormatValue(const v1::Attribute& attribute);
// Prints attributes as Mesos does in logs: "rack=r1; load=1.5".
std::string FormatAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes);

// Splits `text` at each `separator`, removes white space around the parts, and leaves out empty
// ones.
std::vector<std::string_view> SplitTrimmed(std::string_view text, char separator);
std::string_view Trimmed(std::string_view text);

}  // namespace tepui
