#include "cli/serve.h"

#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include <grpcpp/impl/codegen/service_type.h>
#include <spdlog/spdlog.h>

#include "api/core.h"
#include "api/duration.h"
#include "base/address.h"
#include "base/hash.h"
#include "base/strings.h"
#include "cli/admin_pages.h"
#include "cli/app.h"
#include "cli/control_plane.h"
#include "cli/housekeeping.h"
#include "cli/key_set_keeper.h"
#include "cli/rollouts.h"
#include "cli/state_dir.h"
#include "cli/version.h"
#include "control/webhook_bundles.h"
#include "identity/files.h"
#include "kube/client.h"
#include "kube/kubernetes_source.h"
#include "normalize/checks.h"
#include "normalize/gateway_api_status.h"
#include "normalize/queries.h"
#include "translate/patches.h"
#include "translate/units.h"

namespace fairway::cli {

namespace {

using Clock = std::chrono::system_clock;

// Settings of the mesh, in the root namespace.
constexpr const char* kMeshConfigMap = "istio";

// A pod that is known must run as the service account that the caller proved to be. An unknown one may be too new to
// have been seen; until it is, translation goes by the proved account alone.
Result<void> authorizeProxy(engine::Engine& engine, const translate::Proxy& proxy) {
  if (!engine.ready()) return {};
  std::string account;
  engine.inspect([&](const engine::Core& core) {
    const auto* pod = core.store().get(api::Kind::pod, proxy.ns, proxy.pod);
    if (pod != nullptr) account = static_cast<const api::Pod*>(pod)->spec.serviceAccountName;
  });
  if (account.empty() || account == proxy.serviceAccount) return {};
  return failure("pod " + proxy.ns + "/" + proxy.pod + " runs as service account " + account + ", not as " +
                 proxy.serviceAccount);
}

// Refused configuration is our fault or an object's: the log says which objects shaped it.
void logReport(const std::string& proxy, const discovery::Report& report) {
  if (report.accepted || report.undecided) return;
  for (const auto& resource : report.resources) {
    std::string blame;
    for (const auto& object : resource->provenance) blame += (blame.empty() ? "" : ", ") + object.toString();
    spdlog::error("proxy {} refuses {} '{}' (from {}): {}; it keeps its last version, the rest goes on", proxy,
                  translate::shortName(report.type), resource->name, blame.empty() ? "defaults" : blame, report.error);
  }
}

// Sleeps, but no longer than until a signal to end comes: false then.
using Sleep = std::function<bool(std::chrono::milliseconds)>;

Result<std::chrono::milliseconds> parseTime(const std::string& text, const std::string& flag) {
  const auto duration = api::parseDuration(text);
  if (!duration) return tl::unexpected(duration.error().within(flag));
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
}

Result<void> openOptions(const ServeOptions& options, ControlPlane& plane) {
  const auto drain = parseTime(options.drainDuration, "--drain-duration");
  if (!drain) return tl::unexpected(drain.error());
  const auto age = parseTime(options.maxStreamAge, "--max-stream-age");
  if (!age) return tl::unexpected(age.error());
  if (*age != std::chrono::milliseconds::zero() && *age < std::chrono::minutes(1)) {
    return failure("--max-stream-age: found " + options.maxStreamAge + ", expected 0s (never) or at least 1m");
  }
  plane.drainDuration = *drain;
  plane.maxStreamAge = *age;
  if (!options.configDir.empty()) return {};
  auto access = options.kubeconfig.empty() ? kube::inClusterAccess(kube::processEnvironment())
                                           : kube::loadKubeconfig(options.kubeconfig);
  if (!access) {
    return tl::unexpected(options.kubeconfig.empty()
                              ? Error{access.error().message + "; outside a pod, give --kubeconfig or --config"}
                              : access.error().within("--kubeconfig"));
  }
  plane.access = std::move(*access);
  return {};
}

// The names by which proxies, agents and the API server reach this revision.
std::vector<std::string> serverNames(const ServeOptions& options) {
  std::vector<std::string> names;
  std::set<std::string> hosts{"istiod", "fairway", control::revisioned("istiod", options.revision),
                              control::revisioned("fairway", options.revision)};
  for (const auto& host : hosts) {
    const auto name = host + "." + options.rootNamespace;
    for (const auto& suffix : {std::string(), std::string(".svc"), ".svc." + options.clusterDomain}) {
      names.push_back(name + suffix);
    }
  }
  names.emplace_back("localhost");
  return names;
}

// Before the identity: whether there is something to serve without the API server decides whether to wait for it.
void openSnapshots(const ServeOptions& options, ControlPlane& plane) {
  if (!plane.access || options.snapshotDir == "none") return;
  SnapshotKeeper::Options keeper;
  keeper.folder = options.snapshotDir.empty() ? options.stateDir : options.snapshotDir;
  keeper.owner.server = plane.access->server;
  keeper.owner.mesh =
      options.trustDomain + " " + options.clusterDomain + " " + options.rootNamespace + " " + options.revision;
  if (const auto roots = identity::readFile(identity::authorityRootsFile(options.stateDir)); roots) {
    keeper.owner.rootsHash = contentHash(*roots);
  }
  plane.snapshots = std::make_unique<SnapshotKeeper>(std::move(keeper));
}

Result<identity::AuthorityOptions> authorityOptions(const ServeOptions& options) {
  identity::AuthorityOptions authority;
  authority.stateDir = options.stateDir;
  authority.caDir = options.caDir;
  std::chrono::seconds overlap{};
  for (const auto& [flag, text, value] :
       {std::tuple{"--default-workload-cert-ttl", &options.defaultWorkloadCertTtl, &authority.defaultTtl},
        {"--max-workload-cert-ttl", &options.maxWorkloadCertTtl, &authority.maxTtl},
        {"--ca-rotation-delay", &options.caRotationDelay, &authority.rotationDelay},
        {"--ca-overlap", &options.caOverlap, &overlap}}) {
    if (text->empty()) continue;
    const auto time = parseTime(*text, flag);
    if (!time) return tl::unexpected(time.error());
    *value = std::chrono::duration_cast<std::chrono::seconds>(*time);
  }
  if (authority.defaultTtl <= std::chrono::seconds::zero() || authority.maxTtl < authority.defaultTtl) {
    return failure("--default-workload-cert-ttl: found " + options.defaultWorkloadCertTtl +
                   ", expected more than 0s and at most " + options.maxWorkloadCertTtl + " (--max-workload-cert-ttl)");
  }
  if (!options.caOverlap.empty()) authority.overlap = overlap;
  authority.trustDomain = options.trustDomain;
  authority.serverNames.dns = serverNames(options);
  return authority;
}

Result<void> openIdentity(const ServeOptions& options, ControlPlane& plane, const Sleep& sleep) {
  const auto wanted = authorityOptions(options);
  if (!wanted) return tl::unexpected(wanted.error());
  const auto& authority = *wanted;
  if (plane.access) {
    const auto& ns = options.podNamespace.empty() ? options.rootNamespace : options.podNamespace;
    auto member = ClusterMember::create(
        *plane.access, {options.revision, options.rootNamespace, options.podName, ns, "fairway/" FAIRWAY_VERSION});
    if (!member) return tl::unexpected(member.error());
    plane.member = std::move(*member);
    auto opened = options.caDir.empty()
                      ? plane.member->openAuthority(authority, plane.snapshots && plane.snapshots->usable(), sleep)
                      : identity::CertificateAuthority::open(authority, Clock::now());
    if (!opened) return tl::unexpected(opened.error());
    plane.authority = std::move(*opened);
    if (plane.snapshots) plane.snapshots->confirm(contentHash(plane.authority->rootsBundle()));
    return {};
  }
  auto opened = identity::CertificateAuthority::open(authority, Clock::now());
  if (!opened) return tl::unexpected(opened.error());
  plane.authority = std::move(*opened);
  auto tokens = identity::FolderTokens::open(options.stateDir);
  if (!tokens) return tl::unexpected(tokens.error());
  plane.folderTokens = std::move(*tokens);
  return {};
}

void openEngine(const ServeOptions& options, ControlPlane& plane) {
  normalize::registerQueries(plane.catalogue);
  translate::registerUnits(plane.catalogue);
  engine::Engine::Options engine;
  engine.mesh = {options.trustDomain, options.clusterDomain, options.rootNamespace,
                 control::revisioned(kMeshConfigMap, options.revision)};
  engine.maxBatchDelay = std::chrono::milliseconds(options.maxBatchDelayMs);
  engine.always = {{normalize::ReferenceChecks::kType, normalize::ReferenceChecks{}.key()},
                   {translate::PatchChecks::kType, translate::PatchChecks{}.key()},
                   {normalize::GatewayApiWanted::kType, normalize::GatewayApiWanted{}.key()}};
  plane.engine = std::make_unique<engine::Engine>(engine, plane.catalogue);
}

Result<void> openSource(const ServeOptions& options, ControlPlane& plane) {
  EngineSink::Options sink;
  sink.clusterId = options.clusterId;
  sink.onKeySets = [&plane](const std::map<std::string, std::chrono::milliseconds>& urls) {
    plane.keySets->want(urls);
  };
  if (plane.folderTokens) {
    sink.logProblems = false;     // the folder source does, with file and line
    sink.labelsByAccount = true;  // its tokens name no pod
    sink.onAccounts = [&plane](const std::set<identity::ServiceAccount>& accounts) {
      if (const auto written = plane.folderTokens->update(accounts, Clock::now()); !written) {
        spdlog::error("tokens: {}", written.error().message);
      }
    };
  }
  plane.sink = std::make_unique<EngineSink>(*plane.engine, std::move(sink));

  if (!options.configDir.empty()) {
    auto folder = kube::FolderSource::create(options.configDir, *plane.sink);
    if (!folder) return tl::unexpected(folder.error().within("--config"));
    plane.fileProblems = [raw = folder->get()] { return raw->problems(); };
    plane.source = std::move(*folder);
    return {};
  }
  kube::ClientOptions client;
  client.userAgent = "fairway/" FAIRWAY_VERSION;
  auto server = kube::makeClient(*plane.access, client);
  if (!server) return tl::unexpected(server.error());
  plane.tokenReviewer = std::make_unique<TokenReviewer>(std::move(*server));
  kube::Sink& into = plane.snapshots ? plane.snapshots->between(*plane.sink) : *plane.sink;
  auto source = kube::makeKubernetesSource(*plane.access, into, client.userAgent,
                                           plane.snapshots ? plane.snapshots->kinds() : std::set<api::Kind>());
  if (!source) return tl::unexpected(source.error());
  plane.source = std::move(*source);
  return {};
}

Result<std::set<std::string>> parseStatusReaders(const std::string& text) {
  std::set<std::string> readers;
  for (const auto& part : split(text, ',')) {
    const std::string account(trim(part));
    if (account.empty()) continue;
    const auto slash = account.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == account.size() ||
        account.find('/', slash + 1) != std::string::npos) {
      return failure("--status-readers: \"" + account + "\": expected NAMESPACE/ACCOUNT");
    }
    readers.insert(account);
  }
  return readers;
}

Result<void> openDiscovery(const ServeOptions& options, ControlPlane& plane) {
  identity::CertificateServiceOptions certificates;
  certificates.certificateSuffices = plane.folderTokens != nullptr;
  plane.certificates = std::make_unique<identity::CertificateService>(*plane.authority, plane.tokens(), certificates);
  plane.certificates->describeCallers([&plane](const identity::Caller& caller, std::chrono::milliseconds wait) {
    return plane.sink->describe(caller, wait);
  });
  plane.trust = std::make_unique<TrustKeeper>(
      TrustKeeper::Options{options.stateDir,
                           !plane.member || !options.caDir.empty(),
                           {options.rootNamespace, control::revisioned(kMeshConfigMap, options.revision)}},
      *plane.authority, *plane.engine, *plane.certificates);
  discovery::ServerOptions server;
  server.limits.streamAge = plane.maxStreamAge;
  server.secureAddress = options.xdsAddress;
  server.insecureAddress = options.insecureXdsAddress;
  server.tls = {plane.authority->serverFile(), plane.authority->serverFile(), plane.authority->rootsFile()};
  server.trustDomain = options.trustDomain;
  server.authenticateToken = [&plane](const std::string& token) -> Result<discovery::PeerIdentity> {
    const auto account = plane.tokens()->verify(token, Clock::now());
    if (!account) return failure(account.error().message);
    discovery::PeerIdentity identity{plane.authority->trustDomain(), account->ns, account->name, {}};
    const auto expiry = identity::tokenExpiry(token);
    if (!expiry) return failure("the token has no expiry");
    identity.expires = *expiry;
    return identity;
  };
  server.checkCertificate = [&plane](const std::string& pem) -> Result<void> {
    const auto trust = plane.authority->trust();
    if (trust->crl.empty()) return {};
    const auto certificate = identity::Certificate::fromPem(pem);
    if (!certificate || trust->isRevoked(*certificate)) return failure("the client certificate has been revoked");
    return {};
  };
  server.authorize = [&plane](const discovery::PeerIdentity&, const translate::Proxy& proxy) {
    return authorizeProxy(*plane.engine, proxy);
  };
  server.onReport = logReport;
  plane.edges = std::make_unique<MeshEdges>(*plane.engine);
  server.onLoad = [&edges = *plane.edges](const translate::Proxy& proxy, const discovery::LoadReport& report) {
    edges.report(proxy, report);
  };
  server.loadsWanted = [&edges = *plane.edges] { return edges.wanted(); };
  if (plane.member) server.machines = plane.member->machines();
  auto readers = parseStatusReaders(options.statusReaders);
  if (!readers) return tl::unexpected(readers.error());
  server.statusReaders = std::move(*readers);
  server.compress = options.xdsCompression == "gzip";
  server.services = {&plane.certificates->service()};
  auto started = discovery::Server::start(std::move(server), *plane.engine);
  if (!started) return tl::unexpected(started.error());
  plane.discovery = std::move(*started);
  plane.certificates->onAuthenticated([&server = *plane.discovery](const std::string& peer) { server.trust(peer); });
  plane.keeper = makeKeeper(*plane.engine, *plane.discovery, plane.member.get());
  return {};
}

Result<void> openWebhook(const ServeOptions& options, ControlPlane& plane) {
  if (options.webhookAddress.empty()) return {};
  const auto address = parseAddress(options.webhookAddress);
  if (!address) return tl::unexpected(address.error().within("--webhook-address"));
  console::HttpServer::Options server;
  server.address = *address;
  server.maxBody = 8U << 20U;  // an object of at most 1.5 MiB comes twice, with room for what surrounds it
  server.certificateFile = server.keyFile = plane.authority->serverFile();
  WebhookOptions webhook{options.injectionConfig, options.revision, options.rootNamespace, [] { return true; }};
  webhook.proxyConfigs = [&plane] { return plane.sink->proxyConfigs(); };
  webhook.proxyDefaults = [&plane, mesh = api::NamespacedName{options.rootNamespace,
                                                              control::revisioned(kMeshConfigMap, options.revision)}] {
    return plane.sink->proxyDefaults(mesh);
  };
  if (plane.access) {
    auto asked = kube::makeClient(*plane.access, {.userAgent = "fairway/" FAIRWAY_VERSION});
    if (!asked) return tl::unexpected(asked.error());
    webhook.nativeSidecars = [api = std::shared_ptr<kube::ApiServer>(std::move(*asked))]() -> Result<bool> {
      const auto version = api->get("/version", {});
      if (!version) return failure(version.error().message);
      return runsNativeSidecars(*version);
    };
  }
  plane.webhookAnswers = std::make_shared<Webhook>(std::move(webhook));
  auto started = console::HttpServer::start(
      server, [answers = plane.webhookAnswers](const console::Request& request) { return answers->answer(request); });
  if (!started) return tl::unexpected(started.error().within("--webhook-address"));
  plane.webhook = std::move(*started);
  return {};
}

// After all that readiness depends on.
Result<void> openAdmin(const ServeOptions& options, ControlPlane& plane) {
  if (options.adminAddress.empty()) return {};
  const auto address = parseAddress(options.adminAddress);
  if (!address) return tl::unexpected(address.error().within("--admin-address"));
  console::HttpServer::Options server;
  server.address = *address;
  AdminInputs inputs{*plane.engine,      *plane.source,         *plane.discovery,
                     *plane.keeper,      *plane.authority,      *plane.certificates,
                     plane.fileProblems, plane.member.get(),    {},
                     &plane.stopping,    plane.snapshots.get(), plane.edges.get()};
  if (plane.webhookAnswers) {
    inputs.webhook = plane.webhookAnswers.get();
    inputs.injectionProblem = [answers = plane.webhookAnswers] { return answers->problem(); };
  }
  auto started = console::HttpServer::start(server, console::adminHandler(adminSources(inputs), versionText()));
  if (!started) return tl::unexpected(started.error().within("--admin-address"));
  plane.admin = std::move(*started);
  return {};
}

void joinCluster(const ServeOptions& options, ControlPlane& plane) {
  if (!plane.member) return;
  ClusterMember::Parts parts;
  parts.trust = [&plane] { return plane.trust->texts(); };
  parts.gatewayApi = gatewayApiOf(*plane.engine, [&plane] {
    const auto feeds = plane.source->status();
    return std::all_of(feeds.begin(), feeds.end(), [](const kube::FeedStatus& feed) { return feed.synced; });
  });
  parts.workloadGroups = [&engine = *plane.engine]() -> std::optional<bool> {
    if (!engine.ready()) return std::nullopt;
    bool found = false;
    engine.inspect([&](const engine::Core& core) { found = !core.store().names(api::Kind::workload_group).empty(); });
    return found;
  };
  if (options.caDir.empty()) {
    parts.offerCa = [&plane, state = options.stateDir](const identity::CaFiles& files) -> Result<void> {
      if (auto offered = plane.authority->offer(files, Clock::now()); !offered) return offered;
      return control::keepCaFiles(state, files);
    };
  }
  parts.ready = [&plane] { return plane.engine->ready(); };
  parts.streams = [&plane] { return static_cast<std::size_t>(plane.discovery->counters().streams); };
  parts.shed = [&plane](std::size_t count, std::chrono::milliseconds over) {
    return plane.discovery->shed(count, over);
  };
  plane.member->join(std::move(parts));
}

// Not ready first, so that no one new comes; the webhook answers to the last, as the API server may still ask it.
void shutDown(const ServeOptions& options, ControlPlane& plane) {
  plane.stopping = true;
  if (plane.snapshots) plane.snapshots->stop();
  {
    const std::jthread leaving([&plane] {
      if (plane.member) plane.member->leave();
    });
    // Where there are no others, a slow end helps nobody.
    if (plane.member && !options.podName.empty()) plane.discovery->drain(plane.drainDuration);
  }
  plane.discovery->shutdown();
  plane.webhook.reset();
  plane.admin.reset();
}

std::map<std::string, std::string> addressesOf(const ControlPlane& plane) {
  std::map<std::string, std::string> addresses;
  if (!plane.discovery->secureAddress().empty()) addresses["xds"] = plane.discovery->secureAddress();
  if (!plane.discovery->insecureAddress().empty()) addresses["insecure-xds"] = plane.discovery->insecureAddress();
  if (plane.admin) addresses["admin"] = plane.admin->address().toString();
  if (plane.webhook) addresses["webhook"] = plane.webhook->address().toString();
  return addresses;
}

}  // namespace

