// What comes from an API server: lists, watches, kubeconfigs.
#include "fuzz/target.h"
#include "kube/json_scan.h"
#include "kube/kubeconfig.h"
#include "kube/wire.h"

namespace {

using namespace fairway;

// The first byte chooses the kind; the rest is a page and a watch's line.
void wire(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto kinds = api::allKinds();
  const auto& info = kinds[static_cast<unsigned char>(bytes.front()) % kinds.size()];
  const auto text = bytes.substr(1);
  if (const auto page = kube::decodePage(text, info, info.versions.front())) {
    for (const auto& object : page->objects)
      fuzz::require(object != nullptr && object->kind == info.kind, "objects of the kind");
  }
  if (const auto event = kube::decodeEvent(text, info, info.versions.front())) {
    fuzz::require(!event->object || event->object->kind == info.kind, "objects of the kind");
  }
}

void scan(std::string_view text) {
  const auto within = [&](std::string_view part) {
    fuzz::require(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size(),
                  "parts are parts");
  };
  kube::scanMembers(text, [&](std::string_view key, std::string_view value) {
    within(key);
    within(value);
  });
  kube::scanItems(text, within);
  static constexpr kube::Unread kInner[] = {{"managedFields", {}}};
  static constexpr kube::Unread kOuter[] = {{"metadata", kInner}, {"status", {}}};
  std::string out;
  if (kube::copyWithout(text, kOuter, out)) fuzz::require(out.size() <= text.size(), "a copy with less is no longer");
}

void kubeconfig(std::string_view text) { (void)kube::parseKubeconfig(text, "/nowhere", "config"); }

const fuzz::Registration kWire{{"kube_wire", {}, wire, nullptr}};
const fuzz::Registration kScan{{"json_scan", {"tests/fuzz/corpus/kube_wire/*"}, scan, nullptr}};
const fuzz::Registration kKubeconfig{{"kubeconfig", {}, kubeconfig, nullptr}};

}  // namespace
