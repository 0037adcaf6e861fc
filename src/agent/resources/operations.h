// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/resources/destroyed_volumes.h"
#include "agent/services/retry.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// The agent's total resources with their reservations and persistent volumes, and the operations
// that change them (reference 2.4). An operation takes effect at once and as a whole, including the
// volume's directory, or fails and changes nothing. If an operation asks for feedback, its outcome
// is sent again after 10 s, 20 s ... 10 min, while there is a master, until it is acknowledged. No
// outcome is sent before total and outcome are saved and the data of destroyed volumes is out of
// the way.
//
// A volume is destroyed even if its data could not be moved out of the way, because the resources
// are saved without the volume by then. Instead a CREATE in its place fails.
class Operations {
 public:
  using Forward = std::function<void(link::Call::OperationUpdate)>;

  // `diverged` is called when an operation failed that the master counts as done.
  Operations(const Services& services, Forward forward, std::function<void()> diverged);

  // Restores what was saved before the agent's restart. Fails if the saved reservations and volumes
  // do not fit the agent's present resources; with `drop_unfit` it drops those that do not fit.
  Status Restore(const Saved& saved, bool drop_unfit);
  // Continues to remove the data of destroyed volumes. Called after Restore, and before the agent
  // subscribes to a master.
  void ResumeDestroying(const Saved& saved);

  void Apply(const link::Event::ApplyOperation& operation, const AgentId& agent);
  void Acknowledge(const link::Event::OperationAcknowledgement& acknowledgement);
  // Removes the outcomes that are not acknowledged from the checkpoint, because the agent ends for
  // good.
  void Forget();
  // Sends the state of each operation in `asked`: its outcome, or DROPPED if it is not known.
  void Reconcile(const link::Event::ReconcileOperations& asked, const AgentId& agent);

  void Pause();
  void Resume();
  // Adds to a subscription the resources and the operations whose outcomes are not acknowledged.
  void Describe(link::Call::Subscribe& subscribe) const;

  const Resources& total() const { return total_; }
  // Returns false if one of `resources` is a dynamic reservation or a persistent volume that the
  // agent does not have.
  bool Has(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) const;
  const std::string& resource_version() const { return version_; }

 private:
  struct Record {
    explicit Record(Clock& clock) : retry(clock) {}
    v1::Operation operation;
    bool saved = false;  // It may be sent.
    Backoff backoff = RetryBackoff();
    Timer retry;
  };

  Resources DropWhatDoesNotFit(const Resources& made) const;
  Status Perform(const v1::Offer::Operation& operation);
  google::protobuf::RepeatedPtrField<v1::Resource> Made() const;
  Status MakeVolumes(const v1::Offer::Operation::Create& create);
  // Returns true if one of `resources` is a volume at `path`.
  bool IsVolume(const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                const std::string& path) const;
  // Returns the volumes of `destroy` whose data must be removed, since no volume of the total
  // shares it.
  std::vector<v1::Resource> Destroyed(const v1::Offer::Operation::Destroy& destroy) const;
  // Saves the outcome of an operation that did not change the resources, then sends it.
  void Finish(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
  // Does what Finish does for an operation that changed the resources; also saves the change.
  void FinishChange(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
  // Adds and returns the record of an outcome that is to be acknowledged. Returns null if the
  // operation does not ask for feedback.
  const v1::Operation* Keep(const link::Event::ApplyOperation& operation,
                            v1::OperationStatus& status);
  void SendWhenSaved(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
  void SendWhenSaved(const std::string& uuid);
  void Send(Record& record);

  const Services& services_;
  const Forward forward_;
  const std::function<void()> diverged_;
  Resources total_;
  std::string version_;  // 16 bytes.
  bool paused_ = true;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;  // By the operation's uuid.
  DestroyedVolumes destroyed_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
