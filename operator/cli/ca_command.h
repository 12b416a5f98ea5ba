#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway ca`: the mesh's own root, rotated and cleared of its predecessors.
void addCa(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
