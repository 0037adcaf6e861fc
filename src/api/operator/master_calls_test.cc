// SPDX-License-Identifier: Apache-2.0
#include "api/operator/master_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "api/operator/operator_testing.h"
#include "master/core/master_harness.h"

namespace tepui::api {
namespace {

using master::MasterHarness;
using ::testing::HasSubstr;

// Makes a change, and waits for the registry.
net::Response Make(MasterHarness& h, const Admission<MasterApi>& call) {
  if (!call) return call.error();
  EXPECT_FALSE(call->reads());
  const auto answer = std::make_shared<net::Response>();
  call->Change(*h.master, [answer](net::Response response) { *answer = std::move(response); });
  h.clock.Settle();
  return *answer;
}

Admission<MasterApi> Json(std::string body) {
  return AdmitRequest<MasterApi>(JsonRequest(std::move(body)), {});
}

Admission<MasterApi> Form(std::string body) {
  return AdmitTeardownForm(RequestOf(std::move(body), "application/x-www-form-urlencoded"), {});
}

TEST(FrameworkCalls, Teardown) {
  MasterHarness h;
  const auto teardown = [](const std::string& id) {
    return Json(
        fmt::format(R"({{"type":"TEARDOWN","teardown":{{"framework_id":{{"value":"{}"}}}}}})", id));
  };
  const net::Response done = Make(h, teardown(h.Subscribe(MasterHarness::Info()).id));
  EXPECT_EQ(done.status, 200u);
  EXPECT_EQ(done.body, "");
  // OP-22: Mesos treats an unknown framework as an invalid request.
  const net::Response unknown = Make(h, teardown("m-0007"));
  EXPECT_EQ(unknown.status, 400u);
  EXPECT_EQ(unknown.body, "There is no framework 'm-0007'");
}

TEST(FrameworkCalls, TeardownByAForm) {
  MasterHarness h;
  const std::string id = h.Subscribe(MasterHarness::Info()).id;
  EXPECT_EQ(Make(h, Form("x=y&frameworkId=" + id)).status, 200u);
  const net::Response unknown = Make(h, Form("frameworkId=a%2Fb#1"));
  EXPECT_EQ(unknown.status, 400u);
  EXPECT_EQ(unknown.body, "There is no framework 'a/b#1'");
  for (const char* body : {"", "framework_id=f", "frameworkId=%zz"}) {
    EXPECT_EQ(Refusal(Form(body)).status, 400u) << body;
  }
}

TEST(AgentCalls, MarkAgentGone) {
  MasterHarness h;
  const auto gone = [](const std::string& id) {
    return Json(fmt::format(
        R"({{"type":"MARK_AGENT_GONE","mark_agent_gone":{{"agent_id":{{"value":"{}"}}}}}})", id));
  };
  const net::Response done = Make(h, gone(h.Join(MasterHarness::Machine()).id));
  EXPECT_EQ(done.status, 200u);
  EXPECT_EQ(done.body, "");
  // GONE-1.
  const net::Response unknown = Make(h, gone("m-S7"));
  EXPECT_EQ(unknown.status, 404u);
  EXPECT_THAT(unknown.body, HasSubstr("'m-S7'"));
}

}  // namespace
}  // namespace tepui::api
