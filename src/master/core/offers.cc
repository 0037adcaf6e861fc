// SPDX-License-Identifier: Apache-2.0
// Offers are made from the allocator's output, returned and rescinded here (reference 2.3).

#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/planted_fault.h"
#include "master/core/master_impl.h"
#include "master/rules/resource_form.h"

namespace tepui::master {

namespace {

// Writes the resources to the offer in the form that the framework's capabilities require, without
// fields that only matter to agents.
void Show(const Framework& framework, const Resources& resources, v1::Offer* offer) {
  if (!framework.reservation_refinement) {
    offer->clear_resources();
    resources.ToProto(offer->mutable_resources(), Resources::Format::kPreReservationRefinement);
  }
  if (!framework.multi_role) {
    offer->clear_allocation_info();
    ClearAllocation(offer->mutable_resources());
  }
  ResourceList* list = offer->mutable_resources();
  for (int i = list->size() - 1; i >= 0; --i) {
    if (list->Get(i).name() == "ephemeral_ports") list->DeleteSubrange(i, 1);
  }
}

}  // namespace

void Master::Impl::OnAllocation(std::vector<allocator::Offer> allocation) {
  // One event for each framework, in the order of the allocation.
  std::vector<std::pair<Framework*, std::shared_ptr<SchedulerEvent>>> events;
  std::unordered_map<Framework*, size_t> places;
  for (allocator::Offer& offer : allocation) {
    Framework* framework = FindFramework(offer.framework);
    const auto found = agents_.find(offer.agent);
    Agent* agent = found == agents_.end() ? nullptr : found->second.get();
    if (!MayOffer(framework, agent)) {
      allocator_.Release(offer.framework, offer.agent, offer.resources, std::nullopt);
      continue;
    }
    if (options_.max_executors_per_agent &&
        agent->executors.size() >= static_cast<size_t>(*options_.max_executors_per_agent)) {
      // The default filter delays the next offer: the agent is full until an executor ends.
      allocator_.Release(offer.framework, offer.agent, offer.resources, v1::Filters());
      continue;
    }
    const auto [place, first] = places.emplace(framework, events.size());
    if (first) {
      events.emplace_back(framework, std::make_shared<SchedulerEvent>())
          .second->set_type(SchedulerEvent::OFFERS);
    }
    AddOffer(*framework, *agent, std::move(offer), events[place->second].second->mutable_offers());
  }
  for (auto& [framework, event] : events) {
    framework->counters.offers_sent += event->offers().offers_size();
    Send(*framework, std::move(event));
  }
}

// The allocator's view may be a turn behind: the framework or the agent may have left since.
bool Master::Impl::MayOffer(const Framework* framework, const Agent* agent) const {
  return framework != nullptr && framework->active && agent != nullptr && agent->connected &&
         !membership_.IsLeaving(agent->id);
}

void Master::Impl::AddOffer(Framework& framework, Agent& agent, allocator::Offer&& allocation,
                            SchedulerEvent::Offers* out) {
  OfferId id(fmt::format("{}-O{}", options_.info.id(), next_offer_++));
  auto message = std::make_shared<v1::Offer>();
  message->mutable_id()->set_value(id.value());
  message->mutable_framework_id()->set_value(framework.id.value());
  message->mutable_agent_id()->set_value(agent.id.value());
  message->set_hostname(agent.info.hostname());
  message->mutable_url()->set_scheme("http");
  *message->mutable_url()->mutable_address() = agent.address;
  message->mutable_url()->set_path("/slave(1)");
  if (agent.info.has_domain()) *message->mutable_domain() = agent.info.domain();
  allocation.resources.ToProto(message->mutable_resources());
  *message->mutable_attributes() = agent.info.attributes();
  for (auto it = agent.executors.lower_bound({framework.id, ExecutorId()});
       it != agent.executors.end() && it->first.first == framework.id; ++it) {
    message->add_executor_ids()->set_value(it->first.second.value());
  }
  message->mutable_allocation_info()->set_role(allocation.role);

  v1::Offer* shown = out->add_offers();
  *shown = *message;
  Show(framework, allocation.resources, shown);

  auto offer = std::make_unique<Offer>(clock_);
  offer->id = id;
  offer->framework = &framework;
  offer->agent = &agent;
  offer->role = std::move(allocation.role);
  offer->resources = std::move(allocation.resources);
  offer->message = std::move(message);
  if (options_.offer_timeout) {
    offer->timeout.Set(*options_.offer_timeout,
                       [this, offer = offer.get()] { RescindOffer(*offer); });
  }
  framework.offers.insert(offer.get());
  agent.offers.insert(offer.get());
  offers_.emplace(std::move(id), std::move(offer));
  publisher_.FrameworkTouched(framework);
  publisher_.AgentTouched(agent);
}

void Master::Impl::EraseOffer(Offer& offer) {
  offer.framework->offers.erase(&offer);
  offer.agent->offers.erase(&offer);
  publisher_.FrameworkTouched(*offer.framework);
  publisher_.AgentTouched(*offer.agent);
  const OfferId id = offer.id;
  offers_.erase(id);
}

void Master::Impl::ReturnOffer(Offer& offer, const std::optional<v1::Filters>& filters) {
  allocator_.Release(offer.framework->id, offer.agent->id, offer.resources, filters);
  EraseOffer(offer);
}

void Master::Impl::RescindOffer(Offer& offer) {
  if (TEPUI_PLANTED_FAULT("rescind-not-told")) return ReturnOffer(offer, std::nullopt);
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::RESCIND);
  event->mutable_rescind()->mutable_offer_id()->set_value(offer.id.value());
  ++offer.framework->counters.offers_rescinded;
  Send(*offer.framework, std::move(event));
  if (TEPUI_PLANTED_FAULT("rescinded-offer-stands") && offer.agent->connected) return;
  ReturnOffer(offer, std::nullopt);
}

