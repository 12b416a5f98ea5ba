#include "cli/app.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/agent_command.h"
#include "cli/analyze_command.h"
#include "cli/authz_command.h"
#include "cli/ca_command.h"
#include "cli/check_command.h"
#include "cli/completion.h"
#include "cli/evaluate_command.h"
#include "cli/inject_command.h"
#include "cli/intercept_command.h"
#include "cli/log_command.h"
#include "cli/log_setup.h"
#include "cli/migrate_command.h"
#include "cli/proxy_config_command.h"
#include "cli/proxy_status_command.h"
#include "cli/serve.h"
#include "cli/servicegraph_command.h"
#include "cli/version.h"
#include "cli/wait_command.h"
#include "cli/workload_command.h"

namespace fairway::cli {

namespace {

// A flag that can also be set by FAIRWAY_<NAME> and in the configuration file.
template <class T>
CLI::Option* flag(CLI::App& app, const std::string& name, T& value, const std::string& help) {
  std::string env = "FAIRWAY_";
  for (const char c : name) env += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return app.add_option("--" + name, value, help)->envname(env)->capture_default_str();
}

void addServe(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("serve", "Run the control plane");
  auto options = std::make_shared<ServeOptions>();
  auto& o = *options;
  sub->group("Control plane");

  auto* kubeconfig =
      flag(*sub, "kubeconfig", o.kubeconfig,
           "Kubeconfig of the API server to watch. Without it and --config: the cluster this pod runs in")
          ->group("Source");
  flag(*sub, "config", o.configDir, "Folder of YAML manifests to serve instead of an API server")
      ->group("Source")
      ->excludes(kubeconfig);

  flag(*sub, "xds-address", o.xdsAddress, "xDS and certificates for proxies, over TLS. Port 0 picks a free one")
      ->group("Addresses");
  flag(*sub, "insecure-xds-address", o.insecureXdsAddress,
       "xDS in plaintext, on a loopback address or unix:PATH only; serves everything but secrets. Empty: off")
      ->group("Addresses");
  flag(*sub, "status-readers", o.statusReaders,
       "NAMESPACE/ACCOUNT,... of service accounts that may read every proxy's configuration over xDS (CSDS)")
      ->group("Addresses");
  flag(*sub, "xds-compression", o.xdsCompression, "Compression of xDS for clients that take it; Envoy does not")
      ->check(CLI::IsMember({"none", "gzip"}))
      ->group("Addresses");
  flag(*sub, "admin-address", o.adminAddress, "/ready, /metrics, and /debug and xDS as JSON for callers on loopback")
      ->group("Addresses");
  flag(*sub, "webhook-address", o.webhookAddress,
       "Admission webhooks that validate custom resources and inject sidecars, over HTTPS. Empty: off")
      ->group("Addresses");
  flag(*sub, "injection-config", o.injectionConfig, "File with the settings of sidecar injection. Empty: no injection")
      ->group("Addresses");

  flag(*sub, "revision", o.revision, "Revision of this control plane, as in the label istio.io/rev")->group("Replicas");
  flag(*sub, "pod-name", o.podName,
       "This replica's pod, by which it holds leases. Empty: it leads no others and writes nothing into the cluster")
      ->envname("POD_NAME")
      ->group("Replicas");
  flag(*sub, "pod-namespace", o.podNamespace, "Namespace of the leases. Default: the root namespace")
      ->envname("POD_NAMESPACE")
      ->group("Replicas");
  flag(*sub, "drain-duration", o.drainDuration, "Time over which the proxies are sent elsewhere before the end")
      ->group("Replicas");
  flag(*sub, "max-stream-age", o.maxStreamAge,
       "Time after which, more or less, a proxy is sent to any replica anew. 0s: never")
      ->group("Replicas");

  flag(*sub, "state-dir", o.stateDir,
       "Folder for the root key, certificates and tokens; one instance each. Default: /var/lib/fairway for root, else "
       "~/.local/state/fairway")
      ->group("Mesh");
  flag(*sub, "snapshot-dir", o.snapshotDir,
       "Folder for a snapshot of the objects (never Secrets) that were seen last, from which proxies are served when "
       "this "
       "control plane starts while the API server is away. Default: the state folder. none: off")
      ->group("Mesh");
  flag(*sub, "ca-dir", o.caDir,
       "Folder of a CA that was made elsewhere: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem, ca-crl.pem; or "
       "tls.crt, tls.key, ca.crt. Default: in a cluster the Secret cacerts, or istio-ca-secret with a root of its own; "
       "else a root in the state folder")
      ->group("Certificates");
  flag(*sub, "default-workload-cert-ttl", o.defaultWorkloadCertTtl,
       "Validity of workload certificates whose proxies ask for none")
      ->group("Certificates");
  flag(*sub, "max-workload-cert-ttl", o.maxWorkloadCertTtl,
       "Longest validity that is granted; longer wishes are refused")
      ->group("Certificates");
  flag(*sub, "ca-rotation-delay", o.caRotationDelay,
       "Time for which all proxies trust a new root before anything is signed under it")
      ->group("Certificates");
  flag(*sub, "ca-overlap", o.caOverlap,
       "Time for which a root that is no longer named stays trusted after a rotation. 0s: not at all. Default: the "
       "longest "
       "validity of certificates")
      ->group("Certificates");
  flag(*sub, "trust-domain", o.trustDomain, "Trust domain of the identities that are issued")->group("Mesh");
  flag(*sub, "cluster-domain", o.clusterDomain, "DNS domain of the cluster's services")->group("Mesh");
  flag(*sub, "root-namespace", o.rootNamespace, "Namespace whose policies and rules apply to the whole mesh")
      ->group("Mesh");
  flag(*sub, "cluster-id", o.clusterId, "Name of this cluster in the labels of metrics")->group("Mesh");
  flag(*sub, "jwks-ca-file", o.jwksCaFile,
       "File with more root certificates (PEM) to believe when the keys of end-user tokens are fetched, beside the "
       "system's")
      ->group("Mesh");
  flag(*sub, "max-batch-delay", o.maxBatchDelayMs,
       "Milliseconds a change may wait for others to be worked on together. 0: none waits")
      ->check(CLI::Range(0, 60000))
      ->group("Mesh");

  flag(*sub, "log-level", o.logLevel, "trace, debug, info, warn, error, off")->group("Log");
  flag(*sub, "log-format", o.logFormat, "text or json")->group("Log");
  sub->set_config("--config-file", "", "File with these flags as `name = value` lines (TOML or INI)")
      ->envname("FAIRWAY_CONFIG_FILE")
      ->group("Source");
  sub->allow_config_extras(CLI::config_extras_mode::error);

  sub->footer(
      "\nEvery flag can also be given as FAIRWAY_<NAME> in the environment (FAIRWAY_STATE_DIR) or in --config-file;\n"
      "a flag beats the environment, which beats the file.\n\n"
      "Examples:\n"
      "  fairway serve                                  in a pod, with its service account\n"
      "  fairway serve --kubeconfig ~/.kube/config      outside, against a cluster\n"
      "  fairway serve --config ./manifests --state-dir ./state \\\n"
      "      --xds-address 127.0.0.1:0 --admin-address 127.0.0.1:0\n"
      "                                                 without a cluster, on free ports");
  sub->callback([options, &exitCode] {
    if (auto log = setUpLog(options->logLevel, options->logFormat); !log) {
      std::cerr << log.error().message << "\n";
      exitCode = exitUsage;
      return;
    }
    exitCode = serve(*options);
  });
}

void addVersion(CLI::App& app) {
  auto* sub = app.add_subcommand("version", "Print the version");
  sub->group("About");
  auto format = std::make_shared<std::string>("text");
  sub->add_option("-o,--output", *format, "text, json or yaml")
      ->check(CLI::IsMember({"text", "json", "yaml"}))
      ->capture_default_str();
  sub->footer("\nExamples:\n  fairway version\n  fairway version -o json");
  sub->callback([format] { std::cout << versionReport(*format); });
}

void addCompletion(CLI::App& app) {
  auto* sub = app.add_subcommand("completion", "Print a completion script for a shell");
  sub->group("About");
  auto shell = std::make_shared<std::string>();
  sub->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->footer(
      "\nExamples:\n"
      "  source <(fairway completion bash)\n"
      "  fairway completion zsh > \"${fpath[1]}/_fairway\"\n"
      "  fairway completion fish > ~/.config/fish/completions/fairway.fish");
  sub->callback([&app, shell] { std::cout << *completionScript(app, *shell); });
}

// The arguments, last one first, as CLI11 wants them. "--flag=" becomes a flag with an empty value; CLI11 would take the
// next argument for it.
std::vector<std::string> argumentsOf(int argc, char** argv) {
  std::vector<std::string> result;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument.starts_with("--") && argument.ends_with("=")) {
      argument.pop_back();
      result.emplace_back();
    }
    result.push_back(std::move(argument));
  }
  return result;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Fairway: a service-mesh control plane for Kubernetes and unmodified Envoy", "fairway");
  app.set_version_flag("--version", versionText());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  app.get_formatter()->column_width(36);
  app.footer(
      "\nExamples:\n"
      "  fairway serve --config ./manifests    serve a folder of manifests\n"
      "  fairway agent --help                  what runs beside each Envoy\n"
      "  fairway proxy-status                  does every proxy have its configuration?\n"
      "  fairway check --pre                   would an installation into this cluster succeed?\n"
      "  fairway analyze shop.yaml             what is wrong with these manifests?\n"
      "  fairway SUBCOMMAND --help             flags and examples\n\n"
      "Exit codes: 0 success, 1 failure, 64 wrong usage, 79 findings.");
  int exitCode = exitOk;
  addServe(app, exitCode);
  addAgent(app, exitCode);
  addIntercept(app, exitCode);
  addAuthz(app, exitCode);
  addCheck(app, exitCode);
  addAnalyze(app, exitCode);
  addWait(app, exitCode);
  addWorkload(app, exitCode);
  addCa(app, exitCode);
  addProxyStatus(app, exitCode);
  addProxyConfig(app, exitCode);
  addAdmin(app, exitCode);
  addEvaluate(app, exitCode);
  addInject(app, exitCode);
  addMigrate(app, exitCode);
  addServicegraph(app, exitCode);
  addVersion(app);
  addCompletion(app);
  try {
    app.parse(argumentsOf(argc, argv));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error, std::cout, std::cerr);
    return asked ? exitOk : exitUsage;
  }
  return exitCode;
}

}  // namespace fairway::cli
