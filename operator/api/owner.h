#pragma once

#include <string>

#include "api/meta.h"

namespace fairway::api {

// What runs pods: "apps/v1", "Deployment", "reviews-v1".
struct Owner {
  std::string apiVersion, kind, name;
};

// The workload behind the controller of a pod with these labels: a Deployment behind a ReplicaSet, a CronJob behind a Job, a
// DeploymentConfig behind a ReplicationController; else the controller itself.
Owner workloadBehind(Owner controller, const Labels& labels);

}  // namespace fairway::api
