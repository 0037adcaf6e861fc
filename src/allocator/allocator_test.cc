// SPDX-License-Identifier: Apache-2.0
#include "allocator/allocator.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "allocator/allocator_fixture.h"

namespace tepui::allocator {
namespace {

using AllocatorTest = AllocatorFixture;

// --- Order of frameworks (reference 3).

TEST_F(AllocatorTest, OffersTheWholeAgentToTheRoleThatHasLeast) {
  AddAgent("s1", "cpus:2;mem:1024");
  AddFramework("f1", {"role1"});
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:2;mem:1024"), "role1"));

  AddFramework("f2", {"role2"});
  AddAgent("s2", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s2 f2 role2");
  AddAgent("s3", "cpus:3;mem:2048");  // 0.33 against 0.17.
  EXPECT_EQ(TakeOne(), "s3 f2 role2");

  AddFramework("f3", {"role1"});
  AddAgent("s4", "cpus:4;mem:4096");  // role1 has 0.2, role2 0.4; in role1 f3 has nothing.
  EXPECT_EQ(TakeOne(), "s4 f3 role1");

  // The new framework has nothing, but its role has more than the other.
  AddFramework("f4", {"role1"});
  AddAgent("s5", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s5 f2 role2");
}

TEST_F(AllocatorTest, ExcludedNamesDoNotCountAsShare) {
  Reset({.fair_sharing_excluded_resource_names = {"gpus"}});
  AddAgent("s1", "cpus:1;mem:512;gpus:1");
  AddFramework("f1", {"role1"}, {FrameworkCapability::GPU_RESOURCES});
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
  AddFramework("f2", {"role2"});
  AddAgent("s2", "cpus:2;mem:1024");
  EXPECT_EQ(TakeOne(), "s2 f2 role2");
  AddAgent("s3", "cpus:1;mem:512");  // f1 has all gpus, but only a third of the rest.
  EXPECT_EQ(TakeOne(), "s3 f1 role1");
}

TEST_F(AllocatorTest, SubtreesOfRolesCompeteAsWholes) {
  AddAgent("s1", "cpus:2;mem:1024");
  AddFramework("f1", {"a/b"});
  EXPECT_EQ(TakeOne(), "s1 f1 a/b");
  AddFramework("f2", {"a/c"});
  AddFramework("f3", {"d/e"});
  AddAgent("s2", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s2 f3 d/e");
  AddFramework("f4", {"d/f"});
  AddAgent("s3", "cpus:2;mem:1024");
  EXPECT_EQ(TakeOne(), "s3 f4 d/f");
}

TEST_F(AllocatorTest, EqualSharesTakeTurns) {
  AddFramework("f1", {"role"});
  AddFramework("f2", {"role"});
  AddAgent("s1", "cpus:2;mem:1024");
  std::map<FrameworkId, int> chosen;
  for (int i = 0; i < 10; ++i) {
    const std::vector<Offer> offers = Take();
    ASSERT_EQ(offers.size(), 1u);
    ++chosen[offers[0].framework];
    Decline(offers[0]);
    Tick();
  }
  EXPECT_EQ(chosen[FrameworkId("f1")], 5);
  EXPECT_EQ(chosen[FrameworkId("f2")], 5);
}

// The order is updated within one run: roles of weights 1 and 2 end at one third and two thirds.
TEST_F(AllocatorTest, OneRunConvergesToWeights) {
  Reset({.weights = {{"role2", 2.0}}});
  AddFramework("f1", {"role1"});
  AddFramework("f2", {"role2"});
  for (int i = 0; i < 60; ++i) AddAgent("s" + std::to_string(i), "cpus:2;mem:1024");
  std::map<FrameworkId, int> agents;
  for (const Offer& offer : Take()) {
    ++agents[offer.framework];
    Decline(offer);
  }
  EXPECT_EQ(agents[FrameworkId("f1")], 20);
  EXPECT_EQ(agents[FrameworkId("f2")], 40);

  // The new weight takes effect with the next run, and does not start one.
  allocator_->UpdateWeights({{"role1", 4.0}});
  agents.clear();
  Tick();
  for (const Offer& offer : Take()) ++agents[offer.framework];
  EXPECT_EQ(agents[FrameworkId("f1")], 40);
  EXPECT_EQ(agents[FrameworkId("f2")], 20);
}

TEST_F(AllocatorTest, RandomSortersOfferEverything) {
  Reset({.role_sorter = SorterPolicy::kRandom, .framework_sorter = SorterPolicy::kRandom});
  allocator_->UpdateWeights({{"b", 3.0}});
  AddFramework("f1", {"a"});
  AddFramework("f2", {"b"});
  AddFramework("f3", {"b"});
  for (int i = 0; i < 1000; ++i) AddAgent("s" + std::to_string(i), "cpus:1;mem:64");
  std::map<FrameworkId, int> agents;
  for (const Offer& offer : Take()) ++agents[offer.framework];
  EXPECT_NEAR(agents[FrameworkId("f1")], 250, 50);
  EXPECT_NEAR(agents[FrameworkId("f2")], 375, 50);
  EXPECT_NEAR(agents[FrameworkId("f3")], 375, 50);
}

TEST_F(AllocatorTest, SameSeedSameOffers) {
  std::vector<std::vector<std::string>> runs;
  for (int run = 0; run < 2; ++run) {
    Reset({.role_sorter = SorterPolicy::kRandom}, 42);
    for (int i = 0; i < 5; ++i)
      AddFramework("f" + std::to_string(i), {"r" + std::to_string(i % 3)});
    for (int i = 0; i < 50; ++i) AddAgent("s" + std::to_string(i), "cpus:1;mem:64");
    clock_.Settle();
    std::vector<std::string> made;
    for (const Offer& offer : offers_)
      made.push_back(offer.agent.value() + offer.framework.value());
    runs.push_back(std::move(made));
  }
  EXPECT_EQ(runs[0].size(), 50u);
  EXPECT_EQ(runs[0], runs[1]);
}

// --- Reservations (reference 3, "stage 2").

TEST_F(AllocatorTest, ReservedResourcesGoToTheirRole) {
  AddFramework("f1", {"role1"});
  AddFramework("f2", {"role2"});
  AddAgent("s1", "cpus(role1):1;mem(role1):64;cpus(role2):1;mem(role2):64");
  const std::vector<Offer> offers = Take();
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_EQ(offers[0].resources, Allocated(R("cpus(role1):1;mem(role1):64"), "role1"));
  EXPECT_EQ(offers[1].resources, Allocated(R("cpus(role2):1;mem(role2):64"), "role2"));
}

TEST_F(AllocatorTest, ReservationsOfAncestorsButNotOfDescendants) {
  AddFramework("f1", {"a"});
  AddAgent("s1", "cpus(a/b):1;mem(a/b):64;cpus(a):2;mem(a):128");
  EXPECT_EQ(TakeOne(), "s1 f1 a");
  EXPECT_EQ(last_.resources, Allocated(R("cpus(a):2;mem(a):128"), "a"));
  Decline(last_, Refuse(3600));
  AddFramework("f2", {"a/b/c"});
  EXPECT_EQ(TakeOne(), "s1 f2 a/b/c");
  EXPECT_EQ(last_.resources, Allocated(R("cpus(a/b):1;mem(a/b):64;cpus(a):2;mem(a):128"), "a/b/c"));
}

TEST_F(AllocatorTest, UnreservedWithReservedInOneOffer) {
  AddAgent("s1", "cpus:4;mem:512;cpus(role):1");
  AddFramework("f0", {"other"});
  EXPECT_EQ(TakeOne(), "s1 f0 other");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:4;mem:512"), "other"));
  AddFramework("f1", {"role"});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus(role):1"), "role"));
  Decline(last_);
  allocator_->RemoveFramework(FrameworkId("f0"));
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:4;mem:512;cpus(role):1"), "role"));
}

// --- Filters (reference 2.3).

TEST_F(AllocatorTest, FilterHidesForItsTime) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(2));
  EXPECT_EQ(allocator_->counters().active_filters, 1u);
  Tick();
  EXPECT_TRUE(Take().empty());
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(allocator_->counters().active_filters, 0u);
}

// A filter shorter than the interval still lets another framework get its turn.
TEST_F(AllocatorTest, ShortFilterOutlastsTheNextRun) {
  Reset({.allocation_interval = std::chrono::minutes(1)});
  AddFramework("f1", {"role"});
  AddFramework("f2", {"role"});
  AddAgent("s1", "cpus:1;mem:512", {{FrameworkId("f1"), Allocated(R("cpus:1;mem:512"), "role")}});
  EXPECT_TRUE(Take().empty());
  AddAgent("s2", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s2 f2 role");
  Decline(last_, Refuse(1));
  Tick();
  EXPECT_TRUE(Take().empty());
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(TakeOne(), "s2 f1 role");
  Decline(last_);
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(TakeOne(), "s2 f2 role");
}

TEST_F(AllocatorTest, RefusalsOutOfRange) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(-1));  // The same as the default, 5 s.
  clock_.Advance(std::chrono::seconds(4));
  EXPECT_TRUE(Take().empty());
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(1e300));  // The same as 365 days.
  clock_.Advance(std::chrono::hours(24 * 365) - std::chrono::seconds(1));
  EXPECT_TRUE(Take().empty());
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(0));  // No filter.
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

TEST_F(AllocatorTest, MoreThanWhatWasRefusedIsOffered) {
  AddFramework("f1", {"role"});
  AddFramework("f2", {"role"});
  AddAgent("s1", "cpus:2;mem:512", {{FrameworkId("f2"), Allocated(R("cpus:1;mem:256"), "role")}});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(3600));
  allocator_->DeactivateFramework(FrameworkId("f2"));
  Tick();
  EXPECT_TRUE(Take().empty());
  allocator_->Release(FrameworkId("f2"), AgentId("s1"), Allocated(R("cpus:1;mem:256"), "role"), {});
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:2;mem:512"), "role"));
}

