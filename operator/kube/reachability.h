#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace fairway::kube {

// Lets only one request at a time find out whether a server that was away is back; the others learn from it. A new TLS
// connection costs much more than the answer to one: cpprestsdk loads the system's roots for each. Without this, all
// feeds together would burn the processor of a control plane just when it has to serve on without its API server.
// Thread-safe.
class Reachability {
 public:
  // Held by a request until it knows. A ticket that is dropped without knowing passes the turn to the next.
  class Ticket {
   public:
    explicit Ticket(Reachability& owner, bool prober) : owner_(&owner), prober_(prober) {}
    ~Ticket();
    Ticket(Ticket&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), prober_(other.prober_) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    Ticket& operator=(Ticket&&) = delete;

    void answered();                           // the server sent a status, whichever
    void unreachable(const std::string& why);  // it did not, or the connection broke later

   private:
    void done();
    Reachability* owner_;
    bool prober_;
  };

  // Returns at once while the server is not known to be away. Else waits for the request that tries it, or becomes it.
  // Nothing: the server is still away (see reason()), or `stop` fired.
  std::optional<Ticket> enter(const std::stop_token& stop);
  [[nodiscard]] std::string reason() const;  // why the server was last found away

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool away_ = false;
  bool probing_ = false;
  std::string reason_;
};

}  // namespace fairway::kube
