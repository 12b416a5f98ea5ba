#include "inject/manifest.h"

#include <algorithm>
#include <array>
#include <optional>

#include "api/decoder.h"
#include "api/yaml.h"
#include "base/strings.h"
#include "inject/inject.h"
#include "inject/yaml_text.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

// Where a kind has its pod.
struct PodPath {
  std::string_view kind;
  std::array<std::string_view, 4> groups;  // that have this kind; an object without apiVersion is taken as well
  std::array<std::string_view, 4> steps;   // to the pod; none: it is one itself
};

constexpr std::array<PodPath, 10> kPodPaths = {{
    {"Pod", {}, {}},
    {"PodTemplate", {}, {"template"}},
    {"ReplicationController", {}, {"spec", "template"}},
    {"Deployment", {"apps", "extensions"}, {"spec", "template"}},
    {"ReplicaSet", {"apps", "extensions"}, {"spec", "template"}},
    {"DaemonSet", {"apps", "extensions"}, {"spec", "template"}},
    {"StatefulSet", {"apps"}, {"spec", "template"}},
    {"Job", {"batch", "extensions"}, {"spec", "template"}},
    {"CronJob", {"batch"}, {"spec", "jobTemplate", "spec", "template"}},
    {"DeploymentConfig", {"apps.openshift.io"}, {"spec", "template"}},
}};

const PodPath* podPathOf(const Json& object) {
  const auto kind = textAt(object, "kind");
  const auto version = textAt(object, "apiVersion");
  const auto slash = version.find('/');
  const auto group = slash == std::string::npos ? std::string{} : version.substr(0, slash);
  const auto found = std::find_if(kPodPaths.begin(), kPodPaths.end(), [&](const PodPath& path) {
    const bool listed = std::find(path.groups.begin(), path.groups.end(), group) != path.groups.end();
    return path.kind == kind && (group.empty() || listed);
  });
  return found == kPodPaths.end() ? nullptr : &*found;
}

struct Chunk {
  std::string_view text;  // with the line `---` that it begins with, if any
  std::size_t line;       // from 1
};

bool isMarker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) && (line.size() == marker.size() ||
                                      std::string_view(" \t\r").find(line[marker.size()]) != std::string_view::npos);
}

bool hasContent(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (isMarker(line, "---")) line.remove_prefix(3);
    line = trim(line);
    if (!line.empty() && line[0] != '#' && line[0] != '%' && line != "...") return true;
  }
  return false;
}

// A line that begins with --- ends a document, wherever it stands (YAML 1.2, 9.1.2).
std::vector<Chunk> splitDocuments(std::string_view text) {
  std::vector<Chunk> chunks;
  std::size_t begin = 0, line = 1, beginLine = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (at > begin && isMarker(text.substr(at, end - at), "---")) {
      chunks.push_back({text.substr(begin, at - begin), beginLine});
      begin = at;
      beginLine = line;
    }
    at = end + 1;
  }
  if (begin < text.size()) chunks.push_back({text.substr(begin), beginLine});
  return chunks;
}

std::string objectText(const Json& object) {
  const auto* metadata = member(object, "metadata");
  const auto ns = metadata == nullptr ? std::string{} : textAt(*metadata, "namespace");
  auto name = metadata == nullptr ? std::string{} : textAt(*metadata, "name");
  if (name.empty() && metadata != nullptr) name = textAt(*metadata, "generateName") + "*";
  return textAt(object, "kind") + " " + (ns.empty() ? "" : ns + "/") + name;
}

class ManifestInjector {
 public:
  ManifestInjector(std::string file, const Settings& settings, bool nativeSupported, const ProxyConfigs& proxyConfigs)
      : file_(std::move(file)), settings_(settings), nativeSupported_(nativeSupported), proxyConfigs_(proxyConfigs) {}

  Result<InjectedManifest> run(std::string_view text) {
    for (const auto& chunk : splitDocuments(text)) {
      if (auto done = document(chunk); !done) return tl::unexpected(done.error());
    }
    return std::move(result_);
  }

