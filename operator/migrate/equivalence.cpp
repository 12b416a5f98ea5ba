#include "migrate/equivalence.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "migrate/decide.h"
#include "migrate/verdict.h"

namespace fairway::migrate {

namespace {

using What = Difference::What;

Gate gateOf(normalize::World& world, const WorkloadClass& workload, std::uint32_t port, model::MtlsMode mtls) {
  Gate gate;
  gate.mtls = mtls;
  gate.tokens = world.ask(normalize::RequestAuthenticationOf{workload.ns, workload.labels, port});
  gate.authorization =
      world.ask(normalize::AuthorizationOf{workload.ns, workload.labels, workload.serviceAccount, port});
  return gate;
}

std::string nameOf(model::MtlsMode mode) {
  switch (mode) {
    case model::MtlsMode::disable: return "DISABLE";
    case model::MtlsMode::permissive: return "PERMISSIVE";
    case model::MtlsMode::strict: return "STRICT";
  }
  return {};
}

// One port of one class of workloads, before and after.
class Comparison {
 public:
  Comparison(const WorkloadClass& workload, const Port& port, const Gate& before, const Gate& after,
             const std::string& trustDomain, Equivalence& result)
      : workload_(workload), port_(port), result_(result) {
    const auto identity = before.mtls == after.mtls ? std::optional(before.mtls) : std::nullopt;
    VerdictWriter writer(attributes_, formulas_, port, identity, trustDomain);
    before_ = writer.write(before);
    after_ = writer.write(after);
    attributes_.close();
    for (VariableId id = 0; id < attributes_.size(); ++id) result_.classes += attributes_.at(id).classes.size();
  }

  void run() {
    check(What::verdict, before_.denied, after_.denied, {});
    std::set<std::string> names;
    for (const auto& [name, asked] : before_.asked) names.insert(name);
    for (const auto& [name, asked] : after_.asked) names.insert(name);
    for (const auto& name : names) check(What::asked, askedBy(before_, name), askedBy(after_, name), name);
    if (!before_.shadowDenied && !after_.shadowDenied) return;
    if (before_.shadowDenied.has_value() == after_.shadowDenied.has_value()) {
      check(What::dry_run, *before_.shadowDenied, *after_.shadowDenied, {});
    } else {
      Difference difference = differenceOf(What::dry_run, {});
      difference.before = before_.shadowDenied ? "counted by a dry run" : "no dry run";
      difference.after = after_.shadowDenied ? "counted by a dry run" : "no dry run";
      result_.differences.push_back(std::move(difference));
    }
  }

 private:
  static Node askedBy(const Verdict& verdict, const std::string& name) {
    const auto found = verdict.asked.find(name);
    return found == verdict.asked.end() ? Formulas::kFalse : found->second;
  }

  Difference differenceOf(What what, const Assignment& request) const {
    Difference difference;
    difference.what = what;
    difference.workload = describe(workload_);
    difference.port = port_.number;
    for (const auto& [variable, index] : request) {
      const auto& attribute = attributes_.at(variable);
      auto text = attribute.classes[index].value.toString();
      if (attribute.domain == Domain::principal && text == "-") text = "- (no mesh identity)";
      if (attribute.name == "port" && !toNumber(text)) text = "any other";
      difference.request.emplace_back(attribute.label.empty() ? attribute.name : attribute.label, std::move(text));
    }
    return difference;
  }

  void check(What what, Node before, Node after, const std::string& provider) {
    const auto decision = decide(attributes_, formulas_, before, after);
    result_.branches += decision.branches;
    if (decision.outcome == Decision::Outcome::equal) return;
    auto difference = differenceOf(what, decision.request);
    if (decision.outcome == Decision::Outcome::open) {
      difference.what = What::undecided;
      difference.before = difference.after = "regular expressions, or too many cases";
    } else if (what == What::verdict) {
      difference.before = explain(before_, decision.request);
      difference.after = explain(after_, decision.request);
    } else {
      const auto text = [&](Node node) {
        const bool holds = evaluate(attributes_, formulas_, node, decision.request);
        if (what == What::asked) return provider + (holds ? " is asked" : " is not asked");
        return std::string(holds ? "counted as denied" : "counted as allowed");
      };
      difference.before = text(before);
      difference.after = text(after);
    }
    result_.differences.push_back(std::move(difference));
  }

  std::string explain(const Verdict& verdict, const Assignment& request) {
    std::string allowedBy;
    for (const auto& step : verdict.steps) {
      using Step = Verdict::Step::What;
      if (!evaluate(attributes_, formulas_, step.applies, request)) continue;
      switch (step.what) {
        case Step::token: return "refused for its token (401) by " + step.who;
        case Step::deny: return "denied by " + step.who;
        case Step::allow:
          if (allowedBy.empty()) allowedBy = step.who;
          break;
        case Step::nothing_allows:
          if (allowedBy.empty()) return "denied: no rule allows it";
          break;
      }
    }
    return allowedBy.empty() ? "let in: nothing forbids it" : "let in by " + allowedBy;
  }

  const WorkloadClass& workload_;
  const Port& port_;
  Equivalence& result_;
  Attributes attributes_;
  Formulas formulas_;
  Verdict before_, after_;
};

void compareModes(const WorkloadClass& workload, const std::set<std::uint32_t>& ports,
                  const model::PeerAuthentication& before, const model::PeerAuthentication& after,
                  Equivalence& result) {
  for (const auto port : ports) {
    const auto was = port == 0 ? before.mode : before.modeOf(port);
    const auto is = port == 0 ? after.mode : after.modeOf(port);
    if (was == is) continue;
    const auto by = [](const model::PeerAuthentication& from) {
      return from.provenance.empty() ? std::string() : " by " + from.provenance.back().toString();
    };
    result.differences.push_back(
        {What::mtls, describe(workload), port, {}, nameOf(was) + by(before), nameOf(is) + by(after)});
  }
}

}  // namespace

std::string describe(const WorkloadClass& workload) {
  std::vector<std::string> labels;
  for (const auto& [name, value] : workload.labels) {
    if (name != "pod-template-hash" && name != "controller-revision-hash") labels.push_back(name + "=" + value);
  }
  return workload.ns + "/" + workload.example + " (" + join(labels, ",") + ")";
}

Equivalence compare(normalize::World& before, normalize::World& after, const std::vector<WorkloadClass>& workloads) {
  Equivalence result;
  for (const auto& workload : workloads) {
    ++result.workloads;
    const normalize::PeerAuthenticationOf query{workload.ns, workload.labels};
    const auto peersBefore = before.ask(query);
    const auto peersAfter = after.ask(query);
    std::set<std::uint32_t> ports{0};
    std::vector<std::uint32_t> named;
    for (const auto& port : workload.ports) named.push_back(port.port);
    ports.insert(named.begin(), named.end());
    auto modePorts = ports;
    for (const auto& [port, mode] : peersBefore.ports) modePorts.insert(port);
    for (const auto& [port, mode] : peersAfter.ports) modePorts.insert(port);
    compareModes(workload, modePorts, peersBefore, peersAfter, result);
    for (const auto number : ports) {
      ++result.ports;
      const auto* port = workload.port(number);
      const Port where{number, port != nullptr && model::isHttp(port->protocol), named};
      const auto was = gateOf(before, workload, number, peersBefore.modeOf(number));
      const auto is = gateOf(after, workload, number, peersAfter.modeOf(number));
      if (was == is) {
        ++result.same;
        continue;
      }
      Comparison(workload, where, was, is, before.mesh().trustDomain, result).run();
    }
  }
  return result;
}

}  // namespace fairway::migrate
