// The HTTP servers that others reach, over real connections: the control plane's (admin port and webhook) and the agent's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "agent/http_server.h"
#include "console/admin.h"
#include "console/http_server.h"
#include "fuzz/target.h"

namespace {

using namespace fairway;

// What the server answers to these bytes and the end of the connection.
std::string exchange(std::uint16_t port, std::string_view bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const linger atOnce{1, 0};  // thousands a second: closed connections that wait would use up the ports
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fuzz::require(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
                "the server takes connections");
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // it has heard enough
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  shutdown(fd, SHUT_WR);
  std::string answer;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = recv(fd, part.data(), part.size(), 0)) > 0;)
    answer.append(part.data(), static_cast<std::size_t>(size));
  close(fd);
  return answer;
}

void requireHttp(const std::string& answer) {
  fuzz::require(answer.empty() || answer.starts_with("HTTP/1."), "an answer is HTTP");
}

console::AdminSources sources() {
  console::AdminSources sources;
  sources.ready = [] { return console::AdminSources::Readiness{true, ""}; };
  sources.metrics = [] { return std::vector<prometheus::MetricFamily>{}; };
  sources.configDump = [](const std::string& proxy) -> std::optional<nlohmann::json> {
    return nlohmann::json{{"proxy", proxy}};
  };
  sources.discovery = [](const std::string& path, const std::string& body) {
    return console::Response::text(200, path + body);
  };
  const auto row = nlohmann::json::array({{{"id", "<a>"}}});
  sources.pages = {{"proxies", "Proxies", "Those that are connected.", [row] { return row; }, {}, false},
                   {"engine",
                    "Engine",
                    "What it does.",
                    [] {
                      return nlohmann::json{{"units", 1}};
                    },
                    {},
                    false}};
  sources.edges = [](std::chrono::seconds window) { return std::to_string(window.count()); };
  return sources;
}

void consoleServer(std::string_view bytes) {
  static const auto server = [] {
    console::HttpServer::Options options;
    options.address = {"127.0.0.1", 0, {}};
    return console::HttpServer::start(options, console::adminHandler(sources(), "test")).value();
  }();
  requireHttp(exchange(server->address().port, bytes));
}

void agentServer(std::string_view bytes) {
  static const auto server = [] {
    agent::HttpServer::Options options;
    options.address = {"127.0.0.1", 0, {}};
    return agent::HttpServer::start(options,
                                    [](const agent::HttpCall& call) {
                                      agent::HttpReply reply;
                                      reply.body = call.path + "?" + call.query;
                                      return reply;
                                    })
        .value();
  }();
  requireHttp(exchange(server->address().port, bytes));
}

const fuzz::Registration kConsole{{"http_console", {"tests/fuzz/corpus/http/*"}, consoleServer, nullptr}};
const fuzz::Registration kAgent{{"http_agent", {"tests/fuzz/corpus/http/*"}, agentServer, nullptr}};

}  // namespace
