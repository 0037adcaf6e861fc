// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "security/caller.h"

namespace tepui::security {

// Bearer tokens of executors: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256. An executor finds
// its token in its environment as MESOS_EXECUTOR_AUTHENTICATION_TOKEN. Pure functions.

// The claims fid, eid and cid, the same as in Mesos (reference 1.3).
Claims ExecutorClaims(const FrameworkId& framework, const ExecutorId& executor,
                      const ContainerId& container);

std::string SignToken(const Claims& claims, std::string_view secret);

// Returns the caller who has the claims of `token`; kForbidden unless it was signed with `secret`.
// No part of the token is parsed before its signature is verified, the token does not choose the
// algorithm, and the time taken does not reveal how much of a forged signature was right.
Result<Caller> VerifyToken(std::string_view token, std::string_view secret);

// Encodes `bytes` as in RFC 4648 section 5, without padding.
std::string Base64Url(std::string_view bytes);

}  // namespace tepui::security
