#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/meta.h"
#include "console/http_server.h"

namespace fairway::cli {

// What the answers to admission reviews are made of. Called on the webhook server's thread.
struct WebhookInputs {
  std::string injectionConfig;  // the file of --injection-config; empty: none
  std::string revision;         // "default" or a name
  // The labels of a namespace; nothing while it is not known here.
  std::function<std::optional<api::Labels>(const std::string& ns)> namespaceLabels;
};

// Answers one request to the webhook's port.
console::Response answerWebhook(const WebhookInputs& inputs, const console::Request& request);

}  // namespace fairway::cli
