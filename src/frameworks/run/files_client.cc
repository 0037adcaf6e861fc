// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/files_client.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

namespace tepui::frameworks {

Result<OutputTail::Piece> ParsePiece(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(json.data(), json.size()), error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  const boost::json::value* offset = object == nullptr ? nullptr : object->if_contains("offset");
  const boost::json::value* data = object == nullptr ? nullptr : object->if_contains("data");
  if (offset == nullptr || data == nullptr || !data->is_string()) {
    return Fail(Code::kInvalid, "the agent's answer is not of the form {{\"offset\", \"data\"}}");
  }
  const uint64_t number = offset->to_number<uint64_t>(error);
  if (error) return Fail(Code::kInvalid, "the agent's answer has no valid offset");
  return OutputTail::Piece{
      .offset = number, .data = std::string(data->get_string().data(), data->get_string().size())};
}

void FilesClient::Read(const Endpoint& agent, const std::string& path, int64_t offset,
                       uint64_t length, OutputTail::ReadCallback callback) {
  const std::string address = ToString(agent);
  std::unique_ptr<net::Client>& client = clients_[address];
  if (client == nullptr) {
    client = std::make_unique<net::Client>(threads_, agent, net::Client::Options{});
  }
  net::Request request;
  request.target = fmt::format("/files/read?path={}&offset={}", net::PercentEncode(path), offset);
  if (offset >= 0) request.target += fmt::format("&length={}", length);
  request.headers.Set("Host", address);
  client->Send(std::move(request),
               [this, callback = std::move(callback)](Result<net::Response> response) mutable {
                 Result<OutputTail::Piece> piece =
                     !response                 ? Result<OutputTail::Piece>(Fail(response.error()))
                     : response->status != 200 ? Fail(Code::kNotFound, "the agent answered {}: {}",
                                                      response->status, response->body)
                                               : ParsePiece(response->body);
                 loop_.Post([callback = std::move(callback), piece = std::move(piece)]() mutable {
                   callback(std::move(piece));
                 });
               });
}

}  // namespace tepui::frameworks
