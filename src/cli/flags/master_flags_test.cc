// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/master_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "cli/flags/server_flags_fixture.h"

namespace tepui::cli {
namespace {

using ::testing::_;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

class MasterFlagsTest : public ServerFlagsTest<MasterFlags> {
 protected:
  MasterFlagsTest() : ServerFlagsTest("mesos-master", DeclareMasterFlags) {}

  master::Options Parse(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    Read(words, environment);
    return ToMasterOptions(flags_, common_, &problems_);
  }
};

// Reference 7.2: the defaults.
TEST_F(MasterFlagsTest, Defaults) {
  const master::Options options = Parse({});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(options.agent_ping_timeout, 15s);
  EXPECT_EQ(options.max_agent_ping_timeouts, 5);
  EXPECT_EQ(options.agent_reregister_timeout, 10min);
  EXPECT_EQ(options.allocator.allocation_interval, 1s);
  EXPECT_TRUE(options.root_submissions);
  EXPECT_FALSE(options.offer_timeout);
  EXPECT_EQ(flags_.registry, "replicated_log");
  EXPECT_EQ(options.registry_gc_interval, 15min);
  EXPECT_EQ(options.registry_max_agent_age, std::chrono::weeks(2));
  EXPECT_EQ(options.registry_max_agent_count, 102'400u);
  EXPECT_EQ(options.recovery_agent_removal_limit, 1);
  EXPECT_FALSE(options.agent_removal_rate);
  ASSERT_EQ(options.allocator.min_allocatable.size(), 2u);
  EXPECT_EQ(options.allocator.min_allocatable[0].Get(ResourceNames::Cpus()), Amount::FromMilli(10));
  EXPECT_EQ(options.allocator.min_allocatable[1].Get(ResourceNames::Mem()),
            Amount::FromMilli(32'000));
}

// --help and /flags show values as the command line takes them.
TEST_F(MasterFlagsTest, ValuesAreShownAsTheyAreWritten) {
  EXPECT_THAT(table_.Values(),
              IsSupersetOf({Pair("recovery_agent_removal_limit", "100%"),
                            Pair("role_sorter", "drf"), Pair("registry_max_agent_count", "102400"),
                            Pair("registry_store_timeout", "20secs")}));
  EXPECT_THAT(table_.Values(), Not(Contains(Pair("agent_removal_rate_limit", _))));
  EXPECT_THAT(table_.Values(), Not(Contains(Pair("log_dir", _))));
  Parse({"--agent_removal_rate_limit=3/10mins", "--recovery_agent_removal_limit=7%",
         "--fair_sharing_excluded_resource_names=gpus,foo"});
  EXPECT_THAT(table_.Values(),
              IsSupersetOf({Pair("agent_removal_rate_limit", "3/10mins"),
                            Pair("recovery_agent_removal_limit", "7%"),
                            Pair("fair_sharing_excluded_resource_names", "gpus,foo")}));
}

TEST_F(MasterFlagsTest, ValuesReachTheOptions) {
  const master::Options options =
      Parse({"--slave_ping_timeout=20secs",
             "--max_agent_ping_timeouts=3",
             "--agent_reregister_timeout=1hrs",
             "--offer_timeout=5mins",
             "--no-root_submissions",
             "--weights=a=2.5,b/c=1",
             "--role_sorter=random",
             "--allocation_interval=50ms",
             "--min_allocatable_resources=cpus:1;mem:64",
             "--fair_sharing_excluded_resource_names=gpus,foo",
             "--no-filter_gpu_resources",
             "--registry_gc_interval=1mins",
             "--registry_max_agent_age=1days",
             "--registry_max_agent_count=5",
             "--recovery_slave_removal_limit=2.5%",
             "--agent_removal_rate_limit=3/10mins",
             "--max_executors_per_agent=7",
             "--require_agent_domain",
             "--max_completed_frameworks=1",
             R"(--domain={"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}})"});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(options.agent_ping_timeout, 20s);
  EXPECT_EQ(options.max_agent_ping_timeouts, 3);
  EXPECT_EQ(options.agent_reregister_timeout, 1h);
  EXPECT_EQ(options.offer_timeout, Duration(5min));
  EXPECT_EQ(options.registry_gc_interval, 1min);
  EXPECT_EQ(options.registry_max_agent_age, 24h);
  EXPECT_EQ(options.registry_max_agent_count, 5u);
  EXPECT_EQ(options.recovery_agent_removal_limit, 0.025);
  ASSERT_TRUE(options.agent_removal_rate);
  EXPECT_EQ(options.agent_removal_rate->agents, 3);
  EXPECT_EQ(options.agent_removal_rate->per, 10min);
  EXPECT_FALSE(options.root_submissions);
  EXPECT_THAT(options.allocator.weights,
              UnorderedElementsAre(std::pair("a", 2.5), std::pair("b/c", 1.0)));
  EXPECT_EQ(options.allocator.role_sorter, allocator::SorterPolicy::kRandom);
  EXPECT_EQ(options.allocator.framework_sorter, allocator::SorterPolicy::kDrf);
  EXPECT_EQ(options.allocator.allocation_interval, 50ms);
  EXPECT_EQ(options.allocator.min_allocatable.size(), 1u);
  EXPECT_THAT(options.allocator.fair_sharing_excluded_resource_names, ElementsAre("gpus", "foo"));
  EXPECT_FALSE(options.allocator.filter_gpu_resources);
  EXPECT_EQ(options.max_executors_per_agent, 7);
  EXPECT_TRUE(options.require_agent_domain);
  EXPECT_EQ(options.max_completed_frameworks, 1);
  EXPECT_EQ(options.info.domain().fault_domain().zone().name(), "z");
  EXPECT_EQ(options.allocator.domain->fault_domain().region().name(), "r");
}

// Reference 7.2: ranges of agent_ping_timeout, agent_reregister_timeout, max_agent_ping_timeouts.
TEST_F(MasterFlagsTest, AllSemanticProblemsAtOnce) {
  Parse({"--agent_ping_timeout=500ms", "--agent_reregister_timeout=9mins",
         "--max_agent_ping_timeouts=0", "--registry=etcd",
         "--weights=a=0,b,c=1,c=2,/=1,d=1e308,e=1e-300", "--role_sorter=fair",
         "--min_allocatable_resources=cpus", "--ip=1.2.3", "--advertise_ip=0.0.0.0",
         "--logging_level=LOUD", "--domain={}", "--recovery_agent_removal_limit=101%",
         "--agent_removal_rate_limit=0/1mins", "--registry_max_agent_count=0", "--zk=zk://",
         "--allocation_interval=0ns"});
  for (const char* part : {"--agent_ping_timeout must be from 1secs to 15mins",
                           "--agent_reregister_timeout must be from 10mins",
                           "--max_agent_ping_timeouts must be at least 1",
                           "--registry must be replicated_log or in_memory, not 'etcd'",
                           "--weights: 'a=0'",
                           "--weights: 'b'",
                           "--weights: 'd=1e308'",
                           "--weights: 'e=1e-300'",
                           "--weights: the role 'c' has two weights",
                           "--role_sorter: 'fair'",
                           "--min_allocatable_resources:",
                           "--ip: '1.2.3' is not an IP",
                           "--advertise_ip: no other machine can reach",
                           "--logging_level: 'LOUD'",
                           "--domain has no fault_domain",
                           "--recovery_agent_removal_limit: '101%'",
                           "--agent_removal_rate_limit: '0/1mins'",
                           "--registry_max_agent_count must be at least 1",
                           "--zk cannot be used",
                           "--allocation_interval must be"}) {
    EXPECT_THAT(problems_, Contains(HasSubstr(part)));
  }
}

// Scripts that write Mesos' defaults out keep working.
TEST_F(MasterFlagsTest, DefaultsOfMissingFeaturesAreAccepted) {
  Parse({"--zk_session_timeout=10secs", "--log_auto_initialize", "--no-authenticate",
         "--registry_max_agent_age=14days", "--recovery_slave_removal_limit=100%",
         "--authenticators=crammd5", "--registry=in_memory"},
        {"MESOS_ALLOCATOR=hierarchical", "MESOS_AUTHENTICATE_HTTP=false"});
  EXPECT_THAT(problems_, IsEmpty());
}

}  // namespace
}  // namespace tepui::cli
