#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace fairway::kube {

// Why a request to the API server did not give an answer that can be used.
struct ApiError {
  enum class Kind {
    unauthorized,  // 401: the credentials are wrong or have expired
    forbidden,     // 403: RBAC lacks a rule; the message names it
    not_found,     // 404: the object is not there, or its group version or resource is not served
    exists,        // 409 AlreadyExists: another has created it
    conflict,      // 409: the object has changed since it was read
    invalid,       // 422: the object or patch breaks a rule of its kind
    gone,          // 410: the resourceVersion or the continue token is too old
    unreachable,   // no connection, TLS failed, timeout, connection lost
    bad_response,  // any other status, or an answer that is not what the API promises
    stopped,       // the caller's stop token fired
  };
  Kind kind = Kind::bad_response;
  int status = 0;       // HTTP status, 0 when there was none
  std::string message;  // what failed, where, and what to do

  bool operator==(const ApiError&) const = default;
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> apiFailure(ApiError::Kind kind, int status, std::string message) {
  return tl::unexpected<ApiError>(ApiError{kind, status, std::move(message)});
}

// One resource in one version, over all namespaces or in one.
struct Resource {
  std::string group;  // empty for core
  std::string version;
  std::string plural;
  std::string fieldSelector;  // empty selects everything
  std::string labelSelector;
  std::string ns = {};  // empty: all namespaces, or a kind without them
};

// "/api/v1/namespaces/<ns>/<plural>[/<name>]" of core, "/apis/<group>/<version>/..." of others; without the namespace
// part where `ns` is empty.
std::string objectPath(const Resource& resource, const std::string& ns, const std::string& name = {});

// One request about one object.
struct Call {
  enum class Verb { get, create, update, patch, remove };
  Verb verb = Verb::get;
  std::string path;
  std::string body;         // JSON; empty: none
  std::string contentType;  // of the body

  bool operator==(const Call&) const = default;
};
enum class PatchType {
  merge,      // RFC 7396
  strategic,  // Kubernetes' own: lists of built-in kinds are merged by their key
  json,       // RFC 6902
};
Call getCall(std::string path);
Call createCall(std::string path, std::string object);
// A replacement; with metadata.resourceVersion in the object, only of that version (else: conflict).
Call updateCall(std::string path, std::string object);
// With metadata.resourceVersion in a merge or strategic patch, only of that version.
Call patchCall(std::string path, PatchType type, std::string patch);
// Only of that version, if one is given.
Call removeCall(std::string path, const std::string& resourceVersion = {});

inline constexpr const char* kInitialEventsEnd = "k8s.io/initial-events-end";

// What Fairway asks of a Kubernetes API server. Calls block the calling thread; a stop request ends them
// promptly with ApiError::Kind::stopped. Thread-safe: one instance serves all feeds.
class ApiServer {
 public:
  virtual ~ApiServer() = default;

  // The resources (plural names) that a group version serves; not_found when it is not served at all.
  virtual ApiResult<std::vector<std::string>> resources(const std::string& group, const std::string& version,
                                                        std::stop_token stop) = 0;

  // Makes a call and returns the body of the answer: the object as it is now, or for reviews, which the API server
  // answers and does not store, the review.
  virtual ApiResult<std::string> call(const Call& call, std::stop_token stop) = 0;

  ApiResult<std::string> get(const std::string& path, std::stop_token stop) { return call(getCall(path), stop); }
  ApiResult<std::string> create(const std::string& path, const std::string& object, std::stop_token stop) {
    return call(createCall(path, object), stop);
  }

  // One page of at most `limit` objects: the body of the List as it came. An empty continueToken starts anew.
  virtual ApiResult<std::string> list(const Resource& resource, std::size_t limit, const std::string& continueToken,
                                      std::stop_token stop) = 0;

  // Where a watch begins: after a resourceVersion, or with all objects as they are now, each as ADDED, and then a
  // bookmark with the annotation `kInitialEventsEnd` (Kubernetes API Concepts, "Streaming lists"). Servers that cannot do
  // the latter answer 422, or 200 and an event of type ERROR.
  struct WatchStart {
    std::string resourceVersion;
    bool initialEvents = false;  // the resourceVersion is not used
  };
  struct WatchCalls {
    std::function<void()> opened;                     // the server accepted the watch
    std::function<bool(std::string_view line)> line;  // takes one event as JSON; false ends the watch
  };

  // Watches with bookmarks and hands on each line as it comes. Returns normally when the server closed the watch, when
  // nothing came for longer than the server may stay silent, or when `line` said so; a part of a line at the end is
  // dropped, as the next watch repeats it.
  virtual ApiResult<void> watch(const Resource& resource, const WatchStart& start, const WatchCalls& calls,
                                std::stop_token stop) = 0;
};

}  // namespace fairway::kube
