// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace tepui::web {

// The answers that every route gives in the same way (reference 1.1).

unsigned StatusOf(Code code);

net::Response TextResponse(unsigned status, std::string text);
net::Response ErrorResponse(const Error& error);
net::Response MethodNotAllowed(std::string_view allowed, std::string_view method);

// With ?jsonp=callback the document becomes the argument of a call of `callback` (text/javascript).
// A callback that is not a plain identifier path is refused: it would let a link run a script.
net::Response JsonResponse(std::string json, const net::Url& url);

}  // namespace tepui::web
