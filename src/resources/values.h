#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Values as --resources and --attributes write them, and as Mesos prints them.

// A value as in --resources and --attributes: a scalar ("4", "0.5", "1e3", "0x10"; not negative),
// ranges
// ("[1-2, 5-9]"; coalesced), a set ("{a, b}"), or else text. Spaces do not count, also not those
// inside of a text. A positive number that is less than half a thousandth is kInvalid, not text, as
// are brackets that do not match.
Result<v1::Value> ParseValue(std::string_view text);

// The --attributes flag: "rack:r1;os:[1-3];disk:{a,b};load:1.5". A name may come more than once.
Result<google::protobuf::RepeatedPtrField<v1::Attribute>> ParseAttributes(std::string_view text);

// "4.5", "[1-2, 5-9]", "{a, b}", "text".
std::string FormatValue(const v1::Value::Scalar& scalar);
std::string FormatValue(const v1::Value::Ranges& ranges);
std::string FormatValue(const v1::Value::Set& set);
std::string FormatValue(const v1::Attribute& attribute);
// "rack=r1; load=1.5", as Mesos prints attributes in logs.
std::string FormatAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes);

// The parts of `text` between `separator`s, without the white space around them; empty parts are
// left out.
std::vector<std::string_view> SplitTrimmed(std::string_view text, char separator);
std::string_view Trimmed(std::string_view text);

}  // namespace tepui
