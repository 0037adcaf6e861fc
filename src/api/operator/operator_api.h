// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <algorithm>
#include <expected>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.h"
#include "net/http.h"
#include "security/caller.h"
#include "web/responses.h"
#include "wire/content_type.h"

namespace tepui::api {

// Calls of operators, POST /api/v1 of master and agent (reference 1.4, 1.5): how a request
// becomes an answer. The calls that are served are a table of entries, with a file for each
// subject. An `Api` (MasterApi, AgentApi) names the messages and what a call works with, and finds
// the entry of a call. Pure functions without threads.

inline constexpr std::string_view kOperatorPath = "/api/v1";

template <class Api>
struct OperatorCall {
  security::Caller caller;
  Api::Call call;
  wire::ContentType accept = wire::ContentType::kJson;  // How the answer is encoded.
};

// One call that is served.
template <class Api>
struct OperatorEntry {
  // Reads run with the view on the thread of readers, and delay nothing else.
  using Read = Result<typename Api::Response> (*)(const OperatorCall<Api>&,
                                                  const typename Api::View&);
  // Changes run with the core on its thread, and may answer later. A success without a response has
  // no body.
  using Answer = Result<std::optional<typename Api::Response>>;
  using Reply = std::move_only_function<void(Answer)>;
  using Change = void (*)(const OperatorCall<Api>&, typename Api::Core&, Reply);

  Api::Call::Type type;
  // Decides whether the caller may make this call; an error is the answer. Runs on an I/O thread.
  Status (*authorize)(const security::Caller&, const typename Api::Call&);
  std::variant<Read, Change> handler;
};

// Finds the entry of a type in the tables; null if there is none.
template <class Api>
const OperatorEntry<Api>* FindEntry(
    std::initializer_list<std::span<const OperatorEntry<Api>>> tables,
    typename Api::Call::Type type) {
  for (const auto& table : tables) {
    const auto found = std::ranges::find(table, type, &OperatorEntry<Api>::type);
    if (found != table.end()) return &*found;
  }
  return nullptr;
}

// The `authorize` of every entry while there is no authorization.
template <class Api>
Status EverybodyMay(const security::Caller&, const typename Api::Call&) {
  return {};
}

// Turns the reply of a call without a response into one that a core takes.
template <class Api>
std::move_only_function<void(Status)> WithoutBody(typename OperatorEntry<Api>::Reply reply) {
  return [reply = std::move(reply)](Status status) mutable {
    if (!status) return reply(Fail(status.error()));
    reply(std::nullopt);
  };
}

// Reads the body into `call`, which must have a type and the field that goes with it, and returns
// how to encode the answer. An error is the complete response.
std::expected<wire::ContentType, net::Response> ReadCall(const net::Request& request,
                                                         google::protobuf::Message* call);

// 200 with the message as its body.
net::Response EncodedResponse(const google::protobuf::Message& message, wire::ContentType type);

// The answer to a valid call that no entry serves. `server` is "master" or "agent".
net::Response NotServed(std::string_view call_type, std::string_view server);

// A call that is served, and that its caller may make. It runs exactly once: Read if it reads, else
// Change.
template <class Api>
class AdmittedCall {
 public:
  AdmittedCall(const OperatorEntry<Api>& entry, OperatorCall<Api> call)
      : entry_(entry), call_(std::move(call)) {}

  const Api::Call& call() const { return call_.call; }
  bool reads() const { return std::holds_alternative<typename Entry::Read>(entry_.handler); }

  net::Response Read(const typename Api::View& view) const {
    return Respond(std::get<typename Entry::Read>(entry_.handler)(call_, view), call_.accept);
  }
  // `done` is called on the core's thread.
  void Change(typename Api::Core& core, std::move_only_function<void(net::Response)> done) const {
    std::get<typename Entry::Change>(entry_.handler)(
        call_, core,
        [accept = call_.accept, done = std::move(done)](typename Entry::Answer answer) mutable {
          done(Respond(answer, accept));
        });
  }

 private:
  using Entry = OperatorEntry<Api>;

  static net::Response Respond(const typename Entry::Answer& answer, wire::ContentType accept) {
    if (!answer) return web::ErrorResponse(answer.error());
    return *answer ? EncodedResponse(**answer, accept) : web::TextResponse(200, "");
  }

  const Entry& entry_;
  OperatorCall<Api> call_;
};

// An error is the complete response.
template <class Api>
using Admission = std::expected<AdmittedCall<Api>, net::Response>;

// Finds the entry of `call` and asks it whether the caller may.
template <class Api>
Admission<Api> Admit(OperatorCall<Api> call) {
  const OperatorEntry<Api>* entry = Api::Find(call.call.type());
  if (entry == nullptr) {
    return std::unexpected(NotServed(Api::Call::Type_Name(call.call.type()), Api::kServer));
  }
  if (Status may = entry->authorize(call.caller, call.call); !may) {
    return std::unexpected(web::ErrorResponse(may.error()));
  }
  return AdmittedCall<Api>(*entry, std::move(call));
}

// The whole way of a request to /api/v1 before its call runs.
template <class Api>
Admission<Api> AdmitRequest(const net::Request& request, security::Caller caller) {
  OperatorCall<Api> call{.caller = std::move(caller), .call = {}};
  auto accept = ReadCall(request, &call.call);
  if (!accept) return std::unexpected(std::move(accept.error()));
  call.accept = *accept;
  return Admit(std::move(call));
}

}  // namespace tepui::api
