#pragma once

#include <string>
#include <vector>

#include "control/writes.h"
#include "kube/mirror.h"

// The caBundle by which the API server trusts our webhooks. Pure.
namespace fairway::control {

enum class WebhookKind { mutating, validating };

// The resource in admissionregistration.k8s.io/v1.
kube::Resource webhookResource(WebhookKind kind);

// "<base>" for revision "default", else "<base>-<revision>".
std::string revisioned(const std::string& base, const std::string& revision);

// What a Mirror keeps of a webhook configuration of this revision; null for those of others. Ours are, by name,
// `istio-sidecar-injector[-<revision>]` and `istio-validator[-<revision>]`; and, so that tags of a revision work, the
// mutating ones with the labels `app: sidecar-injector` and `istio.io/rev: <revision>`.
// {"resourceVersion": ..., "webhooks": [{"name": ..., "caBundle": ...}]}
nlohmann::json keepWebhooks(WebhookKind kind, const std::string& revision, const nlohmann::json& object);

// Patches for all webhooks whose caBundle is not the roots; those with a URL of their own are left alone.
std::vector<Write> webhookWrites(WebhookKind kind, const kube::Mirror::Objects& configurations,
                                 const std::string& rootsPem);

}  // namespace fairway::control
