#include "cli/housekeeping.h"

#include <array>
#include <utility>

#include <spdlog/spdlog.h>

#include "cli/control_plane.h"

namespace fairway::cli {

namespace {

void logNote(const model::Note& note) {
  static constexpr std::array kLevels = {spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels.at(static_cast<std::size_t>(note.severity)), "{} {}{}{}", note.object.toString(), note.field,
              note.field.empty() ? "" : ": ", note.message);
}

}  // namespace

void Housekeeping::tick() {
  const auto now = std::chrono::steady_clock::now();
  // With the first configuration come the keys of issuers, as far as they can be had: a restart refuses nobody's tokens.
  if (!synced_ && plane_.source->synced() && plane_.keySets->tried()) {
    synced_ = true;
    plane_.engine->markSynced();
    if (plane_.snapshots) plane_.snapshots->arrived();
  }
  if (!synced_ && plane_.snapshots) plane_.snapshots->tick(now);
  if (plane_.engine->ready()) {
    plane_.keeper->tick(now);
    if (std::exchange(notesOf_, plane_.keeper->looks()) != plane_.keeper->looks()) logNewNotes();
  }
  plane_.trust->tick(std::chrono::system_clock::now());
  if (!started_ && plane_.engine->ready()) {
    started_ = true;
    nextTrim_ = now;
    memory_.started();
  }
  if (now >= nextTrim_) {
    nextTrim_ = now + std::chrono::seconds(5);
    memory_.trimHeap();
    memory_.dropIdlePages();
  }
  if (now >= nextRenewal_) {
    nextRenewal_ = now + std::chrono::minutes(1);
    renew();
  }
}

std::chrono::milliseconds Housekeeping::interval() const {
  return std::chrono::milliseconds(synced_ || plane_.engine->ready() ? 200 : 2);
}

void Housekeeping::renew() {
  const auto now = std::chrono::system_clock::now();
  if (const auto renewed = plane_.authority->renewIfDue(now); !renewed) {
    spdlog::error("own certificate: {}", renewed.error().message);
  }
  if (!plane_.folderTokens) return;
  if (const auto written = plane_.folderTokens->update(plane_.sink->accounts(), now); !written) {
    spdlog::error("tokens: {}", written.error().message);
  }
}

void Housekeeping::logNewNotes() {
  const auto& notes = plane_.keeper->notes();
  for (const auto& note : notes) {
    if (!known_.contains(note)) logNote(note);
  }
  known_ = std::set<model::Note>(notes.begin(), notes.end());
}

}  // namespace fairway::cli