std::string defaultStateDir() {
  if (geteuid() == 0) return "/var/lib/fairway";
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::string(state) + "/fairway";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") + "/.local/state/fairway";
}

namespace {

// A proxy's connection takes two descriptors, and the limit that a shell or a service manager sets is often 1024.
void raiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int serve(ServeOptions options) {
  if (options.stateDir.empty()) options.stateDir = defaultStateDir();

  // Each connection keeps a buffer for its next read. By this experiment of gRPC, which is on, it has 64 kilobytes once
  // more than 12 came at a time; without it, what discovery/server.cpp sets as the most. Read once, at gRPC's start.
  setenv("GRPC_EXPERIMENTS", "-tcp_read_chunks", 0);

  raiseFileLimit();

  // Blocked before any thread starts, so that the main thread alone takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const auto fail = [](const Error& error) {
    spdlog::critical("{}", error.message);
    return exitFailure;
  };
  auto state = StateDir::open(options.stateDir);
  if (!state) return fail(state.error());
  bool ended = false;
  const Sleep sleep = [&](std::chrono::milliseconds time) {
    const timespec timeout{time.count() / 1000, static_cast<long>(time.count() % 1000 * 1'000'000)};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    ended = ended || signal == SIGINT || signal == SIGTERM;
    return !ended;
  };
  ControlPlane plane;
  if (const auto done = openOptions(options, plane); !done) return fail(done.error());
  openSnapshots(options, plane);
  if (const auto done = openIdentity(options, plane, sleep); !done) return ended ? exitOk : fail(done.error());
  openEngine(options, plane);
  // A folder's user has the machine anyway; in a cluster, loopback is this pod's own admin port.
  plane.keySets = makeKeySets(*plane.engine, plane.access ? plane.access->server : std::string(),
                              {!options.configDir.empty(), options.jwksCaFile});
  if (const auto done = openSource(options, plane); !done) return fail(done.error());
  if (const auto done = openDiscovery(options, plane); !done) return fail(done.error());
  if (const auto done = openWebhook(options, plane); !done) return fail(done.error());
  if (const auto done = openAdmin(options, plane); !done) return fail(done.error());

  spdlog::info("fairway {} serves {}", versionText(),
               options.configDir.empty() ? (options.kubeconfig.empty() ? "its cluster" : options.kubeconfig)
                                         : options.configDir);
  const auto addresses = addressesOf(plane);
  for (const auto& [name, address] : addresses) spdlog::info("listening: {} on {}", name, address);
  if (const auto written = state->writeAddresses(addresses); !written) return fail(written.error());

  plane.source->start();
  if (plane.snapshots) plane.snapshots->start(*plane.engine, *plane.source);
  joinCluster(options, plane);
  Housekeeping housekeeping(plane);
  do {
    housekeeping.tick();
  } while (sleep(housekeeping.interval()));
  spdlog::info("stopping");
  shutDown(options, plane);
  return exitOk;
}

}  // namespace fairway::cli
