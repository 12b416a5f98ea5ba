#include "kube/client.h"

#include <mutex>
#include <random>
#include <stdexcept>
#include <utility>

#define _TURN_OFF_PLATFORM_STRING  // NOLINT: cpprestsdk's macro U() breaks the templates of others
#include <cpprest/http_client.h>
#include <pplx/threadpool.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "kube/exchange.h"
#include "kube/log.h"
#include "kube/reachability.h"
#include "kube/read_file.h"
#include "kube/request_text.h"
#include "kube/tls.h"

// Notes on cpprestsdk, which is met in this file only:
// - Its continuations run on a small pool. Nothing here waits inside one: the feed's own thread waits, on Exchange.
// - Its timeout counts silence, not the whole request, and is only a backstop behind the waits here.
// - The ssl context callback runs once for each new connection; what it throws becomes the request's exception.
// - It verifies the certificate against the Host header when there is one, and else against the URL's host.
// - The default body buffer takes all the network gives; the progress handler bounds it by throwing.

namespace fairway::kube {
namespace {

namespace http = web::http;
using Body = concurrency::streams::streambuf<std::uint8_t>;

constexpr std::size_t kPoolThreads = 4;
constexpr std::size_t kMaxErrorBody = 64U << 10U;
constexpr std::size_t kMaxTokenBytes = 64U << 10U;

void prepareLibrary() {
  static std::once_flag once;
  std::call_once(once, [] {
    takeOverSystemRoots();
    try {
      crossplat::threadpool::initialize_with_threads(kPoolThreads);
    } catch (const std::exception&) {
      // Someone started the pool already, with its default size.
    }
  });
}

std::string describe(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& error) {
    return error.what()[0] == '\0' ? "connection lost" : error.what();
  } catch (...) {
    return "unknown error";
  }
}

// Moves the body to the exchange, piece by piece as it comes. The response is kept until its body has ended.
void pump(std::shared_ptr<Exchange> exchange, http::http_response response, Body body) {
  auto next = body.getc();
  next.then([exchange = std::move(exchange), response = std::move(response),
             body = std::move(body)](const pplx::task<Body::int_type>& first) mutable {
    try {
      if (first.get() == Body::traits::eof()) return exchange->finish({});
      std::uint8_t* block = nullptr;
      std::size_t size = 0;
      while (body.acquire(block, size) && block != nullptr && size > 0) {
        exchange->add(std::string_view(reinterpret_cast<const char*>(block), size));
        body.release(block, size);
      }
      pump(exchange, std::move(response), std::move(body));
    } catch (...) {
      exchange->finish(describe(std::current_exception()));
    }
  });
}

enum class End { complete, reader, silence };

// 201 answers a create, 202 a removal that takes its time.
bool good(int status) { return status == 200 || status == 201 || status == 202; }

http::method methodOf(Call::Verb verb) {
  switch (verb) {
    case Call::Verb::create: return http::methods::POST;
    case Call::Verb::update: return http::methods::PUT;
    case Call::Verb::patch: return http::methods::PATCH;
    case Call::Verb::remove: return http::methods::DEL;
    default: return http::methods::GET;
  }
}

class Client final : public ApiServer {
 public:
  Client(ClusterAccess access, ClientOptions options, Address address)
      : access_(std::move(access)),
        options_(std::move(options)),
        address_(std::move(address)),
        random_(std::random_device{}()) {
    prepareLibrary();
  }

  ApiResult<std::vector<std::string>> resources(const std::string& group, const std::string& version,
                                                std::stop_token stop) override;
  ApiResult<std::string> list(const Resource& resource, std::size_t limit, const std::string& continueToken,
                              std::stop_token stop) override;
  ApiResult<std::string> call(const Call& call, std::stop_token stop) override;
  ApiResult<void> watch(const Resource& resource, const WatchStart& start, const WatchCalls& calls,
                        std::stop_token stop) override;

 private:
  struct Receiver {
    std::function<void()> opened;                    // status 200 arrived; may be empty
    std::function<bool(std::string&& bytes)> bytes;  // a piece of the body; false ends the request
  };

