#include "http_server.h"

#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"

namespace fairway::kube::test {
namespace {

std::string fromBio(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

X509* readCertificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* readKey(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

void addExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Issued make(const Issued* ca, const std::string& name, const std::string& san) {
  static std::atomic<long> serial = 1;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* issuer = ca == nullptr ? certificate : readCertificate(ca->certificatePem);
  EVP_PKEY* signer = ca == nullptr ? key : readKey(ca->keyPem);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  addExtension(certificate, issuer, NID_basic_constraints, ca == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (!san.empty()) addExtension(certificate, issuer, NID_subject_alt_name, san);
  X509_sign(certificate, signer, EVP_sha256());

  Issued issued;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  issued.certificatePem = fromBio(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  issued.keyPem = fromBio(bio);
  if (ca != nullptr) {
    X509_free(issuer);
    EVP_PKEY_free(signer);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return issued;
}

std::string percentDecode(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

Issued makeCa(const std::string& name) { return make(nullptr, name, ""); }
Issued issue(const Issued& ca, const std::string& name, const std::string& san) { return make(&ca, name, san); }

std::string Request::parameter(const std::string& name) const {
  for (const std::string& pair : split(query, '&')) {
    if (pair.starts_with(name + "=")) return percentDecode(pair.substr(name.size() + 1));
  }
  return {};
}

void Reply::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto count = tls_ != nullptr
                           ? SSL_write(tls_, bytes.data() + sent, static_cast<int>(bytes.size() - sent))
                           : static_cast<int>(::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL));
    if (count <= 0) {
      closed_ = true;
      return;
    }
    sent += static_cast<std::size_t>(count);
  }
}

void Reply::answer(int status, const std::string& body) {
  send("HTTP/1.1 " + std::to_string(status) +
       " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void Reply::beginChunks() {
  send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void Reply::chunk(const std::string& bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  send(size + bytes + "\r\n");
}

void Reply::waitForClose() {
  while (!stopping_) {
    pollfd file{.fd = socket_, .events = POLLIN | POLLRDHUP, .revents = 0};
    if (::poll(&file, 1, 50) > 0 && (file.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) break;
  }
  closed_ = true;
}

HttpServer::HttpServer(Handler handler, const ServerTls& tls) : handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  if (!tls.certificatePem.empty()) {
    context_ = SSL_CTX_new(TLS_server_method());
    X509* certificate = readCertificate(tls.certificatePem);
    EVP_PKEY* key = readKey(tls.keyPem);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!tls.clientCaPem.empty()) {
      X509* ca = readCertificate(tls.clientCaPem);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
      X509_free(ca);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { acceptLoop(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
  ::close(listener_);
  SSL_CTX_free(context_);
}

std::string HttpServer::url() const {
  return (context_ != nullptr ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port_);
}

void HttpServer::acceptLoop() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void HttpServer::serve(int socket) {
  SSL* tls = nullptr;
  std::string subject;
  if (context_ != nullptr) {
    tls = SSL_new(context_);
    SSL_set_fd(tls, socket);
    if (SSL_accept(tls) != 1) {
      SSL_free(tls);
      ::shutdown(socket, SHUT_RDWR);
      return;
    }
    if (X509* peer = SSL_get1_peer_certificate(tls)) {
      char text[256];
      subject = X509_NAME_oneline(X509_get_subject_name(peer), text, sizeof text);
      X509_free(peer);
    }
  }
  std::string received;
  const auto receive = [&] {
    char buffer[4096];
    const auto count = tls != nullptr ? SSL_read(tls, buffer, sizeof buffer)
                                      : static_cast<int>(::recv(socket, buffer, sizeof buffer, 0));
    if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  };
  bool open = true;
  while (open && !stopping_) {
    std::size_t end = std::string::npos;
    while ((end = received.find("\r\n\r\n")) == std::string::npos && receive()) {
    }
    if (end == std::string::npos) break;
    Request request;
    request.clientCertificate = subject;
    const auto lines = split(received.substr(0, end), '\n');
    received.erase(0, end + 4);
    request.method = split(lines.at(0), ' ').at(0);
    const std::string target = split(lines.at(0), ' ').at(1);
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query = target.substr(mark + 1);
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const std::size_t colon = lines[i].find(':');
      if (colon != std::string::npos) {
        request.headers[toLower(lines[i].substr(0, colon))] = std::string(trim(lines[i].substr(colon + 1)));
      }
    }
    if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
      const std::size_t size = std::stoul(length->second);
      while (received.size() < size && receive()) {
      }
      request.body = received.substr(0, size);
      received.erase(0, size);
    }
    ++requests_;
    Reply reply(socket, tls, stopping_);
    handler_(request, reply);
    open = !reply.closed();
  }
  SSL_free(tls);
  ::shutdown(socket, SHUT_RDWR);
}

}  // namespace fairway::kube::test
