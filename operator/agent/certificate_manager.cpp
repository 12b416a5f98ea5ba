#include "agent/certificate_manager.h"

#include <algorithm>

#include "agent/log.h"
#include "base/strings.h"
#include "identity/files.h"
#include "identity/pki.h"
#include "identity/tokens.h"

namespace fairway::agent {
namespace {

// Certificates are renewed at half their life, a tenth of it sooner or later, so that those that were issued together
// are not renewed together.
constexpr double kRenewAt = 0.5;
constexpr double kRenewJitter = 0.1;
// The clock is looked at this often while waiting: it may be set, and the machine may sleep.
constexpr std::chrono::seconds kLongestWait{15};
// Files of what is to be trusted, this often.
constexpr std::chrono::seconds kLookAtTrust{1};

// Without any certificate the pod cannot work: it is asked for more often then.
constexpr std::chrono::milliseconds kMaxFirstBackoff{10'000};
// Clocks that agree this well are in order.
constexpr std::chrono::seconds kClockTolerance{10};

std::int64_t seconds(std::chrono::system_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// A token from the future says that this machine's clock is slow. Every check of a certificate's time fails then, and
// what TLS reports does not say why.
std::string clockAdvice(const std::string& token, std::chrono::system_clock::time_point now) {
  const auto issued = identity::tokenIssuedAt(token);
  if (!issued || *issued <= now + kClockTolerance) return {};
  return ": this machine's clock is at least " + std::to_string(seconds(*issued - now)) +
         " s slow by that of the API server, which made the token: set it (NTP)";
}

std::int64_t minutes(std::chrono::system_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::minutes>(duration).count();
}

std::optional<CertificateManager::Time> firstEnd(const std::string& pem) {
  const auto roots = identity::Certificate::chainFromPem(pem);
  if (!roots || roots->empty()) return std::nullopt;
  return std::min_element(roots->begin(), roots->end(),
                          [](const auto& a, const auto& b) { return a.notAfter() < b.notAfter(); })
      ->notAfter();
}

}  // namespace

CertificateManager::CertificateManager(CertificateManagerOptions options, CertificateClient& client, Publish publish,
                                       std::function<double()> random)
    : options_(std::move(options)), client_(client), publish_(std::move(publish)), random_(std::move(random)) {
  if (!options_.rootFile.empty()) trustFile_.emplace(options_.rootFile);
}

CertificateManager::~CertificateManager() { stop(); }

// By token if there is a usable one, else, or if it is not accepted, by the certificate in use.
tl::expected<CertificateReply, CertificateFailure> CertificateManager::ask(CertificateWish wish, Time now) {
  const auto byCertificate = [&] {
    wish.token.reset();
    wish.certificate = CertificateWish::Credentials{current_->privateKey, current_->certificateChain};
    return client_.request(wish);
  };
  std::string problem;
  const auto contents = identity::readFile(options_.tokenFile, identity::kMaxTokenBytes);
  const std::string token(contents ? trim(*contents) : std::string_view());
  if (!contents) {
    problem = contents.error().message + ": expected the projected token of the volume istio-token";
  } else if (token.empty() || token.find_first_of(" \r\n\t") != std::string::npos) {
    problem = options_.tokenFile + ": expected one token";
  } else if (const auto expiry = identity::tokenExpiry(token); expiry && *expiry <= now) {
    problem = options_.tokenFile + ": the token expired " + std::to_string(seconds(now - *expiry)) +
              " s ago: kubelet renews it; check kubelet, and this machine's clock";
  } else {
    wish.token = token;
    auto reply = client_.request(wish);
    if (!reply) reply.error().message += clockAdvice(token, now);
    if (reply || reply.error().kind != CertificateFailure::Kind::credentials || !hasValidCertificate(now)) return reply;
    log().warn("{}: asking with the certificate in use", reply.error().message);
    return byCertificate();
  }
  if (hasValidCertificate(now)) return byCertificate();
  return tl::unexpected(
      CertificateFailure{CertificateFailure::Kind::other, problem + ", and there is no valid certificate"});
}

Result<Secrets> CertificateManager::obtain(Time now) {
  const auto key = identity::PrivateKey::generate();
  if (!key) return tl::unexpected(key.error());
  auto csr = identity::makeCsr(*key);
  if (!csr) return tl::unexpected(csr.error());
  CertificateWish wish;
  wish.csr = std::move(*csr);
  wish.validity = options_.validity;
  const auto reply = ask(std::move(wish), now);
  if (!reply) return failure(reply.error().message);

  // What the control plane sent is used by Envoy from here on: it has to hold together.
  const auto wrong = [](const std::string& message) {
    return failure("the certificate that the control plane issued: " + message);
  };
  const auto chain = identity::Certificate::chainFromPem(join(reply->chain, "\n"));
  if (!chain) return wrong(chain.error().message);
  const auto roots = identity::Certificate::chainFromPem(reply->roots);
  if (!roots) return wrong("roots: " + roots.error().message);
  const auto& leaf = chain->front();
  if (!leaf.matches(*key)) return wrong("it is not for the key it was asked for");
  if (leaf.uriNames() != std::vector<std::string>{options_.id.toString()}) {
    return wrong("it names " + join(leaf.uriNames(), ", ") + ", expected " + options_.id.toString() +
                 ": check --trust-domain, --namespace, --service-account and the token");
  }
  if (leaf.notBefore() > now) {
    return wrong("it is not yet valid: this machine's clock is at least " +
                 std::to_string(seconds(leaf.notBefore() - now)) +
                 " s slow by that of the control plane: set it (NTP)");
  }
  if (leaf.notAfter() <= now) {
    return wrong("it has expired already: this machine's clock is at least " +
                 std::to_string(seconds(now - leaf.notAfter())) + " s fast by that of the control plane: set it (NTP)");
  }
  const std::vector<identity::Certificate> intermediates(chain->begin() + 1, chain->end());
  if (auto verified = identity::verifyChain(leaf, intermediates, *roots, identity::Usage::client, now); !verified) {
    return wrong(verified.error().message + ": if it is about time, check this machine's clock");
  }
  Secrets secrets;
  for (const auto& certificate : *chain) secrets.certificateChain += certificate.toPem();
  for (const auto& root : *roots) secrets.roots += root.toPem();
  if (!reply->trust.empty()) {
    auto trust = identity::TrustBundle::fromJson(reply->trust);
    if (!trust) return wrong(trust.error().message);
    secrets.trust = std::move(*trust);
  }
  auto pem = key->toPem();
  if (!pem) return tl::unexpected(pem.error());
  secrets.privateKey = std::move(*pem);
  secrets.notAfter = leaf.notAfter();
  return secrets;
}

CertificateManager::Time CertificateManager::step(Time now) {
  auto secrets = obtain(now);
  if (!secrets) {
    const auto most = hasValidCertificate(now) ? options_.maxBackoff : std::min(options_.maxBackoff, kMaxFirstBackoff);
    const auto limit = static_cast<double>(most.count());
    const double pause =
        std::min(limit, static_cast<double>(options_.firstBackoff.count()) * (1U << std::min(attempt_, 20U)));
    ++attempt_;
    const std::chrono::milliseconds wait(static_cast<std::int64_t>(pause * (0.5 + 0.5 * random_())));
    log().warn("no certificate for {}: {}; trying again in {} ms{}", options_.id.toString(), secrets.error().message,
               wait.count(), hasValidCertificate(now) ? ", the present one is still valid" : "");
    const std::lock_guard guard(mutex_);
    ++status_.failures;
    status_.problem = secrets.error().message;
    return now + wait;
  }
  attempt_ = 0;
  current_ = std::move(*secrets);
  {
    const std::lock_guard guard(mutex_);
    ++status_.issued;
    status_.problem.clear();
    status_.notAfter = current_->notAfter;
    status_.rootsNotAfter = firstEnd(current_->roots);
  }
  publish_(*current_);
  const double share = kRenewAt + kRenewJitter * (2 * random_() - 1);
  const auto life = current_->notAfter - now;
  const auto next = now + std::chrono::duration_cast<Time::duration>(life * share);
  log().info("certificate for {} is valid for {} minutes, to be renewed in {}", options_.id.toString(), minutes(life),
             minutes(next - now));
  return next;
}

bool CertificateManager::refreshTrust() {
  if (!trustFile_ || !current_) return false;
  auto trust = trustFile_->changed();
  if (!trust || (trust->roots == current_->roots && *trust == current_->trust)) return false;
  current_->roots = trust->roots;
  current_->trust = std::move(*trust);
  {
    const std::lock_guard guard(mutex_);
    status_.rootsNotAfter = firstEnd(current_->roots);
  }
  log().info("what is to be trusted has changed");
  publish_(*current_);
  return true;
}

void CertificateManager::start() {
  thread_ = std::thread([this] { run(); });
}

void CertificateManager::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto next = step(std::chrono::system_clock::now());
    lock.lock();
    for (auto now = std::chrono::system_clock::now(); now < next && !stopping_;
         now = std::chrono::system_clock::now()) {
      wake_.wait_for(lock, std::min<Time::duration>(next - now, trustFile_ ? kLookAtTrust : kLongestWait));
      lock.unlock();
      refreshTrust();
      lock.lock();
    }
  }
}

void CertificateManager::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  client_.cancel();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

CertificateManager::Status CertificateManager::status() const {
  const std::lock_guard guard(mutex_);
  return status_;
}

}  // namespace fairway::agent
