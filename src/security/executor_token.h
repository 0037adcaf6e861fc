// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace tepui::security {

// The claims of an executor's bearer token, the same as in Mesos (reference 1.3). The token is a
// JSON Web Token (RFC 7519) signed with HMAC-SHA256, and the executor finds it in its environment
// as MESOS_EXECUTOR_AUTHENTICATION_TOKEN.
struct ExecutorClaims {
  FrameworkId framework;  // fid
  ExecutorId executor;    // eid
  ContainerId container;  // cid
};

std::string SignExecutorToken(const ExecutorClaims& claims, std::string_view secret);

// Returns kForbidden unless this agent signed `token` for exactly these claims. No part of the
// token is parsed before its signature is verified, and the time taken does not reveal how much of
// a forged signature was right.
Status VerifyExecutorToken(std::string_view token, const ExecutorClaims& claims,
                           std::string_view secret);

// Encodes `bytes` as in RFC 4648 section 5, without padding.
std::string Base64Url(std::string_view bytes);

}  // namespace tepui::security
