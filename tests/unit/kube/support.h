#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "api/codec.h"
#include "kube/source.h"

namespace fairway::kube::test {

inline constexpr std::chrono::seconds kDeadline{30};

// A sink that holds what a store would, and remembers the calls in words. Thread-safe.
class RecordingSink final : public Sink {
 public:
  void replace(api::Kind kind, std::vector<api::ObjectPtr> objects) override {
    const std::lock_guard lock(mutex_);
    std::string call = "replace";
    held_[kind].clear();
    for (auto& object : objects) {
      call += " " + object->meta.key().toString() + "@" + object->meta.resourceVersion;
      held_[kind][object->meta.key()] = std::move(object);
    }
    note(std::move(call));
  }
  void upsert(api::ObjectPtr object) override {
    const std::lock_guard lock(mutex_);
    const auto key = object->meta.key();
    const std::string call = "upsert " + key.toString() + "@" + object->meta.resourceVersion;
    held_[object->kind][key] = std::move(object);
    note(call);
  }
  void remove(api::Kind kind, api::NamespacedName name) override {
    const std::lock_guard lock(mutex_);
    held_[kind].erase(name);
    note("remove " + name.toString());
  }
  void together(const std::function<void()>& hand) override {
    const std::size_t before = calls().size();
    hand();
    const std::lock_guard lock(mutex_);
    steps_.emplace_back(calls_.begin() + static_cast<std::ptrdiff_t>(std::min(before, calls_.size())), calls_.end());
  }

  // The calls of each step that was handed on together. Not to be used along with takeCalls().
  std::vector<std::vector<std::string>> steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
  }

  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<std::string> takeCalls() {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }
  api::ObjectPtr find(api::Kind kind, const std::string& name, const std::string& ns = "default") const {
    const std::lock_guard lock(mutex_);
    return findLocked(kind, name, ns);
  }
  std::size_t count(api::Kind kind) const {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(kind);
    return found == held_.end() ? 0 : found->second.size();
  }
  // Waits until the condition, evaluated after each call, holds.
  bool waitUntil(const std::function<bool(const RecordingSink&)>& condition) const {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    for (;;) {
      std::size_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = total_;
      }
      if (condition(*this)) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, end, [&] { return total_ != seen; })) return false;
    }
  }
  bool waitForCall(const std::string& call) const {
    return waitUntil([&](const RecordingSink& sink) {
      const auto calls = sink.calls();
      return std::find(calls.begin(), calls.end(), call) != calls.end();
    });
  }

 private:
  void note(std::string call) {
    calls_.push_back(std::move(call));
    ++total_;
    changed_.notify_all();
  }
  api::ObjectPtr findLocked(api::Kind kind, const std::string& name, const std::string& ns) const {
    const auto objects = held_.find(kind);
    if (objects == held_.end()) return nullptr;
    const auto found = objects->second.find({api::kindInfo(kind).namespaced ? ns : "", name});
    return found == objects->second.end() ? nullptr : found->second;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<api::Kind, std::map<api::NamespacedName, api::ObjectPtr>> held_;
  std::vector<std::string> calls_;
  std::vector<std::vector<std::string>> steps_;
  std::size_t total_ = 0;
};

// Looks again and again until the condition holds, or the deadline has passed. For what has no event to wait for.
inline bool eventually(const std::function<bool()>& condition) {
  std::mutex mutex;
  std::condition_variable never;
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

// A folder that goes with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fairway-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream out(path_ / name, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    REQUIRE(out);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace fairway::kube::test
