// A server that computes nothing, for the bench: the floor under each figure. See `nullserver --help`.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace {

constexpr const char* kHelp = R"(usage: nullserver [--recorded FILE]

Serves delta xDS on a free port of 127.0.0.1, which it prints, without looking at what is asked: the first request of each type
on a stream is answered with the responses that FILE has of it (as `loadgen` records them), the others not at all. Each line
"BYTES MARKER" on standard input sends one response of so many bytes, with these letters in it, to all streams: the
same buffer, by as many threads as `fairway serve` has for that.
)";

constexpr std::size_t kThreads = 2;
constexpr std::string_view kEndpointUrl = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

// Type URL and the responses of it.
using Recorded = std::vector<std::pair<std::string, std::vector<grpc::ByteBuffer>>>;

grpc::ByteBuffer buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

Recorded load(const std::string& file) {
  Recorded recorded;
  std::ifstream in(file, std::ios::binary);
  std::string url, size;
  while (std::getline(in, url) && std::getline(in, size)) {
    std::string bytes(std::stoul(size), '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    auto found = std::find_if(recorded.begin(), recorded.end(), [&](const auto& each) { return each.first == url; });
    if (found == recorded.end()) found = recorded.insert(recorded.end(), {url, {}});
    found->second.push_back(buffer(bytes));
  }
  return recorded;
}

void append(std::string& out, int field, const std::string& text) {
  out += static_cast<char>(field << 3 | 2);
  for (auto size = text.size();; size >>= 7) {
    out += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
    if (size <= 0x7f) break;
  }
  out += text;
}

// A DeltaDiscoveryResponse of about `size` bytes: the removal of an endpoint resource that nobody has, by a name that
// holds the marker.
grpc::ByteBuffer synthetic(std::size_t size, const std::string& marker) {
  std::string out;
  append(out, 4, std::string(kEndpointUrl));
  append(out, 5, "null");
  const auto rest = out.size() + marker.size() + 3;
  append(out, 6, marker + std::string(size > rest ? size - rest : 0, 'x'));
  return buffer(out);
}

class Call;
std::mutex callsMutex;
std::set<std::shared_ptr<Call>> calls;

class Call final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Call> {
 public:
  explicit Call(const Recorded& recorded) : recorded_(recorded), answered_(recorded.size()) {}

  void begin() {
    self_ = shared_from_this();
    StartRead(&request_);
  }

  void push(const grpc::ByteBuffer& response) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    pending_.push_back(response);
    next();
  }

  void OnReadDone(bool good) override {
    const std::lock_guard lock(mutex_);
    if (!good) {
      finish();
      return;
    }
    answer();
    request_.Clear();
    StartRead(&request_);
  }

  void OnWriteDone(bool good) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!good) {
      finish();
    } else {
      next();
    }
  }

  void OnDone() override {
    const auto keep = std::move(self_);
    const std::lock_guard lock(callsMutex);
    calls.erase(keep);
  }

 private:
  void finish() {
    if (finished_) return;
    finished_ = true;
    Finish(grpc::Status::OK);
  }

  void next() {
    if (writing_ || pending_.empty() || finished_) return;
    writing_ = true;
    response_ = std::move(pending_.front());
    pending_.pop_front();
    StartWrite(&response_);
  }

  // The type stands in front of the names: its URL is within the first bytes.
  void answer() {
    if (std::find(answered_.begin(), answered_.end(), false) == answered_.end()) return;
    grpc::Slice slice;
    if (!request_.DumpToSingleSlice(&slice).ok()) return;
    const std::string_view head(reinterpret_cast<const char*>(slice.begin()),
                                std::min<std::size_t>(slice.size(), 4096));
    for (std::size_t i = 0; i < recorded_.size(); ++i) {
      if (answered_[i] || head.find(recorded_[i].first) == std::string_view::npos) continue;
      answered_[i] = true;
      pending_.insert(pending_.end(), recorded_[i].second.begin(), recorded_[i].second.end());
      next();
    }
  }

  const Recorded& recorded_;
  std::shared_ptr<Call> self_;
  std::mutex mutex_;
  std::vector<bool> answered_;
  std::deque<grpc::ByteBuffer> pending_;
  bool writing_ = false, finished_ = false;
  grpc::ByteBuffer request_, response_;
};

class NullService final : public grpc::CallbackGenericService {
 public:
  explicit NullService(const Recorded& recorded) : recorded_(recorded) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* /*context*/) override {
    auto call = std::make_shared<Call>(recorded_);
    {
      const std::lock_guard lock(callsMutex);
      calls.insert(call);
    }
    call->begin();
    return call.get();
  }

 private:
  const Recorded& recorded_;
};

void fanOut(const grpc::ByteBuffer& response) {
  std::vector<std::shared_ptr<Call>> all;
  {
    const std::lock_guard lock(callsMutex);
    all.assign(calls.begin(), calls.end());
  }
  std::vector<std::thread> threads;
  for (std::size_t part = 0; part < kThreads; ++part) {
    threads.emplace_back([&all, &response, part] {
      for (auto i = part; i < all.size(); i += kThreads) all[i]->push(response);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  Recorded recorded;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--recorded" && i + 1 < argc) {
      recorded = load(argv[++i]);
    } else {
      std::fputs(kHelp, argument == "--help" ? stdout : stderr);
      return argument == "--help" ? 0 : 64;
    }
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  NullService service(recorded);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "nullserver: cannot listen on 127.0.0.1\n";
    return 1;
  }
  std::cout << port << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::size_t size = 0;
    std::string marker;
    if (words >> size >> marker) fanOut(synthetic(size, marker));
  }
  std::_Exit(0);  // without waiting for the proxies
}
