// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/checkpoint_invariants.h"

#include "sim/invariants/invariants_testing.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct CheckpointInvariantsTest : ::testing::Test {
  void Run(const std::string& task, bool checkpoint) {
    link::Event event;
    event.set_type(link::Event::RUN_TASK);
    event.mutable_run_task()->mutable_framework_info()->set_checkpoint(checkpoint);
    event.mutable_run_task()->mutable_task()->mutable_task_id()->set_value(task);
    checkpoints.OnAgentEvent("agent-0", event);
  }
  void SaveStatus(const v1::TaskStatus& status, const std::string& host = "agent-0") {
    checkpoint::Status record;
    *record.mutable_status() = status;
    checkpoints.OnSaved(host, "statuses/c/1/1", record.SerializeAsString());
  }
  void SaveTask(const std::string& task) {
    checkpoint::Task record;
    record.mutable_info()->mutable_task_id()->set_value(task);
    record.mutable_info()->set_name(task);
    record.mutable_info()->mutable_agent_id()->set_value("a");
    checkpoints.OnSaved("agent-0", "tasks/c/1", record.SerializeAsString());
  }
  void Tell(const v1::TaskStatus& status) {
    link::Call call;
    call.set_type(link::Call::STATUS_UPDATE);
    *call.mutable_status_update()->mutable_status() = status;
    checkpoints.OnAgentSends("agent-0", call);
  }

  static v1::Resource Volume(const std::string& id) {
    v1::Resource volume;
    volume.set_name("disk");
    volume.set_type(v1::Value::SCALAR);
    volume.mutable_scalar()->set_value(1);
    volume.mutable_disk()->mutable_persistence()->set_id(id);
    return volume;
  }
  void Ask(const std::string& uuid, v1::Offer::Operation::Type type, const std::string& volume) {
    link::Event event;
    event.set_type(link::Event::APPLY_OPERATION);
    event.mutable_apply_operation()->set_operation_uuid(uuid);
    v1::Offer::Operation& operation = *event.mutable_apply_operation()->mutable_info();
    operation.set_type(type);
    *(type == v1::Offer::Operation::CREATE ? operation.mutable_create()->add_volumes()
                                           : operation.mutable_destroy()->add_volumes()) =
        Volume(volume);
    checkpoints.OnAgentEvent("agent-0", event);
  }
  void SaveVolumes(const std::vector<std::string>& ids) {
    checkpoint::Resources record;
    for (const std::string& id : ids) *record.add_resources() = Volume(id);
    checkpoints.OnSaved("agent-0", "resources", record.SerializeAsString());
  }
  void SaveOutcome(const std::string& uuid) {
    checkpoint::Operation record;
    record.mutable_operation()->mutable_uuid()->set_value(uuid);
    record.mutable_operation()->mutable_info();
    record.mutable_operation()->mutable_latest_status()->set_state(v1::OPERATION_FINISHED);
    checkpoints.OnSaved("agent-0", "operations/x", record.SerializeAsString());
  }
  void TellOutcome(const std::string& uuid, bool wants_feedback = false) {
    link::Call call;
    call.set_type(link::Call::OPERATION_UPDATE);
    call.mutable_operation_update()->set_operation_uuid(uuid);
    v1::OperationStatus& status = *call.mutable_operation_update()->mutable_status();
    status.set_state(v1::OPERATION_FINISHED);
    if (wants_feedback) status.mutable_uuid()->set_value("u");
    checkpoints.OnAgentSends("agent-0", call);
  }

  World world{1, /*keep_trace=*/false};
  Findings findings{world};
  CheckpointInvariants checkpoints{findings};
};

TEST_F(CheckpointInvariantsTest, StatusesOfCheckpointedTasksAreSavedFirst) {
  Run("t", /*checkpoint=*/true);
  Run("u", /*checkpoint=*/false);
  SaveStatus(StatusOf("t", v1::TASK_RUNNING, "1"));
  Tell(StatusOf("t", v1::TASK_RUNNING, "1"));
  Tell(StatusOf("u", v1::TASK_RUNNING, "2"));
  v1::TaskStatus dropped = StatusOf("t", v1::TASK_DROPPED, "3");
  dropped.set_source(v1::TaskStatus::SOURCE_AGENT);
  Tell(dropped);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  SaveStatus(StatusOf("t", v1::TASK_FINISHED, "4"), "agent-1");
  Tell(StatusOf("t", v1::TASK_FINISHED, "4"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("saved-first"));
}

TEST_F(CheckpointInvariantsTest, CheckpointedTasksAreSavedBeforeTheyRun) {
  Run("t", /*checkpoint=*/true);
  Run("u", /*checkpoint=*/false);
  Run("v", /*checkpoint=*/true);
  SaveTask("t");
  checkpoints.OnProgramStarted("agent-0", "t");
  checkpoints.OnProgramStarted("agent-0", "u");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  checkpoints.OnProgramStarted("agent-0", "v");
  EXPECT_THAT(NamesOf(findings), ElementsAre("saved-before-run"));
}

TEST_F(CheckpointInvariantsTest, NobodySaysThatWhatRanNeverDid) {
  Run("t", /*checkpoint=*/true);
  SaveTask("t");
  v1::TaskStatus failed = StatusOf("t", v1::TASK_FAILED, "1");
  failed.set_reason(v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  SaveStatus(failed);
  Tell(failed);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  checkpoints.OnProgramStarted("agent-0", "t");
  Tell(failed);
  EXPECT_THAT(NamesOf(findings), ElementsAre("saved-before-run"));
}

TEST_F(CheckpointInvariantsTest, VolumesAreMadeAndDestroyedOnDiskFirst) {
  Ask("1", v1::Offer::Operation::CREATE, "v");
  SaveVolumes({"v"});
  TellOutcome("1");
  Ask("2", v1::Offer::Operation::DESTROY, "v");
  SaveVolumes({});
  TellOutcome("2");
  Ask("3", v1::Offer::Operation::CREATE, "brief");
  Ask("4", v1::Offer::Operation::DESTROY, "brief");
  TellOutcome("3");
  TellOutcome("4");
  EXPECT_THAT(NamesOf(findings), IsEmpty());

  Ask("5", v1::Offer::Operation::CREATE, "w");
  TellOutcome("5");
  EXPECT_THAT(NamesOf(findings), SizeIs(1));
  SaveVolumes({"w"});
  Ask("6", v1::Offer::Operation::DESTROY, "w");
  TellOutcome("6");
  EXPECT_THAT(NamesOf(findings), ElementsAre("saved-first", "saved-first"));
}

TEST_F(CheckpointInvariantsTest, OutcomesThatAreToBeAcknowledgedAreSavedFirst) {
  SaveOutcome("1");
  TellOutcome("1", /*wants_feedback=*/true);
  TellOutcome("2");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  TellOutcome("3", /*wants_feedback=*/true);
  EXPECT_THAT(NamesOf(findings), ElementsAre("saved-first"));
}

}  // namespace
}  // namespace tepui::sim
