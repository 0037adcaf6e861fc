// SPDX-License-Identifier: Apache-2.0
#include "api/v0/common_routes.h"

#include "api/v0/v0_json.h"
#include "web/json_writer.h"
#include "web/responses.h"

namespace tepui::api {

void AddCommonRoutes(web::Router* router,
                     const std::vector<std::pair<std::string, std::string>>& flags) {
  router->Add("/health", "GET", [](const web::Incoming&, net::Responder responder) {
    std::move(responder).Send(web::TextResponse(200, ""));
  });
  router->Add("/version", "GET", [](const web::Incoming& incoming, net::Responder responder) {
    std::string json;
    web::JsonWriter writer(&json);
    writer.BeginObject();
    WriteBuild(&writer);
    writer.EndObject();
    std::move(responder).Send(web::JsonResponse(std::move(json), incoming.url));
  });
  router->Add("/flags", "GET", [&flags](const web::Incoming& incoming, net::Responder responder) {
    std::string json;
    web::JsonWriter writer(&json);
    writer.BeginObject();
    writer.Key("flags");
    WriteFlags(flags, &writer);
    writer.EndObject();
    std::move(responder).Send(web::JsonResponse(std::move(json), incoming.url));
  });
}

}  // namespace tepui::api
