#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "identity/crl.h"

namespace fairway::identity {

// What a CA folder or Secret holds, by file name. Istio's form: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem,
// ca-crl.pem; or that of a Secret of type kubernetes.io/tls: tls.crt, tls.key, ca.crt (and ca-crl.pem). Other names are
// ignored, empty contents count as missing.
using CaFiles = std::map<std::string, std::string, std::less<>>;

// The names that count, for those who read them.
const std::vector<std::string>& caFileNames();

// What signs, and what peers need in order to believe it.
struct CaMaterial {
  Issuer issuer;
  std::vector<Certificate>
      chain;  // sent after each leaf: the issuer's certificate and what leads to the root, without it
  std::vector<Certificate> roots;  // to be trusted; the issuer's certificate leads to one of them
  std::vector<RevocationList> crl;

  // When the first of what leads from a leaf to the root ends.
  [[nodiscard]] Time notAfter() const;
  // PEM, for keeping it.
  [[nodiscard]] Result<CaFiles> toFiles() const;
};

// Checks that all of it holds together: the key is the certificate's, the certificate may sign, has not expired, is not of
// another trust domain, and a certificate that it signs leads to one of the roots. Without root-cert.pem (ca.crt) the last
// certificate of the chain is the root. Messages name the file and say what to do; they never quote a key.
Result<CaMaterial> parseCaFiles(const CaFiles& files, const std::string& trustDomain, Time now);

// The files of a folder, as far as they are there. A key must be private (see readPrivateFile) if `ownKey`; a mounted
// Secret is not. Fails on a file that cannot be read and on a folder without any of them.
Result<CaFiles> readCaFolder(const std::string& path, bool ownKey);

// One PEM text without doubles, in order.
std::string toPem(const std::vector<Certificate>& certificates);
void addDistinct(std::vector<Certificate>& to, const std::vector<Certificate>& from);

}  // namespace fairway::identity
