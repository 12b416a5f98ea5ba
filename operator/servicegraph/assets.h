#pragma once

#include <span>
#include <string_view>

namespace fairway::servicegraph {

// A file of pages/, as it was when this was compiled.
struct Asset {
  std::string_view path;  // below pages/: "graph.css", "force/forcegraph.html"
  std::string_view content;
};
std::span<const Asset> assets();

}  // namespace fairway::servicegraph
