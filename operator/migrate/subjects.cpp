#include <algorithm>
#include <map>
#include <optional>

#include "migrate/convert.h"
#include "normalize/conditions.h"
#include "normalize/objects.h"

namespace fairway::migrate {

namespace {

using Subject = api::ServiceRoleBindingSpec::Subject;
using Values = std::vector<std::string>;

class SubjectReader {
 public:
  SubjectReader(const api::ServiceRoleBinding& binding, std::size_t index, bool useOrigin, Output& output)
      : binding_(binding),
        subject_(binding.spec.subjects[index]),
        field_("spec.subjects[" + std::to_string(index) + "]"),
        useOrigin_(useOrigin),
        output_(output) {}

  std::optional<Who> read() {
    bool any = false;  // there is something in the subject
    if (!subject_.user.empty()) {
      any = true;
      if (subject_.user != "*") source("principals", "source.principal", {subject_.user});
    }
    any |= names();
    any |= list("namespaces", "source.namespace", subject_.namespaces);
    any |= list("notNamespaces", "source.namespace", subject_.notNamespaces);
    any |= addresses("ipBlocks", subject_.ips, ".ips");
    any |= addresses("notIpBlocks", subject_.notIps, ".notIps");
    any |= claims(subject_.group.empty() ? Values{} : Values{subject_.group}, "values");
    any |= claims(subject_.groups, "values");
    any |= claims(subject_.notGroups, "notValues");
    for (const auto& [key, value] : subject_.properties) {
      any = true;
      property(key, value);
    }
    if (nobody_ || !any) return std::nullopt;
    return std::move(who_);
  }

 private:
  // In the field of `source`, or beside it where the field is taken: both must hold.
  void source(const char* field, const char* key, const Values& values) {
    if (!who_.source.contains(field)) {
      who_.source[field] = values;
    } else {
      when(key, values);
    }
  }
  void when(const std::string& key, const Values& values, const char* field = "values") {
    who_.when.push_back(Json{{"key", key}, {field, values}});
  }
  bool list(const char* field, const char* key, const Values& values) {
    if (values.empty()) return false;
    source(field, key, values);
    return true;
  }

  void refuse(const std::string& field, const std::string& message) {
    nobody_ = true;
    output_.remark(binding_, field_ + field, message + ": the subject was nobody, and is left out");
  }

  bool names() {
    const auto has = [](const Values& values, const char* name) {
      return std::find(values.begin(), values.end(), name) != values.end();
    };
    for (const auto* values : {&subject_.names, &subject_.notNames}) {
      if (has(*values, "*")) refuse(values == &subject_.names ? ".names" : ".notNames", "\"*\" is no name there");
    }
    if (!subject_.names.empty() && !has(subject_.names, "allUsers")) {
      auto values = subject_.names;
      std::replace(values.begin(), values.end(), std::string("allAuthenticatedUsers"), std::string("*"));
      source("principals", "source.principal", values);
    }
    if (!subject_.notNames.empty()) {
      if (has(subject_.notNames, "allUsers")) {
        refuse(".notNames", "it excludes all users");
      } else {
        auto values = subject_.notNames;
        std::replace(values.begin(), values.end(), std::string("allAuthenticatedUsers"), std::string("*"));
        source("notPrincipals", "source.principal", values);
      }
    }
    return !subject_.names.empty() || !subject_.notNames.empty();
  }

  bool addresses(const char* field, const Values& values, const std::string& name) {
    if (values.empty()) return false;
    for (const auto& value : values) {
      if (!normalize::parseCidr(value)) refuse(name, "\"" + value + "\" is no IP address or range");
    }
    who_.source[field] = values;
    return true;
  }

  bool claims(const Values& values, const char* field) {
    if (values.empty()) return false;
    who_.httpOnly = true;
    when("request.auth.claims[groups]", values, field);
    return true;
  }

  // v1alpha1.md 2.4, the keys marked P.
  void property(const std::string& key, const std::string& value) {
    const auto field = ".properties[" + key + "]";
    if (key == "source.ip") {
      if (!normalize::parseCidr(value)) return refuse(field, "\"" + value + "\" is no IP address or range");
      return source("ipBlocks", "source.ip", {value});
    }
    if (key == "source.namespace") return source("namespaces", "source.namespace", {value});
    if (key == "source.principal") return source("principals", "source.principal", {value});
    who_.httpOnly = true;
    const auto header = normalize::bracketed(key, "request.headers");
    if (key == "source.user" || (key == "request.auth.principal" && !useOrigin_)) {
      return source("principals", "source.principal", {value});
    }
    if (key == "request.auth.principal") return source("requestPrincipals", "request.auth.principal", {value});
    const bool same = key == "request.auth.audiences" || key == "request.auth.presenter" ||
                      (header && header->size() == 1) || normalize::bracketed(key, "request.auth.claims");
    if (same) return when(key, {value});
    refuse(field, "it is no known property");
  }

  const api::ServiceRoleBinding& binding_;
  const Subject& subject_;
  const std::string field_;
  const bool useOrigin_;
  Output& output_;
  Who who_;
  bool nobody_ = false;
};

}  // namespace

std::optional<Who> convertSubject(const api::ServiceRoleBinding& binding, std::size_t index, bool useOrigin,
                                  Output& output) {
  const normalize::Errors errors(binding);
  if (errors.outside({"spec.subjects"}) || binding.spec.roleKind != "ServiceRole" ||
      errors.atItem("spec.subjects", index)) {
    output.remark(binding, "spec.subjects[" + std::to_string(index) + "]",
                  "it cannot be read: the subject was nobody, and is left out");
    return std::nullopt;
  }
  return SubjectReader(binding, index, useOrigin, output).read();
}

}  // namespace fairway::migrate