TEST_F(AllocatorTest, FiltersAreByRole) {
  AddFramework("f1", {"role1", "role2"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
  Decline(last_, Refuse(3600));
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
  Decline(last_, Refuse(3600));
  Tick();
  EXPECT_TRUE(Take().empty());
  allocator_->Revive(FrameworkId("f1"), {"role2"});
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
}

TEST_F(AllocatorTest, FiltersEndWhenTheAgentChanges) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  Decline(last_, Refuse(3600));
  AgentSpec spec = Spec("s1", R("cpus:1;mem:512"));
  spec.info.set_hostname("renamed");
  allocator_->UpdateAgent(spec);
  EXPECT_TRUE(Take().empty());
  auto* attribute = spec.info.add_attributes();
  attribute->set_name("rack");
  attribute->set_type(v1::Value::TEXT);
  attribute->mutable_text()->set_value("r1");
  allocator_->UpdateAgent(spec);
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

// --- Suppress, revive, activity.

TEST_F(AllocatorTest, SuppressAndReviveByRole) {
  AddFramework("f1", {"role1", "role2"});
  allocator_->Suppress(FrameworkId("f1"), {"role1"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
  allocator_->Suppress(FrameworkId("f1"), {});
  Decline(last_);
  Tick();
  EXPECT_TRUE(Take().empty());
  allocator_->Revive(FrameworkId("f1"), {"role1"});
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
}

TEST_F(AllocatorTest, SuppressedRolesOfSubscribeAndUpdate) {
  allocator_->AddFramework(FrameworkId("f1"), Info({"role1", "role2"}), {"role1"}, true, {});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
  Decline(last_, Refuse(3600));
  allocator_->UpdateFramework(FrameworkId("f1"), Info({"role1", "role2"}), {"role2"});
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
  Decline(last_, Refuse(3600));
  // A role that is no longer suppressed is revived: its filter has ended.
  allocator_->UpdateFramework(FrameworkId("f1"), Info({"role1", "role2"}), {});
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
}

TEST_F(AllocatorTest, RolesComeAndGo) {
  AddFramework("f1", {"role1"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role1");
  const Offer held = last_;
  allocator_->UpdateFramework(FrameworkId("f1"), Info({"role2"}), {});
  AddAgent("s2", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s2 f1 role2");
  // What it holds in the role that it left still counts there, until it is given back.
  EXPECT_EQ(allocator_->Roles().at("role1").allocated, R("cpus:1;mem:512"));
  EXPECT_TRUE(allocator_->Roles().at("role1").frameworks.empty());
  Decline(held, Refuse(3600));
  EXPECT_FALSE(allocator_->Roles().contains("role1"));
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
}

TEST_F(AllocatorTest, DeactivationKeepsAllocationsAndForgetsFilters) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  const Offer held = last_;
  AddAgent("s2", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s2 f1 role");
  Decline(last_, Refuse(3600));
  allocator_->DeactivateFramework(FrameworkId("f1"));
  Tick();
  EXPECT_TRUE(Take().empty());
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;mem:512"));
  allocator_->ActivateFramework(FrameworkId("f1"));
  EXPECT_EQ(TakeOne(), "s2 f1 role");
  Decline(held);
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

TEST_F(AllocatorTest, InactiveAgentsAreNotOffered) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  allocator_->DeactivateAgent(AgentId("s1"));
  Decline(last_);
  Tick();
  EXPECT_TRUE(Take().empty());
  allocator_->ActivateAgent(AgentId("s1"));
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

TEST_F(AllocatorTest, NothingIsOfferedWhilePaused) {
  allocator_->Pause();
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512");
  allocator_->RunNow();
  Tick();
  EXPECT_TRUE(Take().empty());
  allocator_->Resume();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

// --- Minimums and abilities (reference 2.2, 2.3).

TEST_F(AllocatorTest, MinimumOfTheFlag) {
  Reset({.min_allocatable = {Q("cpus:0.01"), Q("mem:32")}});
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:0.009;mem:31;disk:1000");
  EXPECT_TRUE(Take().empty());
  AddAgent("s2", "cpus:0.01;mem:31");
  EXPECT_EQ(TakeOne(), "s2 f1 role");
  AddAgent("s3", "cpus:0.009;mem:32");
  EXPECT_EQ(TakeOne(), "s3 f1 role");
}

TEST_F(AllocatorTest, MinimumOfTheFrameworkForARole) {
  Reset({.min_allocatable = {Q("cpus:1")}});
  v1::FrameworkInfo info = Info({"role1", "role2", "role3"});
  auto& one = (*info.mutable_offer_filters())["role1"];
  auto& set = *one.mutable_min_allocatable_resources()->add_quantities()->mutable_quantities();
  set["cpus"].set_value(2);
  set["mem"].set_value(100);
  (*info.mutable_offer_filters())["role3"]
      .mutable_min_allocatable_resources();  // Any offer is large enough.
  allocator_->AddFramework(FrameworkId("f1"), info, {"role2", "role3"}, true, {});
  AddAgent("s1", "cpus:2;mem:99");
  EXPECT_TRUE(Take().empty());
  AddAgent("s2", "cpus:2;mem:100");
  EXPECT_EQ(TakeOne(), "s2 f1 role1");
  allocator_->Revive(FrameworkId("f1"), {"role2"});
  EXPECT_EQ(TakeOne(), "s1 f1 role2");
  AddAgent("s3", "disk:1");
  EXPECT_TRUE(Take().empty());
  allocator_->Revive(FrameworkId("f1"), {"role3"});
  EXPECT_EQ(TakeOne(), "s3 f1 role3");
}

TEST_F(AllocatorTest, GpuAgentsNeedTheGpuCapability) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512;gpus:1");
  EXPECT_TRUE(Take().empty());
  AddFramework("f2", {"role"}, {FrameworkCapability::GPU_RESOURCES});
  EXPECT_EQ(TakeOne(), "s1 f2 role");

  Reset({.filter_gpu_resources = false});
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:512;gpus:1");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

TEST_F(AllocatorTest, AgentsOfOtherRegionsAreForTheRegionAware) {
  v1::DomainInfo domain;
  domain.mutable_fault_domain()->mutable_region()->set_name("here");
  domain.mutable_fault_domain()->mutable_zone()->set_name("z1");
  Reset({.domain = domain});
  AddFramework("f1", {"role"});
  AgentSpec near = Spec("near", R("cpus:1;mem:64"));
  *near.info.mutable_domain() = domain;
  near.info.mutable_domain()->mutable_fault_domain()->mutable_zone()->set_name("z2");
  allocator_->AddAgent(near, {});
  EXPECT_EQ(TakeOne(), "near f1 role");
  AgentSpec far = Spec("far", R("cpus:1;mem:64"));
  *far.info.mutable_domain() = domain;
  far.info.mutable_domain()->mutable_fault_domain()->mutable_region()->set_name("there");
  allocator_->AddAgent(far, {});
  EXPECT_TRUE(Take().empty());
  AddFramework("f2", {"role"}, {FrameworkCapability::REGION_AWARE});
  EXPECT_EQ(TakeOne(), "far f2 role");
}

TEST_F(AllocatorTest, OldAgentsAreNotForNewFrameworks) {
  AddFramework("multi", {"role"});
  v1::FrameworkInfo old;
  old.set_user("user");
  old.set_name("old");
  AgentSpec plain = Spec("plain", R("cpus:1;mem:64"));
  plain.capabilities = {AgentCapability::HIERARCHICAL_ROLE};
  allocator_->AddAgent(plain, {});
  EXPECT_TRUE(Take().empty());
  allocator_->AddFramework(FrameworkId("old"), old, {}, true, {});
  EXPECT_EQ(TakeOne(), "plain old *");

  AddFramework("deep", {"a/b"});
  allocator_->Suppress(FrameworkId("multi"), {});
  AgentSpec flat = Spec("flat", R("cpus:1;mem:64"));
  flat.capabilities = {AgentCapability::MULTI_ROLE};
  allocator_->DeactivateFramework(FrameworkId("old"));
  allocator_->AddAgent(flat, {});
  EXPECT_TRUE(Take().empty());
  flat.capabilities.push_back(AgentCapability::HIERARCHICAL_ROLE);
  allocator_->UpdateAgent(flat);
  EXPECT_EQ(TakeOne(), "flat deep a/b");
}

TEST_F(AllocatorTest, RevocableResourcesNeedTheirCapability) {
  AddFramework("f1", {"role"});
  AgentSpec spec = Spec("s1", R("cpus:1;mem:64") + RevocableCpus(4));
  allocator_->AddAgent(spec, {});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:1;mem:64"), "role"));
  AddFramework("f2", {"role"}, {FrameworkCapability::REVOCABLE_RESOURCES});
  EXPECT_EQ(TakeOne(), "s1 f2 role");
  EXPECT_EQ(last_.resources, Allocated(RevocableCpus(4), "role"));
  // The estimate shrinks below what is held: no more than the new total becomes free.
  spec.total = R("cpus:1;mem:64") + RevocableCpus(1);
  allocator_->UpdateAgent(spec);
  Decline(last_);
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f2 role");
  EXPECT_EQ(last_.resources, Allocated(RevocableCpus(1), "role"));
}

TEST_F(AllocatorTest, StackedReservationsNeedTheirCapability) {
  v1::FrameworkInfo info = Info({"a/b"});
  info.clear_capabilities();
  info.add_capabilities()->set_type(FrameworkCapability::MULTI_ROLE);
  allocator_->AddFramework(FrameworkId("old"), info, {}, true, {});
  allocator_->AddAgent(Spec("s1", R("cpus(a):1") + StackedCpus(2, {"a", "a/b"})), {});
  EXPECT_EQ(TakeOne(), "s1 old a/b");
  EXPECT_EQ(last_.resources, Allocated(R("cpus(a):1"), "a/b"));
  AddFramework("new", {"a/b"});
  EXPECT_EQ(TakeOne(), "s1 new a/b");
  EXPECT_EQ(last_.resources, Allocated(StackedCpus(2, {"a", "a/b"}), "a/b"));
}

// A shared resource is offered at most once a run, though it is held, and counts once for each
// holder (reference 3).
TEST_F(AllocatorTest, SharedVolumesAreOfferedOnceARun) {
  const Resources volume = SharedVolume("role", 100, "v1");
  AddFramework("plain", {"role"});
  allocator_->AddAgent(Spec("s1", R("cpus:1;mem:64") + volume), {});
  EXPECT_EQ(TakeOne(), "s1 plain role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:1;mem:64"), "role"));

  AddFramework("f1", {"role"}, {FrameworkCapability::SHARED_RESOURCES});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(volume, "role"));
  const Offer first = last_;
  AddFramework("f2", {"role"}, {FrameworkCapability::SHARED_RESOURCES});
  allocator_->Suppress(FrameworkId("f1"), {});
  EXPECT_EQ(TakeOne(), "s1 f2 role");
  allocator_->Suppress(FrameworkId("f2"), {});
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;mem:64;disk:100"));
  Decline(first);
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;mem:64;disk:100"));
  Decline(last_);
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;mem:64"));
}

// --- Adding and removing frameworks and agents.

TEST_F(AllocatorTest, ReleaseAfterAgentOrFrameworkIsGone) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:64");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  allocator_->RemoveAgent(AgentId("s1"));
  EXPECT_TRUE(allocator_->total().empty());
  EXPECT_TRUE(allocator_->allocated().empty());
  Decline(last_, Refuse(5));
  AddAgent("s2", "cpus:1;mem:64");
  EXPECT_EQ(TakeOne(), "s2 f1 role");
  allocator_->RemoveFramework(FrameworkId("f1"));
  Decline(last_, Refuse(5));
  EXPECT_TRUE(allocator_->allocated().empty());
  AddFramework("f2", {"role"});
  EXPECT_EQ(TakeOne(), "s2 f2 role");
}

// Used resources may be added with the agent before their framework is known. When the framework is
// added, they are not counted twice.
TEST_F(AllocatorTest, UsedResourcesOfReturningFrameworks) {
  const Resources used = Allocated(R("cpus:1;mem:64"), "role");
  AddAgent("s1", "cpus:3;mem:64", {{FrameworkId("f1"), used}});
  AddAgent("s2", "cpus:1;mem:64");
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;mem:64"));
  allocator_->AddFramework(FrameworkId("f1"), Info({"role"}), {"role"}, true,
                           {{AgentId("s1"), used}, {AgentId("s2"), used}, {AgentId("s9"), used}});
  EXPECT_EQ(allocator_->allocated(), Q("cpus:2;mem:128"));
  AddFramework("f2", {"role"});
  EXPECT_EQ(TakeOne(), "s1 f2 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:2"), "role"));
  allocator_->RemoveFramework(FrameworkId("f1"));
  EXPECT_EQ(allocator_->allocated(), Q("cpus:2"));
}

TEST_F(AllocatorTest, HoldersNeverAddedAreForgotten) {
  const Resources used = Allocated(R("cpus:1;mem:64"), "role");
  AddAgent("s1", "cpus:1;mem:64", {{FrameworkId("ghost"), used}});
  AddFramework("f1", {"role"});
  EXPECT_TRUE(Take().empty());
  allocator_->Release(FrameworkId("ghost"), AgentId("s1"), used, std::nullopt);
  Tick();
  EXPECT_EQ(TakeOne(), "s1 f1 role");
}

TEST_F(AllocatorTest, MoreOfAnAgentIsOfferedWhenItGrows) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:64");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  allocator_->UpdateAgent(Spec("s1", R("cpus:3;mem:64")));
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:2"), "role"));
  EXPECT_EQ(allocator_->total(), Q("cpus:3;mem:64"));
}

TEST_F(AllocatorTest, AllocateTakesWhatWasFree) {
  AddAgent("s1", "cpus:2;mem:64");
  allocator_->Allocate(FrameworkId("f1"), AgentId("s1"), Allocated(R("cpus:1"), "role"));
  AddFramework("f1", {"role"});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:1;mem:64"), "role"));
  EXPECT_EQ(allocator_->Roles().at("role").dominant_share, 1.0);
}

// --- Operations (reference 2.4).

TEST_F(AllocatorTest, ConvertChangesAllocationAndTotal) {
  AddFramework("f1", {"role"});
  AddFramework("f2", {"other"});
  allocator_->Suppress(FrameworkId("f2"), {});
  AddAgent("s1", "cpus:2;mem:64");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  const Resources reserved = Allocated(R("cpus(role):1"), "role");
  allocator_->Convert(FrameworkId("f1"), AgentId("s1"), Allocated(R("cpus:1"), "role"), reserved);
  EXPECT_EQ(allocator_->allocated(), Q("cpus:2;mem:64"));
  EXPECT_EQ(allocator_->Roles().at("role").allocated, R("cpus:1;cpus(role):1;mem:64"));
  allocator_->RemoveFramework(FrameworkId("f1"));
  allocator_->Revive(FrameworkId("f2"), {});
  EXPECT_EQ(TakeOne(), "s1 f2 other");
  EXPECT_EQ(last_.resources, Allocated(R("cpus:1;mem:64"), "other"));
}

TEST_F(AllocatorTest, ConvertToMoreCopiesOfASharedVolume) {
  const Resources volume = SharedVolume("role", 100, "v1");
  AddFramework("f1", {"role"}, {FrameworkCapability::SHARED_RESOURCES});
  allocator_->AddAgent(Spec("s1", R("cpus:1") + volume), {});
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  allocator_->Suppress(FrameworkId("f1"), {});
  allocator_->Convert(FrameworkId("f1"), AgentId("s1"), {}, Allocated(volume, "role"));
  EXPECT_EQ(allocator_->total(), Q("cpus:1;disk:100"));
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;disk:100"));
  allocator_->Release(FrameworkId("f1"), AgentId("s1"), Allocated(volume, "role"), std::nullopt);
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1;disk:100"));
  allocator_->Release(FrameworkId("f1"), AgentId("s1"), Allocated(volume, "role"), std::nullopt);
  EXPECT_EQ(allocator_->allocated(), Q("cpus:1"));
}

TEST_F(AllocatorTest, ConvertFreeNeedsAllOfItFree) {
  AddFramework("f1", {"role"});
  AddFramework("f2", {"other"});
  AddAgent("s1", "cpus:2;mem:64", {{FrameworkId("f1"), Allocated(R("cpus:1"), "role")}});
  allocator_->Pause();
  const Status taken = allocator_->ConvertFree(AgentId("s1"), R("cpus:2"), R("cpus(other):2"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kConflict);
  EXPECT_FALSE(allocator_->ConvertFree(AgentId("nobody"), R("cpus:2"), R("cpus(other):2")));
  EXPECT_TRUE(
      allocator_->ConvertFree(AgentId("s1"), R("cpus:1;mem:64"), R("cpus(other):1;mem(other):64")));
  allocator_->Resume();
  EXPECT_EQ(TakeOne(), "s1 f2 other");
  EXPECT_EQ(last_.resources, Allocated(R("cpus(other):1;mem(other):64"), "other"));
}

// --- A run costs only what changed.

TEST_F(AllocatorTest, SettledAgentsAreNotVisited) {
  AddFramework("f1", {"role"});
  for (int i = 0; i < 10; ++i) AddAgent("s" + std::to_string(i), "cpus:1;mem:64");
  for (const Offer& offer : Take())
    Decline(offer, Refuse(offer.agent == AgentId("s3") ? 10 : 3600));
  Tick();
  EXPECT_EQ(allocator_->counters().agents_visited, 20u);
  EXPECT_TRUE(Take().empty());
  EXPECT_FALSE(clock_.Step() &&
               allocator_->counters().active_filters == 10);  // Steps to the end of the one filter.
  EXPECT_EQ(TakeOne(), "s3 f1 role");
  EXPECT_EQ(allocator_->counters().agents_visited, 21u);
}

TEST_F(AllocatorTest, IdleAllocatorHasNoTimer) {
  AddFramework("f1", {"role"});
  AddAgent("s1", "cpus:1;mem:64");
  EXPECT_EQ(TakeOne(), "s1 f1 role");
  EXPECT_FALSE(clock_.Step());
}

// --- Hostile agents.

TEST_F(AllocatorTest, TotalsMayExceed64Bits) {
  AddFramework("f1", {"role"});
  AddFramework("f2", {"other"});
  constexpr int kAgents = 10'000;
  for (int i = 0; i < kAgents; ++i) AddAgent("s" + std::to_string(i), "cpus:1e12;mem:100");
  EXPECT_EQ(Take().size(), size_t{kAgents});
  EXPECT_DOUBLE_EQ(allocator_->Roles().at("role").dominant_share, 0.5);
  EXPECT_EQ(allocator_->total(), allocator_->allocated());
  Check();
  for (int i = 0; i < kAgents; ++i) allocator_->RemoveAgent(AgentId("s" + std::to_string(i)));
  EXPECT_TRUE(allocator_->total().empty());
}

// The process numbers names of resources, and numbers are few: those of gone agents are used again.
TEST_F(AllocatorTest, NamesAreForgottenWithTheirAgents) {
  AddFramework("f1", {"role"});
  for (int round = 0; round < 700; ++round) {
    std::string total = "cpus:1";
    for (int i = 0; i < 100; ++i) total += fmt::format(";name-{}-{}:1", round, i);
    AddAgent("s", total);
    EXPECT_EQ(TakeOne(), "s f1 role");
    Decline(last_, Refuse(3600));
    last_ = {};
    allocator_->RemoveAgent(AgentId("s"));
  }
  const Result<ResourceName> next = ResourceName::Of("next");
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_LT(next->index(), 300);
}

}  // namespace
}  // namespace tepui::allocator
