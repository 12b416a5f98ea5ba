// What decides on a pod's injection: settings, templates, annotations, manifests.
#include <nlohmann/json.hpp>

#include "agent/pod_info.h"
#include "api/yaml.h"
#include "fuzz/target.h"
#include "inject/manifest.h"
#include "inject/options.h"
#include "inject/settings.h"
#include "inject/template.h"

namespace {

using namespace fairway;

void settings(std::string_view text) { (void)inject::loadSettings(text); }

void templates(std::string_view text) {
  const auto pod = inject::parseTemplate(text);
  if (!pod) return;
  const auto values = nlohmann::json::object();
  const auto context = inject::emptyTemplateContext(values);
  const bool renders = inject::render(*pod, context).has_value();
  fuzz::require(!renders || inject::checkPlaceholders(*pod, values).has_value(), "what renders was not refused before");
}

// As the downward API writes them: key="value".
void annotations(std::string_view text) {
  const auto read = agent::parseDownward(text);
  if (!read) return;
  static const inject::Settings settings;
  (void)inject::readOptions(*read, settings, true);
  (void)agent::meshAnnotations(*read);
}

void manifest(std::string_view text) {
  static const inject::Settings settings;
  const auto once = inject::injectManifest("in.yaml", text, settings, true);
  if (!once) return;
  const auto twice = inject::injectManifest("out.yaml", once->text, settings, true);
  fuzz::require(twice.has_value(), "what was injected can be read");
  fuzz::require(twice->injected == 0 && twice->text == once->text, "what is injected stays as it is");
}

const fuzz::Registration kSettings{
    {"injection_settings", {"tests/unit/inject/cases/*/settings.yaml"}, settings, nullptr}};
const fuzz::Registration kTemplates{{"injection_template", {}, templates, nullptr}};
const fuzz::Registration kAnnotations{{"injection_annotations", {}, annotations, nullptr}};
const fuzz::Registration kManifest{{"injection_manifest", {"tests/unit/inject/cases/*/in.yaml"}, manifest, nullptr}};

}  // namespace
