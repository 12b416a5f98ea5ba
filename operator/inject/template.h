#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

// Users' own templates: a part of a pod, with placeholders in its texts.
//
//   {{ .ObjectMeta.Name }}                                   a value of the context, by its path
//   {{ index .ObjectMeta.Labels "app.kubernetes.io/name" }}  the same, for a last key that is no plain word
//   {{ .Values.team | default "none" }}                      with a text for what is absent or empty
//
// Placeholders are filled in after the YAML was parsed, so no label or annotation can change a pod's structure.
// A text that is one placeholder and nothing else takes the value with its type.
namespace fairway::inject {

// Reads a template's YAML text: one document, a mapping with metadata and spec. The error names line and reason.
Result<nlohmann::json> parseTemplate(std::string_view yaml);
// Checks the shape of a template given as a mapping.
Result<void> checkTemplateShape(const nlohmann::json& pod);

// The template with its placeholders filled in from `context`, a mapping (see templateContext()). The error names the
// field, the placeholder and what exists.
Result<nlohmann::json> render(const nlohmann::json& pod, const nlohmann::json& context);

// What render() would refuse for every pod: syntax and unknown paths, but no labels or annotations.
Result<void> checkPlaceholders(const nlohmann::json& pod, const nlohmann::json& values);

// What placeholders reach: .ObjectMeta, .Spec, .DeploymentMeta (the workload), .Values and the mesh's settings, all
// texts empty but for those of `values`.
nlohmann::json emptyTemplateContext(const nlohmann::json& values);

}  // namespace fairway::inject
