#include "cli/output.h"

#include <unistd.h>

#include <cstdlib>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "inject/yaml_text.h"

namespace fairway::cli {

namespace {

void emit(YAML::Emitter& out, const nlohmann::ordered_json& value) {
  if (value.is_object() && !value.empty()) {
    out << YAML::BeginMap;
    for (const auto& [key, entry] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, entry);
    }
    out << YAML::EndMap;
  } else if (value.is_array() && !value.empty()) {
    out << YAML::BeginSeq;
    for (const auto& entry : value) emit(out, entry);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    // JSON's quoting is valid YAML and leaves no text that would read as a number or a boolean.
    const auto text = value.get<std::string>();
    if (!inject::isPlainYaml(text)) out << YAML::DoubleQuoted;
    out << text;
  } else if (value.is_structured()) {
    out << YAML::Flow << (value.is_object() ? YAML::BeginMap : YAML::BeginSeq)
        << (value.is_object() ? YAML::EndMap : YAML::EndSeq);
  } else {
    out << YAML::Node(YAML::Load(value.dump()));
  }
}

}  // namespace

std::string yamlText(const nlohmann::ordered_json& value) {
  YAML::Emitter out;
  emit(out, value);
  return std::string(out.c_str()) + "\n";
}

bool colourOnStdout() { return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

}  // namespace fairway::cli
