// SPDX-License-Identifier: Apache-2.0
#include "security/executor_token.h"

#include <gtest/gtest.h>

namespace tepui::security {
namespace {

const ExecutorClaims kClaims{FrameworkId("f"), ExecutorId("e"), ContainerId("c")};

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
  EXPECT_EQ(SignExecutorToken(kClaims, "secret"),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
            "eyJjaWQiOiJjIiwiZWlkIjoiZSIsImZpZCI6ImYifQ."
            "0CAWCOKdGOeTecjYxPGJ7wLp8OMagMEZ7a1-wslFvME");
}

TEST(ExecutorTokenTest, OnlyItsOwnClaimsAndSecretVerify) {
  const std::string token = SignExecutorToken(kClaims, "secret");
  EXPECT_TRUE(VerifyExecutorToken(token, kClaims, "secret"));
  EXPECT_EQ(VerifyExecutorToken(token, kClaims, "other").error().code, Code::kForbidden);
  ExecutorClaims other = kClaims;
  other.container = ContainerId("d");
  EXPECT_EQ(VerifyExecutorToken(token, other, "secret").error().code, Code::kForbidden);
}

TEST(ExecutorTokenTest, ForgeriesDoNotVerify) {
  const std::string token = SignExecutorToken(kClaims, "secret");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(VerifyExecutorToken(forged, kClaims, "secret")) << i;
    EXPECT_FALSE(VerifyExecutorToken(token.substr(0, i), kClaims, "secret")) << i;
  }
  // This token has "alg": "none" and no signature.
  EXPECT_FALSE(VerifyExecutorToken(
      "eyJhbGciOiJub25lIn0.eyJjaWQiOiJjIiwiZWlkIjoiZSIsImZpZCI6ImYifQ.", kClaims, "secret"));
}

TEST(ExecutorTokenTest, IdsCannotPlayEachOthersParts) {
  const ExecutorClaims tricky{FrameworkId("f"), ExecutorId("e\",\"fid\":\"f"), ContainerId("c")};
  const std::string token = SignExecutorToken(tricky, "s");
  EXPECT_TRUE(VerifyExecutorToken(token, tricky, "s"));
  EXPECT_FALSE(VerifyExecutorToken(token, kClaims, "s"));
}

}  // namespace
}  // namespace tepui::security