  std::shared_ptr<http::client::http_client> connection();
  std::string token();
  ApiResult<End> request(const Call& call, const Purpose& purpose, std::chrono::milliseconds idle,
                         const Receiver& receiver, const std::stop_token& stop);
  ApiResult<std::string> requestAll(const Call& call, const Purpose& purpose, const std::stop_token& stop);
  std::string explain(const std::string& reason);
  ApiError unreachable(const Purpose& purpose, const std::string& reason);

  const ClusterAccess access_;
  const ClientOptions options_;
  const Address address_;
  Reachability reachability_;
  const std::shared_ptr<TlsReport> tlsReport_ = std::make_shared<TlsReport>();
  std::mutex mutex_;
  std::shared_ptr<http::client::http_client> connection_;  // dropped after a 401: a new one reads the files anew
  std::string lastToken_;
  std::minstd_rand random_;
};

std::shared_ptr<http::client::http_client> Client::connection() {
  const std::lock_guard lock(mutex_);
  if (connection_) return connection_;
  http::client::http_client_config config;
  config.set_timeout(std::max(options_.requestTimeout, options_.watchIdle) + std::chrono::seconds(10));
  config.set_max_redirects(0);
  if (address_.tls) {
    config.set_validate_certificates(!access_.insecureSkipTlsVerify);
    // RFC 6066 section 3: no IP addresses in server_name.
    const std::string& name = access_.tlsServerName.empty() ? address_.host : access_.tlsServerName;
    config.set_tlsext_sni_enabled(name.find_first_not_of("0123456789.") != std::string::npos);
    config.set_ssl_context_callback(
        [access = access_, host = address_.host, report = tlsReport_](boost::asio::ssl::context& context) {
          if (auto configured = configureTls(context.native_handle(), access, host, report); !configured) {
            throw std::runtime_error(configured.error().message);
          }
        });
  }
  connection_ = std::make_shared<http::client::http_client>(access_.server, config);
  return connection_;
}

std::string Client::token() {
  if (access_.tokenFile.empty()) return access_.token;
  const auto content = readFile(access_.tokenFile, kMaxTokenBytes);
  const std::lock_guard lock(mutex_);
  if (content) {
    lastToken_ = std::string(trim(*content));
  } else {
    log().warn("token file {}: {}; the last token is used on", access_.tokenFile, content.error().message);
  }
  return lastToken_;
}

std::string Client::explain(const std::string& reason) {
  const std::string certificate = tlsReport_->take();
  return certificate.empty() ? reason : reason + "; the server's certificate is refused: " + certificate;
}

ApiError Client::unreachable(const Purpose& purpose, const std::string& reason) {
  return {ApiError::Kind::unreachable, 0, "cannot " + purpose.text + " at " + access_.server + ": " + reason};
}

ApiResult<End> Client::request(const Call& call, const Purpose& purpose, std::chrono::milliseconds idle,
                               const Receiver& receiver, const std::stop_token& stop) {
  const auto stopped = [] { return apiFailure(ApiError::Kind::stopped, 0, "stopped"); };
  if (stop.stop_requested()) return stopped();
  auto ticket = reachability_.enter(stop);
  if (!ticket && stop.stop_requested()) return stopped();
  if (!ticket) return tl::unexpected(unreachable(purpose, reachability_.reason()));
  const auto away = [&](const std::string& why) {
    const std::string reason = explain(why);
    ticket->unreachable(reason);
    return tl::unexpected(unreachable(purpose, reason));
  };
  const auto exchange = std::make_shared<Exchange>();
  pplx::cancellation_token_source cancel;
  try {
    http::http_request message(methodOf(call.verb));
    message.set_request_uri(call.path);
    if (!call.body.empty()) message.set_body(call.body, call.contentType);
    message.headers().add("Accept", "application/json");
    message.headers().add("User-Agent", options_.userAgent);
    if (const std::string bearer = token(); !bearer.empty()) message.headers().add("Authorization", "Bearer " + bearer);
    if (address_.tls && !access_.tlsServerName.empty()) message.headers().add("Host", access_.tlsServerName);
    message.set_progress_handler([exchange, limit = options_.maxPending](http::message_direction::direction direction,
                                                                         std::uint64_t bytes) {
      if (direction == http::message_direction::download && bytes - std::min(bytes, exchange->taken.load()) > limit) {
        throw std::runtime_error("the answer is bigger than the limit of " + std::to_string(limit) + " bytes");
      }
    });
    connection()->request(message, cancel.get_token()).then([exchange](const pplx::task<http::http_response>& answer) {
      try {
        http::http_response response = answer.get();
        exchange->begin(response.status_code());
        Body body = response.body().streambuf();
        pump(exchange, std::move(response), std::move(body));
      } catch (...) {
        exchange->finish(describe(std::current_exception()));
      }
    });
  } catch (const std::exception& error) {
    return away(error.what());
  }

  int status = 0;
  std::string errorBody;
  for (;;) {
    std::string bytes;
    bool finished = false;
    std::string problem;
    const bool first = status == 0;
    {
      std::unique_lock lock(exchange->mutex);
      const bool news = exchange->changed.wait_for(lock, stop, first ? options_.requestTimeout : idle, [&] {
        return exchange->finished || !exchange->data.empty() || (first && exchange->status != 0);
      });
      if (!news) {
        lock.unlock();
        cancel.cancel();
        if (stop.stop_requested()) return stopped();
        if (!first) return End::silence;
        return away("no answer in " + std::to_string(options_.requestTimeout.count()) + " ms");
      }
      status = exchange->status;
      bytes = std::exchange(exchange->data, {});
      finished = exchange->finished;
      problem = exchange->failure;
      exchange->taken += bytes.size();
    }
    if (stop.stop_requested()) {
      if (!finished) cancel.cancel();
      return stopped();
    }
    if (first && status != 0) ticket->answered();
    if (first && good(status) && receiver.opened) receiver.opened();
    if (good(status)) {
      if (!bytes.empty() && !receiver.bytes(std::move(bytes))) {
        if (!finished) cancel.cancel();
        return End::reader;
      }
    } else {
      errorBody += bytes;
      if (errorBody.size() > kMaxErrorBody && !finished) {
        cancel.cancel();
        finished = true;
      }
    }
    if (!finished) continue;
    if (status == 0) return away(problem);
    if (good(status) && !problem.empty()) return away("the connection was lost (" + problem + ")");
    if (good(status)) return End::complete;
    if (status == 401) {
      const std::lock_guard lock(mutex_);
      connection_.reset();
    }
    return tl::unexpected(errorOf(status, errorBody, purpose, access_.server));
  }
}

ApiResult<std::string> Client::requestAll(const Call& call, const Purpose& purpose, const std::stop_token& stop) {
  std::string body;
  bool tooBig = false;
  const auto end = request(call, purpose, options_.requestTimeout,
                           {.opened = {},
                            .bytes =
                                [&](std::string&& bytes) {
                                  body += bytes;
                                  tooBig = body.size() > options_.maxPending;
                                  return !tooBig;
                                }},
                           stop);
  if (!end) return tl::unexpected(end.error());
  if (tooBig) {
    return apiFailure(ApiError::Kind::bad_response, 200,
                      "cannot " + purpose.text + " at " + access_.server + ": the answer is bigger than " +
                          std::to_string(options_.maxPending) + " bytes");
  }
  if (*end == End::silence) return tl::unexpected(unreachable(purpose, "the answer stopped in the middle"));
  return body;
}

ApiResult<std::vector<std::string>> Client::resources(const std::string& group, const std::string& version,
                                                      std::stop_token stop) {
  const Purpose purpose{"discover " + (group.empty() ? version : group + "/" + version),
                        "the ClusterRole system:discovery must be bound to this user"};
  const auto body = requestAll(getCall(groupPath(group, version)), purpose, stop);
  if (!body) return tl::unexpected(body.error());
  const auto parsed = nlohmann::json::parse(*body, nullptr, false);
  const auto found = parsed.is_object() ? parsed.find("resources") : parsed.end();
  if (found == parsed.end() || !found->is_array()) {
    return apiFailure(ApiError::Kind::bad_response, 200,
                      "cannot " + purpose.text + " at " + access_.server + ": the answer is no APIResourceList");
  }
  std::vector<std::string> plurals;
  for (const auto& resource : *found) {
    if (!resource.is_object()) continue;
    if (const auto name = resource.find("name"); name != resource.end() && name->is_string()) {
      plurals.push_back(name->get<std::string>());
    }
  }
  return plurals;
}

ApiResult<std::string> Client::list(const Resource& resource, std::size_t limit, const std::string& continueToken,
                                    std::stop_token stop) {
  std::string query;
  addParameter(query, "limit", std::to_string(limit));
  addParameter(query, "continue", continueToken);
  addParameter(query, "fieldSelector", resource.fieldSelector);
  addParameter(query, "labelSelector", resource.labelSelector);
  return requestAll(getCall(objectPath(resource, resource.ns) + query), purposeOf("list", resource), stop);
}

ApiResult<std::string> Client::call(const Call& call, std::stop_token stop) {
  return requestAll(call, purposeOf(call), stop);
}

ApiResult<void> Client::watch(const Resource& resource, const WatchStart& start, const WatchCalls& calls,
                              std::stop_token stop) {
  long seconds = 0;
  {
    const std::lock_guard lock(mutex_);
    seconds = std::uniform_int_distribution<long>(options_.watchAtLeast.count(), options_.watchAtMost.count())(random_);
  }
  std::string query = "?watch=true&allowWatchBookmarks=true";
  if (start.initialEvents) {
    // No resourceVersion: as new as the moment of the request, like a list without one.
    query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  } else {
    addParameter(query, "resourceVersion", start.resourceVersion);
  }
  addParameter(query, "timeoutSeconds", std::to_string(seconds));
  addParameter(query, "fieldSelector", resource.fieldSelector);
  addParameter(query, "labelSelector", resource.labelSelector);

  const Purpose purpose = purposeOf("watch", resource);
  std::string pending;
  bool tooLong = false;
  const auto takeLines = [&](std::string&& bytes) {
    // Only the new bytes are searched: a long line may come in many pieces.
    std::size_t search = pending.size();
    pending += bytes;
    std::size_t begin = 0;
    for (;;) {
      const std::size_t newline = pending.find('\n', search);
      if (newline == std::string::npos) break;
      const std::string_view line = std::string_view(pending).substr(begin, newline - begin);
      if (!trim(line).empty() && !calls.line(line)) return false;
      if (stop.stop_requested()) return false;
      begin = search = newline + 1;
    }
    pending.erase(0, begin);
    tooLong = pending.size() > options_.maxLine;
    return !tooLong;
  };
  const auto end = request(getCall(objectPath(resource, resource.ns) + query), purpose, options_.watchIdle,
                           {.opened = calls.opened, .bytes = takeLines}, stop);
  if (!end) return tl::unexpected(end.error());
  if (tooLong) {
    return apiFailure(ApiError::Kind::bad_response, 200,
                      "cannot " + purpose.text + " at " + access_.server + ": an event is longer than " +
                          std::to_string(options_.maxLine) + " bytes");
  }
  if (stop.stop_requested()) return apiFailure(ApiError::Kind::stopped, 0, "stopped");
  return {};
}

}  // namespace

Result<std::unique_ptr<ApiServer>> makeClient(ClusterAccess access, ClientOptions options) {
  const auto address = addressOf(access.server);
  if (!address) return tl::unexpected(address.error().within(access.origin));
  const bool hasToken = !access.token.empty() || !access.tokenFile.empty();
  if (!address->tls && hasToken && !isLoopback(address->host)) {
    return failure(access.origin + ": a token is not sent in the clear to " + access.server + "; use https");
  }
  if (address->tls) {
    if (auto checked = checkTls(access, address->host); !checked) {
      return tl::unexpected(checked.error().within(access.origin));
    }
    if (access.insecureSkipTlsVerify) {
      log().warn("{}: insecure-skip-tls-verify is set; whoever answers at {} is believed", access.origin,
                 access.server);
    }
  }
  if (!access.tokenFile.empty()) {
    if (const auto read = readFile(access.tokenFile, kMaxTokenBytes); !read) {
      return failure(access.origin + ": token file " + access.tokenFile + ": " + read.error().message);
    }
  }
  return std::make_unique<Client>(std::move(access), std::move(options), *address);
}

}  // namespace fairway::kube
