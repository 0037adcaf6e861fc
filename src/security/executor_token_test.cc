// SPDX-License-Identifier: Apache-2.0
#include "security/executor_token.h"

#include <gtest/gtest.h>

namespace tepui::security {
namespace {

const Claims kClaims = ExecutorClaims(FrameworkId("f"), ExecutorId("e"), ContainerId("c"));

TEST(ExecutorTokenTest, Base64UrlIsRfc4648) {
  EXPECT_EQ(Base64Url(""), "");
  EXPECT_EQ(Base64Url("f"), "Zg");
  EXPECT_EQ(Base64Url("fo"), "Zm8");
  EXPECT_EQ(Base64Url("foo"), "Zm9v");
  EXPECT_EQ(Base64Url("\xfb\xff\xfe"), "-__-");
}

// The signature is checked against an independent computation of HMAC-SHA256 (reference 1.3: claims
// fid, eid, cid).
TEST(ExecutorTokenTest, IsAJsonWebToken) {
  EXPECT_EQ(SignToken(kClaims, "secret"),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
            "eyJjaWQiOiJjIiwiZWlkIjoiZSIsImZpZCI6ImYifQ."
            "0CAWCOKdGOeTecjYxPGJ7wLp8OMagMEZ7a1-wslFvME");
}

TEST(ExecutorTokenTest, VerifiesWithItsSecretOnly) {
  const std::string token = SignToken(kClaims, "secret");
  EXPECT_EQ(VerifyToken(token, "secret"), Caller{.claims = kClaims});
  EXPECT_EQ(VerifyToken(token, "other").error(),
            (Error{Code::kForbidden, "The authentication token was not signed by this agent"}));
  EXPECT_EQ(VerifyToken("token", "secret").error(),
            (Error{Code::kForbidden, "The authentication token is not a JSON Web Token"}));
}

TEST(ExecutorTokenTest, ForgeriesDoNotVerify) {
  const std::string token = SignToken(kClaims, "secret");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(VerifyToken(forged, "secret")) << i;
    EXPECT_FALSE(VerifyToken(token.substr(0, i), "secret")) << i;
  }
  // This token has "alg": "none" and no signature.
  EXPECT_FALSE(
      VerifyToken("eyJhbGciOiJub25lIn0.eyJjaWQiOiJjIiwiZWlkIjoiZSIsImZpZCI6ImYifQ.", "secret"));
}

TEST(ExecutorTokenTest, IdsCannotInjectClaims) {
  const Claims tricky =
      ExecutorClaims(FrameworkId("f"), ExecutorId("e\",\"fid\":\"f"), ContainerId("c"));
  EXPECT_EQ(VerifyToken(SignToken(tricky, "s"), "s")->claims, tricky);
}

// A scheduler chooses the ids.
TEST(ExecutorTokenTest, IdsMayHoldAnyBytes) {
  const Claims odd = ExecutorClaims(FrameworkId("\xff\xc3"), ExecutorId("\\\n\x01/\u00e4"),
                                    ContainerId(std::string("\0", 1)));
  EXPECT_EQ(VerifyToken(SignToken(odd, "s"), "s")->claims, odd);
}

}  // namespace
}  // namespace tepui::security
