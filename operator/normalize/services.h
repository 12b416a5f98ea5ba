#pragma once

#include <vector>

#include "normalize/internal_queries.h"
#include "normalize/queries.h"

// Services and pods of Kubernetes as hosts and workloads of the mesh.
namespace fairway::normalize {

ServiceOf::Value serviceOf(store::View& view, const ServiceOf& query);
WorkloadOf::Value workloadOf(store::View& view, const WorkloadOf& query);
WorkloadServices::Value workloadServices(store::View& view, const WorkloadServices& query);
InboundPortsOf::Value inboundPortsOf(store::View& view, const InboundPortsOf& query);
NamedPortsOf::Value namedPortsOf(store::View& view, const NamedPortsOf& query);

// Region and zone of a node, as Kubernetes' and Istio's topology labels tell; empty if there is no such node.
model::Locality nodeLocality(store::View& view, std::string_view node);

// The workload ports that a service port's targetPort (number or name) stands for on workloads with these labels.
std::vector<std::uint32_t> workloadPorts(store::View& view, const std::string& targetPort, const std::string& ns,
                                         const model::Labels& labels);

}  // namespace fairway::normalize
