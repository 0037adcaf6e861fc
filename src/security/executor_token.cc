// SPDX-License-Identifier: Apache-2.0
#include "security/executor_token.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "wire/base64.h"

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

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Reads a JSON object of strings from Base64Url. Returns nothing if `text` is anything else.
std::optional<Claims> ReadClaims(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  const Result<std::string> json = wire::DecodeBase64(text);
  if (!json) return std::nullopt;
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;  // See Quoted.
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(*json, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  Claims claims;
  for (const auto& [name, claim] : value.get_object()) {
    if (!claim.is_string()) return std::nullopt;
    claims.emplace(name, claim.get_string());
  }
  return claims;
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  std::string text;
  wire::AppendBase64(bytes, &text);
  std::erase(text, '=');
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

Claims ExecutorClaims(const FrameworkId& framework, const ExecutorId& executor,
                      const ContainerId& container) {
  return {{"cid", container.value()}, {"eid", executor.value()}, {"fid", framework.value()}};
}

std::string SignToken(const Claims& claims, std::string_view secret) {
  std::string json;
  for (const auto& [name, value] : claims) {
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", Quoted(name), Quoted(value));
  }
  const std::string text =
      Base64Url(R"({"alg":"HS256","typ":"JWT"})") + "." + Base64Url("{" + json + "}");
  return text + "." + Base64Url(Hmac(secret, text));
}

Result<Caller> VerifyToken(std::string_view token, std::string_view secret) {
  const size_t dot = token.rfind('.');
  if (dot == std::string_view::npos) {
    return Fail(Code::kForbidden, "The authentication token is not a JSON Web Token");
  }
  const std::string_view text = token.substr(0, dot);
  if (!EqualInConstantTime(token.substr(dot + 1), Base64Url(Hmac(secret, text)))) {
    return Fail(Code::kForbidden, "The authentication token was not signed by this agent");
  }
  auto claims = ReadClaims(std::string(text.substr(text.find('.') + 1)));
  if (!claims) {
    return Fail(Code::kForbidden, "The claims of the authentication token are not JSON strings");
  }
  return Caller{.claims = std::move(*claims)};
}

}  // namespace tepui::security
