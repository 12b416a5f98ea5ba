#include "normalize/telemetry.h"

#include <algorithm>

#include "api/telemetry.h"
#include "normalize/objects.h"
#include "normalize/policy_target.h"
#include "normalize/telemetry_merge.h"
#include "normalize/telemetry_providers.h"

namespace fairway::normalize {

namespace {

using Object = api::Telemetry;

// Nobody knows whom it was meant for: it is for nobody.
bool unreadable(const Object& object) {
  const Errors errors(object);
  return errors.inSelector(object.spec.selector) || errors.below("spec.targetRefs") || errors.below("spec.targetRef");
}

bool selective(const Object& object) { return !object.spec.selector.empty() || !object.spec.targetRefs.empty(); }

// Nothing: the object says nothing, with a note to its author.
bool usable(store::View& view, const Object& object) {
  if (!Errors(object).outside({"spec.tracing", "spec.metrics", "spec.accessLogging", "spec.access_logging"}))
    return true;
  error(view, provenanceOf(object), "spec", "the object has errors: it changes nothing");
  return false;
}

const Object* oldest(store::View& view, std::vector<const Object*> objects, const std::string& level) {
  if (objects.empty()) return nullptr;
  sortOldestFirst(objects);
  for (auto it = objects.begin() + 1; it != objects.end(); ++it) {
    const auto& spec = (*it)->spec;
    warning(view, provenanceOf(**it),
            spec.selector.empty() && !spec.targetRefs.empty() ? "spec.targetRefs" : "spec.selector",
            "it has no effect where " + provenanceOf(*objects.front()).toString() +
                " applies, which is older and speaks for the same " + level);
  }
  return objects.front();
}

const Object* ofAll(store::View& view, const std::string& ns, const std::string& level) {
  auto objects = view.list<Object>(ns);
  std::erase_if(objects, [](const Object* object) { return unreadable(*object) || selective(*object); });
  return oldest(view, std::move(objects), level);
}

}  // namespace

const model::Telemetry& workloadTelemetry(store::View& view, const std::string& ns, const model::Labels& labels) {
  return view.ask(TelemetryOf{ns, view.ask(TelemetryFor{ns, labels})});
}

TelemetryFor::Value telemetryFor(store::View& view, const TelemetryFor& query) {
  auto objects = view.list<Object>(query.ns);
  std::erase_if(objects, [&](const Object* object) {
    return unreadable(*object) || !selective(*object) ||
           !isFor(view, *object, object->spec.selector, object->spec.targetRefs, query.ns, query.labels);
  });
  const auto* object = oldest(view, std::move(objects), "workload");
  return object == nullptr ? std::string() : object->meta.name;
}

TelemetryOf::Value telemetryOf(store::View& view, const TelemetryOf& query) {
  const auto& root = view.mesh().rootNamespace;
  std::vector<const Object*> levels{ofAll(view, root, "mesh")};
  if (query.ns != root) levels.push_back(ofAll(view, query.ns, "namespace"));
  if (!query.object.empty()) levels.push_back(view.get<Object>(query.ns, query.object));
  std::erase_if(levels, [&](const Object* object) { return object == nullptr || !usable(view, *object); });

  TelemetryOf::Value result;
  TelemetryMerge merge(view, levels);
  result.client = merge.of(api::TelemetrySpec::Mode::client);
  result.server = merge.of(api::TelemetrySpec::Mode::server);
  for (const auto& [name, provider] : view.ask(TelemetryProviders{}).byName) {
    const auto* log = provider.log ? provider.log->backend() : nullptr;
    if (log != nullptr) result.backends.insert(log->host);
    if (provider.tracing) result.backends.insert(provider.tracing->backend().host);
  }
  for (const auto* object : levels) result.provenance.push_back(provenanceOf(*object));
  return result;
}

}  // namespace fairway::normalize
