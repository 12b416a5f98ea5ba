#include "kube/unread.h"

#include <array>

namespace fairway::kube {

namespace {

constexpr std::array kAnnotations = {Unread{"kubectl.kubernetes.io/last-applied-configuration", {}}};
constexpr std::array kMeta = {Unread{"managedFields", {}}, Unread{"ownerReferences", {}}, Unread{"finalizers", {}},
                              Unread{"annotations", kAnnotations}};
// A pod's owner says which workload it is of.
constexpr std::array kPodMeta = {Unread{"managedFields", {}}, Unread{"finalizers", {}},
                                 Unread{"annotations", kAnnotations}};
constexpr std::array kContainer = {
    Unread{"args", {}},           Unread{"command", {}},       Unread{"env", {}},
    Unread{"envFrom", {}},        Unread{"lifecycle", {}},     Unread{"livenessProbe", {}},
    Unread{"readinessProbe", {}}, Unread{"resources", {}},     Unread{"securityContext", {}},
    Unread{"startupProbe", {}},   Unread{"volumeDevices", {}}, Unread{"volumeMounts", {}},
};
constexpr std::array kPodSpec = {
    Unread{"affinity", {}},        Unread{"containers", kContainer}, Unread{"initContainers", kContainer},
    Unread{"securityContext", {}}, Unread{"tolerations", {}},        Unread{"topologySpreadConstraints", {}},
    Unread{"volumes", {}}};
constexpr std::array kPodStatus = {Unread{"containerStatuses", {}}, Unread{"ephemeralContainerStatuses", {}},
                                   Unread{"initContainerStatuses", {}}, Unread{"resourceClaimStatuses", {}}};

constexpr std::array kPod = {Unread{"metadata", kPodMeta}, Unread{"spec", kPodSpec}, Unread{"status", kPodStatus}};
constexpr std::array kServiceStatus = {Unread{"conditions", {}}};
constexpr std::array kEntryStatus = {Unread{"observedGeneration", {}}};
constexpr std::array kEntry = {Unread{"metadata", kMeta}, Unread{"status", kEntryStatus}};
constexpr std::array kService = {Unread{"metadata", kMeta}, Unread{"status", kServiceStatus}};
constexpr std::array kBare = {Unread{"metadata", kMeta}, Unread{"spec", {}}, Unread{"status", {}}};
constexpr std::array kOther = {Unread{"metadata", kMeta}, Unread{"status", {}}};

}  // namespace

std::span<const Unread> unreadOf(api::Kind kind) {
  switch (kind) {
    case api::Kind::pod: return kPod;
    case api::Kind::service: return kService;
    case api::Kind::workload_entry: return kEntry;  // its health
    case api::Kind::namespace_:
    case api::Kind::node: return kBare;
    default: return kOther;
  }
}

}  // namespace fairway::kube
