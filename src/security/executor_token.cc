// SPDX-License-Identifier: Apache-2.0
#include "security/executor_token.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>

namespace tepui::security {

namespace {

// Returns `text` as a JSON string. Ids are opaque and may hold anything that a scheduler sent.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string Hmac(std::string_view secret, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

std::string SignedPart(const ExecutorClaims& claims) {
  return Base64Url(R"({"alg":"HS256","typ":"JWT"})") + "." +
         Base64Url(fmt::format(R"({{"cid":{},"eid":{},"fid":{}}})",
                               Quoted(claims.container.value()), Quoted(claims.executor.value()),
                               Quoted(claims.framework.value())));
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += kDigits[(bits >> count) & 63];
    }
  }
  if (count > 0) out += kDigits[(bits << (6 - count)) & 63];
  return out;
}

std::string SignExecutorToken(const ExecutorClaims& claims, std::string_view secret) {
  const std::string text = SignedPart(claims);
  return text + "." + Base64Url(Hmac(secret, text));
}

Status VerifyExecutorToken(std::string_view token, const ExecutorClaims& claims,
                           std::string_view secret) {
  const size_t dot = token.rfind('.');
  if (dot == std::string_view::npos) {
    return Fail(Code::kForbidden, "The authentication token is not a JSON Web Token");
  }
  const std::string_view text = token.substr(0, dot);
  if (!EqualInConstantTime(token.substr(dot + 1), Base64Url(Hmac(secret, text)))) {
    return Fail(Code::kForbidden, "The authentication token was not signed by this agent");
  }
  // The agent itself wrote every text that it signed, so equal claims mean equal text.
  if (text != SignedPart(claims)) {
    return Fail(Code::kForbidden,
                "The authentication token was issued to another executor than '{}' of framework {} "
                "in container {}",
                claims.executor, claims.framework, claims.container);
  }
  return {};
}

}  // namespace tepui::security
