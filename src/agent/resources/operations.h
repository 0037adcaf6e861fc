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

// What the agent has: its total as reservations and persistent volumes have shaped it, and the
// operations that shape it (reference 2.4). An operation takes effect at once and whole, with the
// volume's directory, or fails and changes nothing. The outcome of one that wants feedback is sent
// until it is acknowledged: after 10 s, 20 s ... 10 min, while there is a master. Nothing is
// answered before total and outcome are saved, and the data of destroyed volumes is out of the way.
//
// A volume whose data could not be got out of the way is destroyed all the same, for the resources
// are saved without it; what fails is the CREATE in its place.
class Operations {
 public:
  using Forward = std::function<void(link::Call::OperationUpdate)>;

  // `diverged` is called when an operation failed that the master has counted as done.
  Operations(const Services& services, Forward forward, std::function<void()> diverged);

  // What was saved, after the agent's restart. Fails if it is no part of the resources of today,
  // or with `give_up` goes on without what is not.
  Status Restore(const Saved& saved, bool give_up);
  // Goes on with the data of destroyed volumes. After the above, and before a master is met.
  void ResumeDestroying(const Saved& saved);

  void Apply(const link::Event::ApplyOperation& operation, const AgentId& agent);
  void Acknowledge(const link::Event::OperationAcknowledgement& acknowledgement);
  // The agent ends for good: outcomes that wait to be acknowledged are removed from the checkpoint.
  void Forget();
  // Answers for each: how it stands, or DROPPED.
  void Reconcile(const link::Event::ReconcileOperations& asked, const AgentId& agent);

  void Pause();
  void Resume();
  // Completes a subscription with the resources and the operations that wait to be acknowledged.
  void Describe(link::Call::Subscribe& subscribe) const;

  const Resources& total() const { return total_; }
  // False if one of them is a dynamic reservation or a persistent volume that the agent does not
  // have.
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

  Resources GiveUpWhatDoesNotFit(const Resources& made) const;
  Status Perform(const v1::Offer::Operation& operation);
  google::protobuf::RepeatedPtrField<v1::Resource> Made() const;
  Status MakeVolumes(const v1::Offer::Operation::Create& create);
  // Whether data of one of these lies there.
  bool IsVolume(const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                const std::string& path) const;
  // Those of them whose data goes, now that they are no part of the total.
  std::vector<v1::Resource> Destroyed(const v1::Offer::Operation::Destroy& destroy) const;
  // Saves the outcome of what left the resources as they were; then tells it.
  void Finish(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
  // The same of what changed them, with the change.
  void FinishChange(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
  // The record of an outcome that is to be acknowledged; null if nobody asked for that.
  const v1::Operation* Keep(const link::Event::ApplyOperation& operation,
                            v1::OperationStatus& status);
  void TellWhenSaved(const link::Event::ApplyOperation& operation, v1::OperationStatus status);
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
