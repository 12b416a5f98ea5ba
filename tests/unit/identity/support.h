#pragma once

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "identity/issue.h"

namespace fairway::identity::test {

using namespace std::chrono_literals;

// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/fairway-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? path_ : path_ + "/" + name;
  }

 private:
  std::string path_;
};

struct Outcome {
  int status;
  std::string output;  // both streams
};

inline Outcome run(const std::string& command) {
  std::FILE* pipe = ::popen(("( " + command + " ) 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), size);
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

inline void write(const std::string& path, const std::string& contents) { std::ofstream(path) << contents; }

inline std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

inline unsigned modeOf(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("no file " + path);
  return status.st_mode & 07777;
}

// A whole second, so that it survives the encoding in a certificate.
inline Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

inline Issuer makeIssuer(Time at, std::chrono::seconds validity = 24h * 3650,
                         const std::string& trustDomain = "cluster.local") {
  auto key = PrivateKey::generate().value();
  auto certificate = issueRoot(key, trustDomain, validity, at).value();
  return {std::move(certificate), std::move(key)};
}

inline Certificate makeWorkload(const Issuer& issuer, const PrivateKey& key, Time at, std::chrono::seconds ttl = 24h,
                                const SpiffeId& id = {"cluster.local", {"onap", "portal"}}) {
  return issueWorkload(issuer, key.publicKey().value(), id, ttl, at).value();
}

}  // namespace fairway::identity::test
