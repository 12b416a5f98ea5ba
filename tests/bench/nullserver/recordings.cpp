#include "recordings.h"

#include <fstream>
#include <stdexcept>

namespace nullserver {
namespace {

constexpr std::string_view kEndpointUrl = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

void append(std::string& out, int field, std::string_view text) {
  out += static_cast<char>(field << 3 | 2);
  for (auto size = text.size();; size >>= 7) {
    out += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
    if (size <= 0x7f) break;
  }
  out += text;
}

}  // namespace

Recordings<std::string> loadRecordings(const std::string& file) {
  Recordings<std::string> recordings;
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file);
  std::string url, size;
  while (std::getline(in, url) && std::getline(in, size)) {
    std::string bytes(std::stoul(size), '\0');
    if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
      throw std::runtime_error(file + " ends within a response of " + url);
    }
    auto found =
        std::find_if(recordings.begin(), recordings.end(), [&](const auto& each) { return each.first == url; });
    if (found == recordings.end()) found = recordings.insert(recordings.end(), {url, {}});
    found->second.push_back(std::move(bytes));
  }
  return recordings;
}

std::string removal(std::size_t size, const std::string& marker) {
  std::string out;
  append(out, 4, kEndpointUrl);
  append(out, 5, "null");
  const auto rest = out.size() + marker.size() + 3;
  append(out, 6, marker + std::string(size > rest ? size - rest : 0, 'x'));
  return out;
}

}  // namespace nullserver
