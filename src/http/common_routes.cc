#include "http/common_routes.h"

#include "http/json_writer.h"
#include "http/responses.h"
#include "http/v0_json.h"

namespace tepui::http {

void AddCommonRoutes(Router* router,
                     const std::vector<std::pair<std::string, std::string>>& flags) {
  router->Add("/health", "GET", [](net::Request, net::Url, net::Responder responder) {
    std::move(responder).Send(TextResponse(200, ""));
  });
  router->Add("/version", "GET", [](net::Request, net::Url url, net::Responder responder) {
    std::string json;
    JsonWriter writer(&json);
    writer.BeginObject();
    WriteBuild(&writer);
    writer.EndObject();
    std::move(responder).Send(JsonResponse(std::move(json), url));
  });
  router->Add("/flags", "GET", [&flags](net::Request, net::Url url, net::Responder responder) {
    std::string json;
    JsonWriter writer(&json);
    writer.BeginObject();
    writer.Key("flags");
    WriteFlags(flags, &writer);
    writer.EndObject();
    std::move(responder).Send(JsonResponse(std::move(json), url));
  });
}

}  // namespace tepui::http
