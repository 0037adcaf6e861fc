#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace tepui::security {

// The bearer tokens of executors: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256, with the
// claims that Mesos puts there (reference 1.3), in MESOS_EXECUTOR_AUTHENTICATION_TOKEN of the
// executor's environment.
struct ExecutorClaims {
  FrameworkId framework;  // fid
  ExecutorId executor;    // eid
  ContainerId container;  // cid
};

std::string SignExecutorToken(const ExecutorClaims& claims, std::string_view secret);

// kForbidden unless this agent signed `token` for exactly these claims. Nothing of the token is
// parsed before its signature holds, and the time taken does not tell how much of a forged
// signature was right.
Status VerifyExecutorToken(std::string_view token, const ExecutorClaims& claims,
                           std::string_view secret);

// RFC 4648 section 5, without padding.
std::string Base64Url(std::string_view bytes);

}  // namespace tepui::security
