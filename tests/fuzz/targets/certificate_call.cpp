// The message of a call for a certificate, as protobuf reads it.
#include "fuzz/target.h"
#include "identity/certificate.pb.h"
#include "identity/pki.h"

namespace {

using namespace fairway;

void run(std::string_view bytes) {
  identity::v1::CreateCertificateRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  (void)identity::parseCsr(request.csr());
}

std::vector<std::string> seeds() {
  identity::v1::CreateCertificateRequest request;
  request.set_csr(identity::makeCsr(identity::PrivateKey::generate().value()).value());
  request.set_validity_seconds(3600);
  auto usual = request.SerializeAsString();
  request.set_validity_seconds(-1);
  return {usual, request.SerializeAsString()};
}

const fuzz::Registration kTarget{{"certificate_call", {}, run, seeds}};

}  // namespace
