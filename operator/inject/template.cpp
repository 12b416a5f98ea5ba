#include "inject/template.h"

#include <optional>
#include <vector>

#include "api/decoder.h"
#include "api/field_path.h"
#include "api/yaml.h"
#include "base/strings.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

struct Placeholder {
  std::vector<std::string> path;
  std::optional<std::string> fallback;
};

constexpr const char* kForms =
    R"(expected {{ .Path.To.Value }} or {{ index .Path.To.Mapping "key" }}, with | default "text" after it if wanted)";

// A text between double quotes, without escapes.
std::optional<std::string> inQuotes(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (text.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
  return std::string(text);
}

std::optional<std::vector<std::string>> dotted(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('.') || text.size() < 2) return std::nullopt;
  auto steps = split(text.substr(1), '.');
  for (const auto& step : steps) {
    if (step.empty() || step.find_first_of(" \t\"'()|") != std::string::npos) return std::nullopt;
  }
  return steps;
}

std::optional<Placeholder> parse(std::string_view text) {
  Placeholder result;
  const auto bar = text.find('|');
  if (bar != std::string_view::npos) {
    auto pipe = trim(text.substr(bar + 1));
    constexpr std::string_view kDefault = "default ";
    if (!pipe.starts_with(kDefault)) return std::nullopt;
    result.fallback = inQuotes(pipe.substr(kDefault.size()));
    if (!result.fallback) return std::nullopt;
  }
  auto expression = trim(text.substr(0, bar));
  constexpr std::string_view kIndex = "index ";
  std::optional<std::string> key;
  if (expression.starts_with(kIndex)) {
    expression = trim(expression.substr(kIndex.size()));
    const auto quote = expression.find('"');
    if (quote == std::string_view::npos) return std::nullopt;
    key = inQuotes(expression.substr(quote));
    if (!key) return std::nullopt;
    expression = expression.substr(0, quote);
  }
  auto path = dotted(expression);
  if (!path) return std::nullopt;
  result.path = std::move(*path);
  if (key) result.path.push_back(std::move(*key));
  return result;
}

std::string namesIn(const Json& object, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(prefix + key);
  return names.empty() ? "nothing" : join(names, ", ");
}

class Renderer {
 public:
  Renderer(const Json& context, bool anyPod) : context_(context), anyPod_(anyPod) {}

  Result<Json> render(const Json& value, const std::string& field) {
    if (value.is_string()) return text(value.get_ref<const std::string&>(), field);
    if (!value.is_structured()) return value;
    Json result = value;
    std::size_t index = 0;
    for (auto& [key, item] : result.items()) {
      const auto at = value.is_array() ? api::fieldPath(field, index++) : api::fieldPath(field, key);
      if (value.is_object() && key.find("{{") != std::string::npos) {
        return failure(at + ": found a placeholder in a key, expected placeholders in values only");
      }
      auto rendered = render(item, at);
      if (!rendered) return rendered;
      item = std::move(*rendered);
    }
    return result;
  }

 private:
  Result<Json> text(const std::string& whole, const std::string& field) {
    std::string result;
    std::size_t at = 0;
    for (;;) {
      const auto begin = whole.find("{{", at);
      result += whole.substr(at, begin - at);
      if (begin == std::string::npos) return Json(result);
      const auto end = whole.find("}}", begin);
      if (end == std::string::npos) return failure(field + ": found {{ without }} in " + api::quote(whole));
      const auto mark = whole.substr(begin, end + 2 - begin);
      auto value = resolve(mark);
      if (!value) return tl::unexpected(value.error().within(field));
      if (mark.size() == whole.size()) return value;
      if (value->is_structured()) {
        return failure(field + ": the placeholder " + mark + " stands for " + api::describe(*value) +
                       ", which fits only a text that is nothing else");
      }
      result += value->is_string() ? value->get<std::string>() : value->is_null() ? "" : value->dump();
      at = end + 2;
    }
  }

  [[nodiscard]] Result<Json> resolve(const std::string& mark) const {
    const auto placeholder = parse(std::string_view(mark).substr(2, mark.size() - 4));
    if (!placeholder) return failure("found the placeholder " + mark + ", " + kForms);
    const Json* value = &context_;
    std::string prefix = ".";
    for (const auto& step : placeholder->path) {
      const auto found = value->is_object() ? value->find(step) : value->end();
      if (found == value->end()) {
        if (placeholder->fallback) return Json(*placeholder->fallback);
        const bool podsOwn = prefix == ".ObjectMeta.Labels." || prefix == ".ObjectMeta.Annotations.";
        if (podsOwn && anyPod_) return Json("");
        return failure("the placeholder " + mark + " leads to nothing, expected " +
                       (value->is_object() ? "one of: " + namesIn(*value, prefix)
                                           : "no further step after " + prefix.substr(0, prefix.size() - 1)) +
                       (podsOwn ? "; use | default \"\" if pods may lack it" : ""));
      }
      value = &*found;
      prefix += step + ".";
    }
    const bool empty = value->is_null() || *value == "";
    if (empty && placeholder->fallback) return Json(*placeholder->fallback);
    return *value;
  }

  const Json& context_;
  const bool anyPod_;  // the labels and annotations are not known
};

}  // namespace

Result<void> checkTemplateShape(const Json& pod) {
  if (!pod.is_object())
    return failure("found " + api::describe(pod) + ", expected a pod: a mapping with metadata, spec");
  for (const auto& [key, value] : pod.items()) {
    if (key == "apiVersion" || key == "kind") continue;
    if (key != "metadata" && key != "spec") {
      return failure("found the field " + api::quote(key) + ", expected metadata and spec of a pod");
    }
    if (!value.is_object()) return failure(key + ": found " + api::describe(value) + ", expected a mapping");
  }
  return {};
}

Result<Json> parseTemplate(std::string_view yaml) {
  auto documents = api::parseYaml(yaml);
  if (!documents) {
    const bool unquoted = yaml.find("{{") != std::string_view::npos;
    return failure(documents.error().message + (unquoted ? "; placeholders {{ ... }} stand inside quotes here" : ""));
  }
  if (documents->size() != 1) {
    return failure("found " + std::to_string(documents->size()) + " YAML documents, expected one: a pod");
  }
  auto& pod = documents->front().value;
  if (auto checked = checkTemplateShape(pod); !checked) return tl::unexpected(checked.error());
  return std::move(pod);
}

Result<Json> render(const Json& pod, const Json& context) { return Renderer(context, false).render(pod, ""); }

Result<void> checkPlaceholders(const Json& pod, const Json& values) {
  const auto context = emptyTemplateContext(values);
  if (auto rendered = Renderer(context, true).render(pod, ""); !rendered) return tl::unexpected(rendered.error());
  return {};
}

Json emptyTemplateContext(const Json& values) {
  const Json object = Json::object();
  return {{"ObjectMeta",
           {{"Name", ""}, {"GenerateName", ""}, {"Namespace", ""}, {"Labels", object}, {"Annotations", object}}},
          {"Spec", {{"ServiceAccountName", ""}}},
          {"DeploymentMeta", {{"Name", ""}, {"Namespace", ""}}},
          {"Values", values},
          {"Revision", ""},
          {"ProxyImage", ""},
          {"TrustDomain", ""},
          {"ClusterDomain", ""},
          {"RootNamespace", ""},
          {"DiscoveryAddress", ""}};
}

}  // namespace fairway::inject
