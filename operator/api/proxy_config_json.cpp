#include "api/proxy_config_json.h"

#include <algorithm>
#include <cctype>

#include "api/validate.h"

namespace fairway::api {
namespace {

constexpr std::uint32_t kMostThreads = 256;

bool isVariable(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; });
}

// What may be a part of an image's tag.
bool isImageType(const std::string& type) {
  return type.size() <= 63 && std::all_of(type.begin(), type.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
         });
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, ProxyConfigSpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  fields.read("concurrency", out.concurrency, 0, kMostThreads);
  if (const auto variables = fields.get("environmentVariables")) {
    out.environmentVariables = variables->textMap();
    for (const auto& [name, value] : out.environmentVariables) {
      if (!isVariable(name)) {
        variables->error("found the name " + quote(name) +
                         ", expected letters, digits, '_', '-' and '.', no digit in front");
      }
    }
  }
  if (const auto image = fields.get("image")) {
    Fields parts(*image);
    parts.read("imageType", out.imageType);
    if (const auto type = parts.get("imageType"); type && !isImageType(out.imageType)) {
      type->expected("what can be a part of an image's tag, such as distroless");
    }
  }
}

}  // namespace fairway::api
