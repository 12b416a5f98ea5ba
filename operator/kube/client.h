#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "kube/api_server.h"
#include "kube/kubeconfig.h"

namespace fairway::kube {

struct ClientOptions {
  // Silence after which a request is given up, before and within its answer.
  std::chrono::milliseconds requestTimeout = std::chrono::seconds(30);
  // Silence after which a watch is taken for dead. Above the API server's bookmark interval of about a minute.
  std::chrono::milliseconds watchIdle = std::chrono::seconds(90);
  // The server is asked to end a watch after a time in this range, so that the watches of many clients spread.
  std::chrono::seconds watchAtLeast = std::chrono::minutes(4), watchAtMost = std::chrono::minutes(8);
  // Bytes of an answer that may wait to be processed; a list page must fit as a whole.
  std::size_t maxPending = 256U << 20U;
  // An object in etcd is at most 1.5 MiB; a watch event with a longer line than this ends the watch.
  std::size_t maxLine = 16U << 20U;
  std::string userAgent = "fairway";
};

// A client of one API server over HTTP/1.1 and TLS. Does not connect yet, but reads the credential files once, to
// report broken ones early. Files are read again later: tokens for each request, certificates for each connection.
// A bearer token goes over plain HTTP to a loopback address only.
Result<std::unique_ptr<ApiServer>> makeClient(ClusterAccess access, ClientOptions options = {});

}  // namespace fairway::kube