 private:
  Result<void> document(const Chunk& chunk) {
    if (!hasContent(chunk.text)) {
      result_.text += chunk.text;
      return {};
    }
    // Empty lines in front, so that every line has the number it has in the file.
    auto parsed = api::parseYaml(std::string(chunk.line - 1, '\n') + std::string(chunk.text),
                                 {.bytes = 64 * 1024 * 1024, .depth = 64, .nodes = 1'000'000});
    if (!parsed) return failure(file_ + ": no YAML or JSON: " + parsed.error().message);
    const auto before = result_.injected;
    for (auto& found : *parsed) {
      if (auto done = object(found.value, found.lines, found.line); !done) return done;
    }
    if (result_.injected == before) {
      result_.text += chunk.text;
    } else {
      write(chunk, *parsed);
    }
    return {};
  }

  void write(const Chunk& chunk, const std::vector<api::YamlDocument>& documents) {
    const auto firstLine = chunk.text.substr(0, chunk.text.find('\n'));
    const bool marked = isMarker(firstLine, "---");
    const auto body = trim(marked ? chunk.text.substr(3) : chunk.text);
    for (const auto& each : documents) {
      const bool first = &each == &documents.front();
      if (!result_.text.empty() && !result_.text.ends_with('\n')) result_.text += '\n';
      if (marked || !first) {
        // A comment beside the marker stays.
        const auto rest = trim(firstLine.substr(marked ? 3 : 0));
        result_.text += first && rest.starts_with('#') ? std::string(trim(firstLine)) + "\n" : "---\n";
      }
      result_.text += body.starts_with('{') ? each.value.dump(2) + "\n" : toYaml(each.value);
    }
  }

  Result<void> object(Json& object, const api::LineMap& lines, std::size_t line) {
    if (!object.is_object()) return {};
    auto* items = member(object, "items");
    if (textAt(object, "kind").ends_with("List") && items != nullptr && items->is_array()) {
      std::size_t index = 0;
      for (auto& item : *items) {
        const auto field = "items[" + std::to_string(index++) + "]";
        // As deep as the text is nested, which parseYaml() bounds.
        if (auto done = this->object(item, lines.at(field), lines.lineOf(field)); !done) return done;
      }
      return {};
    }
    const auto* path = podPathOf(object);
    return path == nullptr ? Result<void>() : pod(object, *path, lines, line);
  }

  Result<void> pod(Json& object, const PodPath& path, const api::LineMap& lines, std::size_t line) {
    const auto where = [&](std::size_t at) { return file_ + ":" + std::to_string(at) + ": " + objectText(object); };
    Json* pod = &object;
    std::string field;
    for (const auto step : path.steps) {
      if (step.empty()) break;
      field += (field.empty() ? "" : ".") + std::string(step);
      pod = member(*pod, step);
      if (pod == nullptr) {
        // A DeploymentConfig may be without; of any other kind the API server says it.
        result_.notes.push_back(where(line) + ": it has no " + field + "; it is left as it is");
        return {};
      }
    }
    if (!field.empty()) line = std::max(line, lines.lineOf(field));
    const auto* metadata = member(object, "metadata");
    Context context;
    context.selection.byHand = true;
    context.selection.ns = metadata == nullptr ? std::string{} : textAt(*metadata, "namespace");
    context.nativeSupported = nativeSupported_;
    context.proxyConfigs = proxyConfigs_;
    if (!field.empty()) {
      const auto name = metadata == nullptr ? std::string{} : textAt(*metadata, "name");
      context.workload = Workload{textAt(object, "apiVersion"), textAt(object, "kind"), name};
    }
    auto outcome = inject(*pod, settings_, context);
    if (!outcome) return tl::unexpected(outcome.error().within(where(line)));
    for (const auto& warning : outcome->warnings) result_.notes.push_back(where(line) + ": " + warning);
    if (!outcome->injected) {
      result_.notes.push_back(where(line) + ": not injected: " + outcome->reason);
      return {};
    }
    *pod = std::move(outcome->pod);
    ++result_.injected;
    return {};
  }

  const std::string file_;
  const Settings& settings_;
  const bool nativeSupported_;
  const ProxyConfigs& proxyConfigs_;
  InjectedManifest result_;
};

}  // namespace

Result<InjectedManifest> injectManifest(const std::string& file, std::string_view text, const Settings& settings,
                                        bool nativeSupported, const ProxyConfigs& proxyConfigs) {
  return ManifestInjector(file, settings, nativeSupported, proxyConfigs).run(text);
}

}  // namespace fairway::inject