void Master::Impl::RescindOffers(Agent& agent) {
  const std::vector<Offer*> offers(agent.offers.begin(), agent.offers.end());
  for (Offer* offer : offers) RescindOffer(*offer);
}

Result<std::vector<Offer*>> Master::Impl::OffersToAccept(const Framework& framework,
                                                         const SchedulerCall::Accept& accept) {
  if (accept.offer_ids().empty()) return Fail(Code::kInvalid, "No offers specified");
  std::vector<Offer*> offers;
  std::unordered_set<std::string> seen;
  for (const v1::OfferID& id : accept.offer_ids()) {
    if (!seen.insert(id.value()).second) {
      return Fail(Code::kInvalid, "Offer {} is listed more than once", id.value());
    }
    const auto it = offers_.find(OfferId(id.value()));
    // An offer of another framework gets the same error as an unknown one.
    if (it == offers_.end() || it->second->framework != &framework) {
      return Fail(Code::kInvalid, "Offer {} is no longer valid", id.value());
    }
    Offer& offer = *it->second;
    if (!offers.empty() && offer.role != offers.front()->role) {
      return Fail(Code::kInvalid,
                  "Offers accepted together must be for one role; offer {} is for '{}', offer {} "
                  "is for '{}'",
                  id.value(), offer.role, offers.front()->id, offers.front()->role);
    }
    if (!offers.empty() && offer.agent != offers.front()->agent) {
      return Fail(Code::kInvalid,
                  "Offers accepted together must be from one agent; offer {} is from {}, offer {} "
                  "is from {}",
                  id.value(), offer.agent->id, offers.front()->id, offers.front()->agent->id);
    }
    offers.push_back(&offer);
  }
  return offers;
}

void Master::Impl::Decline(Framework& framework, const SchedulerCall::Decline& decline) {
  Count(Counter::kMessagesDeclineOffers);
  for (const v1::OfferID& id : decline.offer_ids()) {
    const auto it = offers_.find(OfferId(id.value()));
    // Such an offer was usually rescinded meanwhile.
    if (it == offers_.end() || it->second->framework != &framework) continue;
    ReturnOffer(*it->second, decline.filters());
    ++framework.counters.offers_declined;
  }
}

// This master does not schedule maintenance yet, so no inverse offer is outstanding and every
// answer names a stale one.
void Master::Impl::AnswerInverseOffers(Framework& framework, std::string_view call,
                                       const google::protobuf::RepeatedPtrField<v1::OfferID>& ids) {
  for (const v1::OfferID& id : ids) {
    Drop(framework, call, fmt::format("inverse offer {} is no longer valid", id.value()));
  }
}

}  // namespace tepui::master
