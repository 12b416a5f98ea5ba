#include "kube/reachability.h"

namespace fairway::kube {

std::optional<Reachability::Ticket> Reachability::enter(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!away_) return std::optional<Ticket>(std::in_place, *this, false);
  if (probing_) {
    changed_.wait(lock, stop, [this] { return !probing_; });
    if (stop.stop_requested() || away_) return std::nullopt;
    return std::optional<Ticket>(std::in_place, *this, false);
  }
  probing_ = true;
  return std::optional<Ticket>(std::in_place, *this, true);
}

std::string Reachability::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

Reachability::Ticket::~Ticket() {
  if (owner_ != nullptr) done();
}

void Reachability::Ticket::done() {
  if (!std::exchange(prober_, false)) return;
  {
    const std::lock_guard lock(owner_->mutex_);
    owner_->probing_ = false;
  }
  owner_->changed_.notify_all();
}

void Reachability::Ticket::answered() {
  {
    const std::lock_guard lock(owner_->mutex_);
    owner_->away_ = false;
  }
  done();
}

void Reachability::Ticket::unreachable(const std::string& why) {
  {
    const std::lock_guard lock(owner_->mutex_);
    owner_->away_ = true;
    owner_->reason_ = why;
  }
  done();
}

}  // namespace fairway::kube
