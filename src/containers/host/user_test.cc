// SPDX-License-Identifier: Apache-2.0
#include "containers/host/user.h"

#include <gtest/gtest.h>

namespace tepui::containers {
namespace {

class UsersTest : public testing::Test {
 protected:
  MonotonicTime now_{};
  int lookups_ = 0;
  bool fails_ = false;
  Users users_{[this](const std::string& name) -> Result<shim::Launch::User> {
                 ++lookups_;
                 if (fails_) return Fail(Code::kNotFound, "User '{}' does not exist", name);
                 return shim::Launch::User{
                     .uid = static_cast<uint32_t>(name.size()), .gid = 7, .groups = {7, 8}};
               },
               [this] { return now_; }};
};

TEST_F(UsersTest, AreAskedForOnceInAWhile) {
  EXPECT_EQ(users_.Resolve("alice")->uid, 5u);
  now_ += Users::kFresh - Duration(1);
  Result<shim::Launch::User> again = users_.Resolve("alice");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->uid, 5u);
  EXPECT_EQ(again->groups, (std::vector<uint32_t>{7, 8}));
  EXPECT_EQ(lookups_, 1);
  EXPECT_EQ(users_.Resolve("bob")->uid, 3u);
  EXPECT_EQ(lookups_, 2);
  now_ += Duration(1);
  EXPECT_TRUE(users_.Resolve("alice"));
  EXPECT_EQ(lookups_, 3);
}

TEST_F(UsersTest, AFailureIsNotKept) {
  fails_ = true;
  EXPECT_FALSE(users_.Resolve("carol"));
  fails_ = false;
  EXPECT_TRUE(users_.Resolve("carol"));
  // A cached user expires.
  now_ += Users::kFresh;
  fails_ = true;
  EXPECT_FALSE(users_.Resolve("carol"));
}

TEST_F(UsersTest, NotMoreAreKeptThanTheBound) {
  for (size_t i = 0; i < Users::kMaxKept; ++i) {
    ASSERT_TRUE(users_.Resolve("u" + std::to_string(i)));
  }
  EXPECT_TRUE(users_.Resolve("u0"));
  EXPECT_EQ(lookups_, static_cast<int>(Users::kMaxKept));
  EXPECT_TRUE(users_.Resolve("one more"));
  EXPECT_TRUE(users_.Resolve("u0"));
  EXPECT_EQ(lookups_, static_cast<int>(Users::kMaxKept) + 2);
}

TEST(ResolveUserTest, KnowsThisMachinesUsers) {
  Result<shim::Launch::User> root = ResolveUser("root");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->uid, 0u);
  Result<shim::Launch::User> nobody = ResolveUser("no-such-user");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace tepui::containers
