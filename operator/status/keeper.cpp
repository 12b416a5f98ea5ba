#include "status/keeper.h"

#include <algorithm>
#include <utility>

#include "status/conditions.h"

namespace fairway::status {

using namespace std::chrono_literals;

namespace {

constexpr auto kLook = 1s;         // for news that are not of objects, at most as often
constexpr auto kQuick = 10s;       // so long after a change its rollout is looked at in each tick,
constexpr auto kSlow = 2s;         // and then as often
constexpr auto kReported = 60s;    // so long others are told of what is live everywhere here
constexpr auto kAskOthers = 1s;    // between two looks at what they say, while something is missing
constexpr auto kOthers = 15s;      // so long a replica that says nothing about a content is waited for
constexpr auto kUnderWay = 1s;     // so long a change is given to be live everywhere before a status says it is not
constexpr auto kStatusEvery = 5s;  // of an object that is not live everywhere

}  // namespace

void Keeper::tick(Time now) {
  const auto revision = calls_.revision(), configuration = calls_.configuration();
  if (configuration_ != configuration || (revision_ != revision && now >= nextLook_)) {
    nextLook_ = now + kLook;
    revision_ = revision;
    configuration_ = configuration;
    world_ = calls_.look();
    ++looks_;
    sync(now);
  }
  follow(now);
  report(now);
  tellStatuses(now);
}

// What is new, other or gone.
void Keeper::sync(Time now) {
  std::map<Key, model::Notes> notes;
  for (const auto& note : world_.notes) {
    if (const auto key = configurationOf(note.object)) notes[*key].push_back(note);
  }
  for (const auto& [key, object] : world_.objects) {
    auto& tracked = tracked_[key];
    const auto content = contentOf(*object.object);
    if (tracked.content != content || tracked.order != object.order || tracked.quarantine != object.quarantine) {
      Tracked fresh;
      fresh.content = content;
      fresh.order = object.order;
      fresh.quarantine = object.quarantine;
      fresh.changed = now;
      fresh.notes = std::move(tracked.notes);
      tracked = std::move(fresh);
      nextFollow_ = now;
    }
    auto remarks = std::move(notes[key]);
    if (tracked.notes != remarks) {
      tracked.notes = std::move(remarks);
      tracked.tell = true;
    }
  }
  for (auto each = tracked_.begin(); each != tracked_.end();) {
    if (world_.objects.contains(each->first)) {
      ++each;
      continue;
    }
    if (calls_.forgetStatus) calls_.forgetStatus(each->first);
    each = tracked_.erase(each);
  }
  NoteCounts counts;
  for (const auto& note : world_.notes) {
    ++counts.bySeverity.at(static_cast<std::size_t>(note.severity));
    ++counts.byConflict.at(static_cast<std::size_t>(note.conflict));
  }
  const std::lock_guard lock(mutex_);
  noteCounts_ = counts;
  std::erase_if(states_, [&](const auto& state) { return !tracked_.contains(state.first); });
}

Keeper::NoteCounts Keeper::noteCounts() const {
  const std::lock_guard lock(mutex_);
  return noteCounts_;
}

void Keeper::follow(Time now) {
  const auto refusals = calls_.refusals();
  if (refusals != refusals_) nextFollow_ = now;
  if (now < nextFollow_) return;
  const bool open =
      std::any_of(tracked_.begin(), tracked_.end(), [](const auto& each) { return !each.second.settled; });
  if (!open && refusals == refusals_ && !blame_.undecided()) return;
  refusals_ = refusals;

  const auto proxies = calls_.proxies();
  influence_.update(proxies);
  for (const auto& key : refusedOf(proxies)) {
    const auto found = tracked_.find(key);
    if (found != tracked_.end()) found->second.settled.reset();
  }
  for (const auto& verdict : blame_.decide(world_.objects, proxies, influence_, now)) calls_.quarantine(verdict);

  bool quick = blame_.undecided();
  const std::lock_guard lock(mutex_);
  for (auto& [key, tracked] : tracked_) {
    if (tracked.settled) continue;
    const auto& object = world_.objects.at(key);
    auto rollout = rolloutOf(key, object, proxies, influence_);
    const auto before = reportOf(key, tracked);
    tracked.rollout = std::move(rollout);
    const auto after = reportOf(key, tracked);
    tracked.tell = tracked.tell || before != after;
    if (tracked.rollout.everywhere()) {
      tracked.settled = now;
      tracked.tell = true;
    }
    quick = quick || (!tracked.settled && now - tracked.changed < kQuick);
    states_[key] = {after, object.object->valid() && object.quarantine.empty(), tracked.settled.has_value()};
  }
  nextFollow_ = quick ? now : now + kSlow;
}

Report Keeper::reportOf(const Key& key, const Tracked& tracked) const {
  const auto& rollout = tracked.rollout;
  return {key, tracked.content, rollout.proxies, rollout.live, rollout.refusing, rollout.refusal, tracked.quarantine};
}

// The newest first: should not all fit, these count.
void Keeper::report(Time now) {
  if (!calls_.tell) return;
  std::vector<std::pair<Time, Report>> open;
  for (const auto& [key, tracked] : tracked_) {
    if (!tracked.settled || now - *tracked.settled < kReported)
      open.emplace_back(tracked.changed, reportOf(key, tracked));
  }
  std::stable_sort(open.begin(), open.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Report> reports;
  for (auto& [time, report] : open) reports.push_back(std::move(report));
  auto text = encode(reports);
  // Who tells something hears the others, too.
  if (text == told_ && !(missesOthers_ && now >= nextTell_)) return;
  told_ = std::move(text);
  nextTell_ = now + kAskOthers;
  calls_.tell(told_);
}

void Keeper::tellStatuses(Time now) {
  if (!calls_.leading) return;
  const bool leads = calls_.leading();
  if (leads && !led_) {
    for (auto& [key, tracked] : tracked_) tracked.tell = true;
  }
  // What another leader wrote meanwhile is not to be undone later.
  if (!leads && led_) {
    for (const auto& [key, tracked] : tracked_) calls_.forgetStatus(key);
  }
  led_ = leads;
  if (!leads) return;
  std::vector<std::vector<Report>> others;
  bool asked = false, known = true;
  missesOthers_ = false;
  for (auto& [key, tracked] : tracked_) {
    // What is live here may not be at other replicas yet.
    const bool young = now - tracked.changed < kOthers + kStatusEvery;
    if (!tracked.tell && !young) continue;
    if (!std::exchange(asked, true) && calls_.others) {
      const auto texts = calls_.others();
      known = texts.has_value();
      for (const auto& text : texts.value_or(std::vector<std::string>{})) others.push_back(decode(text));
    }
    auto total = sum(reportOf(key, tracked), others);
    total.complete = (total.complete && known) || now - tracked.changed >= kOthers;
    const bool open = !total.complete || total.report.live != total.report.proxies;
    missesOthers_ = missesOthers_ || (open && now - tracked.changed < kReported);
    const bool done = tracked.settled && total.complete && total.report.live == total.report.proxies;
    const bool soon = now - tracked.changed < kUnderWay || (tracked.told && now - *tracked.told < kStatusEvery);
    if (!done && soon) continue;
    tracked.tell = false;
    const auto there = calls_.knownStatus(key);
    auto status = statusOf(*world_.objects.at(key).object, tracked.notes, total, there, calls_.wallClock());
    if (saysTheSame(status, there)) continue;
    tracked.told = now;
    calls_.setStatus(key, status);
  }
}

std::map<Key, Keeper::State> Keeper::states() const {
  const std::lock_guard lock(mutex_);
  return states_;
}

}  // namespace fairway::status
