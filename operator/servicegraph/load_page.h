#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "servicegraph/builder.h"

// The page /edges of a control plane: what its proxies' load reports say, between the control plane, which writes it, and the
// service graph, which reads it.
namespace fairway::servicegraph {

struct LoadPage {
  struct Proxy {
    Node node;
    std::string address;  // IP address of the pod, where the agent serves merged metrics
    bool operator==(const Proxy&) const = default;
  };
  double seconds = 0;  // that the reports are of; at most what was asked for
  std::vector<LoadEdge> edges;
  std::vector<Proxy> proxies;
  std::size_t refused = 0;  // reports for which there was no room
};

std::string loadPageJson(const LoadPage& page);
// Failure: it is no such page. Of more than some thousand edges and proxies the rest is left out.
Result<LoadPage> parseLoadPage(std::string_view text);

}  // namespace fairway::servicegraph
