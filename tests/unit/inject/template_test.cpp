#include "inject/template.h"

#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

Json context() {
  auto result = emptyTemplateContext(yaml("{team: red, size: 3, nested: {list: [1, 2], off: false}}"));
  result["ObjectMeta"]["Name"] = "web-0";
  result["ObjectMeta"]["Labels"] = {{"app", "web"}, {"app.kubernetes.io/name", "shop"}};
  return result;
}

Json rendered(const std::string& text) {
  const auto result = render(Json{{"x", text}}, context());
  if (!result) FAIL(result.error().message);
  return (*result)["x"];
}

std::string refusalOf(const std::string& text) {
  const auto result = render(Json{{"spec", {{"x", text}}}}, context());
  REQUIRE_FALSE(result.has_value());
  return result.error().message;
}

}  // namespace

TEST_CASE("placeholders are filled in") {
  CHECK(rendered("a {{ .ObjectMeta.Name }}-{{.Values.team}} b") == "a web-0-red b");
  CHECK(rendered("{{ index .ObjectMeta.Labels \"app.kubernetes.io/name\" }}") == "shop");
  CHECK(rendered("{{ .ObjectMeta.Labels.app }}") == "web");
  CHECK(rendered("{{ .ObjectMeta.Labels.none | default \"x\" }}") == "x");
  CHECK(rendered("{{ .ObjectMeta.Namespace | default \"y\" }}") == "y");
  CHECK(rendered("no placeholder } {") == "no placeholder } {");
}

TEST_CASE("a placeholder alone keeps its type") {
  CHECK(rendered("{{ .Values.size }}") == 3);
  CHECK(rendered("{{ .Values.nested.list }}") == Json::array({1, 2}));
  CHECK(rendered("{{ .Values.nested.off }}") == false);
  CHECK(rendered("{{ .Values.size }}m") == "3m");
}

TEST_CASE("a value cannot bring placeholders or structure of its own") {
  auto hostile = context();
  hostile["ObjectMeta"]["Labels"]["app"] = "{{ .Values.team }}\nspec: {hostNetwork: true}";
  const auto result = render(Json{{"x", "{{ .ObjectMeta.Labels.app }}"}}, hostile);
  REQUIRE(result.has_value());
  CHECK(result->size() == 1);
  CHECK((*result)["x"] == "{{ .Values.team }}\nspec: {hostNetwork: true}");
}

TEST_CASE("a wrong placeholder is named, with its place and what exists") {
  CHECK(mentions(refusalOf("{{ .Nope }}"), {"spec.x", "{{ .Nope }}", ".ObjectMeta", ".Values"}));
  CHECK(mentions(refusalOf("{{ .Values.nope }}"), {".Values.team", ".Values.size"}));
  CHECK(mentions(refusalOf("{{ .ObjectMeta.Labels.nope }}"), {".ObjectMeta.Labels.app", "default"}));
  CHECK(mentions(refusalOf("{{ .Values.team.more }}"), {"no further step after .Values.team"}));
  CHECK(mentions(refusalOf("{{ range .Values.nested.list }}"), {"expected {{ .Path.To.Value }}"}));
  CHECK(mentions(refusalOf("{{ if .X }}"), {"expected"}));
  CHECK(mentions(refusalOf("{{ .Values.team | upper }}"), {"default \"text\""}));
  CHECK(mentions(refusalOf("{{ .Values.team"), {"{{ without }}"}));
  CHECK(mentions(refusalOf("a {{ .Values.nested }}"), {"a mapping", "nothing else"}));
  const auto key = render(Json{{"{{ .Values.team }}", 1}}, context());
  REQUIRE_FALSE(key.has_value());
  CHECK(mentions(key.error().message, {"in a key"}));
}

TEST_CASE("what every pod would be refused for is found without a pod; labels are not") {
  const auto values = yaml("{team: red}");
  CHECK(checkPlaceholders(yaml("{x: '{{ .ObjectMeta.Labels.any }} {{ .Values.team }}'}"), values).has_value());
  CHECK_FALSE(checkPlaceholders(yaml("{x: '{{ .Values.nope }}'}"), values).has_value());
}

TEST_CASE("a template is a pod: metadata and spec") {
  CHECK(parseTemplate("metadata: {labels: {a: b}}\nspec: {containers: []}\n").has_value());
  CHECK(mentions(parseTemplate("containers: []").error().message, {"\"containers\"", "metadata and spec"}));
  CHECK(mentions(parseTemplate("spec: []").error().message, {"spec", "a list"}));
  CHECK(mentions(parseTemplate("spec: {x: {{ .Values.a }}}").error().message, {"line 1", "inside quotes"}));
  CHECK(mentions(parseTemplate("").error().message, {"0 YAML documents"}));
}
