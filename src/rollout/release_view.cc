#include "rollout/release_view.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "rollout/plan.h"
#include "rollout/plan/situation.h"
#include "rollout/plan/steps.h"

namespace serin::rollout {
namespace {

PodView pod_view(const Object& pod) {
  PodView view{std::string(pod.name()), std::string(json::get_string(pod.doc(), "status", "phase")), false, 0,
               pod.created()};
  view.ready = kube::condition_true(pod, "Ready");
  for (const json::value& container : json::items(pod.doc(), "status", "containerStatuses")) {
    view.restarts += json::get_int(container, 0, "restartCount");
    for (const char* state : {"waiting", "terminated"}) {
      std::string_view reason = json::get_string(container, "state", state, "reason");
      if (!reason.empty()) view.status = reason;
    }
  }
  if (pod.deleting()) view.status = "Terminating";
  if (view.status.empty()) view.status = "Pending";
  return view;
}

std::vector<std::string> images_of(const json::value& pod_template) {
  std::vector<std::string> images;
  for (const json::value& container : json::items(pod_template, "spec", "containers"))
    images.emplace_back(json::get_string(container, "image"));
  return images;
}

ReplicaSetView set_view(const ReplicaSet& set, const Situation& s) {
  ReplicaSetView view;
  view.name = set.name();
  view.hash = set.hash;
  view.wanted = set.wanted;
  view.available = set.available;
  view.created = set.object.created();
  view.deadline = set.deadline;
  view.stable = !s.initial() && set.hash == s.stable_hash;
  view.canary = &set == s.newest && !s.promoted() && !s.initial();
  view.status = set.wanted == 0 && set.created == 0                ? "ScaledDown"
                : set.available >= set.wanted && set.wanted > 0    ? "Healthy"
                                                                   : "Progressing";
  if (const json::value* pod_template = json::find(set.object.doc(), "spec", "template"))
    view.images = images_of(*pod_template);
  for (const Object& pod : s.observed.pods) {
    auto owner = pod.controller();
    if (owner && owner->uid == set.object.uid()) view.pods.push_back(pod_view(pod));
  }
  return view;
}

void add_image(ReleaseView& view, const std::string& image, const ReplicaSetView& set) {
  auto found = std::find_if(view.images.begin(), view.images.end(),
                            [&](const ReleaseView::Image& one) { return one.image == image; });
  if (found == view.images.end()) found = view.images.insert(view.images.end(), {image, false, false});
  found->stable |= set.stable;
  found->canary |= set.canary;
}

void read_weights(ReleaseView& view, const Situation& s) {
  const CanaryStrategy& strategy = s.rollout.canary();
  view.weighted = strategy.routes_traffic();
  if (s.initial() || s.promoted()) view.set_weight = 100;
  else if (!s.aborted()) view.set_weight = weight_at(strategy.steps, s.step_index);
  const json::value* weights = json::find(s.rollout.status(), "canary", "weights");
  if (view.weighted && weights) {
    view.actual_weight = s.promoted() ? 100 : json::get_int(*weights, 0, "canary", "weight");
    if (const json::value* verified = json::find(*weights, "verified"))
      view.acknowledged = json::as_bool(verified);
  } else if (int64_t all = s.sum(&ReplicaSet::available); all > 0 && s.newest) {
    view.actual_weight = s.newest->available * 100 / all;
  }
}

/// What clients of Argo Rollouts add to the stored phase.
void read_phase(ReleaseView& view, const Situation& s) {
  const json::value& status = s.rollout.status();
  view.phase = json::get_string(status, "phase");
  view.message = json::get_string(status, "message");
  if (json::get_string(status, "observedGeneration") != std::to_string(s.rollout.object().generation())) {
    view.phase = "Progressing";
    view.message = "waiting for rollout spec update to be observed";
  } else if (s.rollout.controller_pause() && s.rollout.pause_conditions().empty() && !s.rollout.aborted()) {
    view.phase = "Progressing";
    view.message = "waiting for rollout to unpause";
  }
}

struct Symbols {
  const char *healthy, *progressing, *paused, *degraded, *unknown, *rollout, *revision, *set, *pod, *fork, *last,
      *bar, *full, *light;
};
constexpr Symbols kUnicode{"✔", "◌", "॥", "✖", "?", "⟳", "#", "⧉", "□", "├──", "└──", "│  ", "█", "░"};
constexpr Symbols kAscii{"+", "o", "=", "x", "?", "@", "#", "*", "-", "|--", "`--", "|  ", "#", "."};

const char* icon(const std::string& status, const Symbols& symbols) {
  if (status == "Healthy" || status == "Running") return symbols.healthy;
  if (status == "Progressing" || status == "Pending" || status == "ContainerCreating") return symbols.progressing;
  if (status == "Paused" || status == "ScaledDown") return symbols.paused;
  if (status == "Degraded" || status.ends_with("BackOff") || status.starts_with("Err")) return symbols.degraded;
  return symbols.unknown;
}

std::string painted(const std::string& text, const std::string& status, const TextOptions& options) {
  if (!options.color) return text;
  const char* code = status == "Healthy" || status == "Running"   ? "32"
                     : status == "Paused"                         ? "33"
                     : status == "Progressing"                    ? "36"
                     : status == "ScaledDown"                     ? "90"
                                                                  : "31";
  return concat("\x1b[", code, "m", text, "\x1b[0m");
}

std::string with_icon(const std::string& status, const TextOptions& options) {
  const Symbols& symbols = options.ascii ? kAscii : kUnicode;
  return painted(concat(icon(status, symbols), " ", status), status, options);
}

void line(std::string& out, std::string_view label, std::string_view value) {
  std::string padded(label);
  padded.resize(18, ' ');
  out += concat(padded, value, "\n");
}

std::string weight_text(const ReleaseView& view, const Symbols& symbols) {
  std::string bar;
  for (int i = 1; i <= 10; ++i) bar += view.actual_weight >= i * 10 ? symbols.full : symbols.light;
  std::string text = concat(view.actual_weight, "% ", bar);
  if (view.weighted && view.acknowledged)
    text += *view.acknowledged ? "  acknowledged by every proxy" : "  not yet acknowledged";
  return text;
}

/// Display columns: one per UTF-8 character.
size_t columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

struct TreeRow {
  std::string name, kind, status, age, info;
};

std::vector<TreeRow> tree(const ReleaseView& view, TimePoint now, const Symbols& symbols) {
  auto age = [&](const std::optional<TimePoint>& created) { return created ? format_age(now - *created) : ""; };
  std::vector<TreeRow> rows{{concat(symbols.rollout, " ", view.name.name), "Rollout", view.phase, "", ""}};
  for (size_t i = 0; i < view.revisions.size(); ++i) {
    const RevisionView& revision = view.revisions[i];
    const ReplicaSetView& set = revision.replica_set;
    bool last = i + 1 == view.revisions.size();
    std::string indent = last ? "   " : symbols.bar;
    rows.push_back({concat(last ? symbols.last : symbols.fork, symbols.revision, " revision:", revision.revision), "",
                    "", "", ""});
    std::vector<std::string> info;
    if (set.stable) info.push_back("stable");
    if (set.canary) info.push_back("canary");
    if (set.deadline) {
      Duration left = std::max<Duration>(*set.deadline - now, Duration::zero());
      info.push_back(concat("leaves in ", format_age(left)));
    }
    rows.push_back({concat(indent, symbols.last, symbols.set, " ", set.name), "ReplicaSet", set.status,
                    age(set.created), join(info, ",")});
    for (size_t p = 0; p < set.pods.size(); ++p) {
      const PodView& pod = set.pods[p];
      std::string details = concat("ready:", pod.ready ? 1 : 0, "/1");
      if (pod.restarts > 0) details += concat(",restarts:", pod.restarts);
      rows.push_back({concat(indent, "   ", p + 1 == set.pods.size() ? symbols.last : symbols.fork, symbols.pod, " ",
                             pod.name),
                      "Pod", pod.status, age(pod.created), std::move(details)});
    }
  }
  return rows;
}

}  // namespace

ReleaseView release_view(const Observed& observed, TimePoint now) {
  Situation s(observed, now);
  ReleaseView view;
  view.name = s.rollout.key();
  read_phase(view, s);
  view.steps = s.steps();
  view.step = s.step_index;
  if (const Step* step = s.step()) view.step_text = step->describe();
  read_weights(view, s);
  view.desired = s.rollout.replicas();
  view.current = s.sum(&ReplicaSet::created);
  view.updated = s.newest ? s.newest->created : 0;
  view.ready = s.sum(&ReplicaSet::ready);
  view.available = s.sum(&ReplicaSet::available);
  for (const ReplicaSet& set : observed.replica_sets) view.revisions.push_back({set.revision, set_view(set, s)});
  std::sort(view.revisions.begin(), view.revisions.end(),
            [](const RevisionView& a, const RevisionView& b) { return a.revision > b.revision; });
  for (const RevisionView& revision : view.revisions)
    if (revision.replica_set.wanted > 0)
      for (const std::string& image : revision.replica_set.images) add_image(view, image, revision.replica_set);
  view.blockers = why(observed, now);
  return view;
}

std::string phase_text(const std::string& phase, const TextOptions& options) { return with_icon(phase, options); }

std::string render(const ReleaseView& view, TimePoint now, const TextOptions& options) {
  const Symbols& symbols = options.ascii ? kAscii : kUnicode;
  std::string out;
  line(out, "Name:", view.name.name);
  line(out, "Namespace:", view.name.ns);
  line(out, "Status:", with_icon(view.phase, options));
  if (!view.message.empty()) line(out, "Message:", view.message);
  line(out, "Strategy:", view.strategy);
  std::string taking = view.step_text.empty() ? "" : concat(" (", view.step_text, ")");
  line(out, "  Step:", concat(view.step, "/", view.steps, taking));
  line(out, "  SetWeight:", concat(view.set_weight, "%"));
  line(out, "  ActualWeight:", weight_text(view, symbols));
  for (size_t i = 0; i < view.images.size(); ++i) {
    const ReleaseView::Image& image = view.images[i];
    line(out, i == 0 ? "Images:" : "",
         concat(image.image, image.stable ? " (stable)" : "", image.canary ? " (canary)" : ""));
  }
  line(out, "Replicas:", concat("desired ", view.desired, ", current ", view.current, ", updated ", view.updated,
                                ", ready ", view.ready, ", available ", view.available));
  for (size_t i = 0; i < view.blockers.size(); ++i) {
    const kube::Blocker& blocker = view.blockers[i];
    std::string who = blocker.object.empty() ? "" : blocker.object + ": ";
    line(out, i == 0 ? "Waits for:" : "", who + blocker.message);
    if (!blocker.ends_when.empty()) line(out, "", concat("  ends: ", blocker.ends_when));
  }

  std::vector<TreeRow> rows = tree(view, now, symbols);
  size_t name = 4, status = 6;
  for (const TreeRow& row : rows) {
    name = std::max(name, columns(row.name));
    status = std::max(status, columns(row.status) + 2);
  }
  auto cell = [](std::string text, size_t width, size_t shown) {
    if (shown < width) text.append(width - shown, ' ');
    return text + "  ";
  };
  /// `shown`: how many columns `state` takes on a screen, colours not counted.
  auto emit = [&](const TreeRow& row, const std::string& state, size_t shown) {
    std::string text = cell(row.name, name, columns(row.name)) +
                       cell(row.kind, 10, row.kind.size()) + cell(state, status, shown) +
                       cell(row.age, 6, row.age.size()) + row.info;
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  out += "\n";
  emit({"NAME", "KIND", "STATUS", "AGE", "INFO"}, "STATUS", 6);
  for (const TreeRow& row : rows) {
    if (row.status.empty()) emit(row, "", 0);
    else emit(row, with_icon(row.status, options), columns(row.status) + 2);
  }
  return out;
}

json::value to_json(const ReleaseView& view) {
  auto time = [](json::object& out, const char* name, const std::optional<TimePoint>& at) {
    if (at) out[name] = format_time(*at);
  };
  json::array images, revisions, blockers;
  for (const ReleaseView::Image& image : view.images)
    images.push_back(json::object{{"image", image.image}, {"stable", image.stable}, {"canary", image.canary}});
  for (const RevisionView& revision : view.revisions) {
    const ReplicaSetView& set = revision.replica_set;
    json::array pods;
    for (const PodView& pod : set.pods) {
      json::object out{{"name", pod.name}, {"status", pod.status}, {"ready", pod.ready}, {"restarts", pod.restarts}};
      time(out, "created", pod.created);
      pods.push_back(std::move(out));
    }
    json::object out{{"name", set.name},           {"hash", set.hash},     {"status", set.status},
                     {"stable", set.stable},       {"canary", set.canary}, {"replicas", set.wanted},
                     {"available", set.available}, {"pods", std::move(pods)}};
    time(out, "created", set.created);
    time(out, "leavesAt", set.deadline);
    revisions.push_back(json::object{{"revision", revision.revision}, {"replicaSet", std::move(out)}});
  }
  for (const kube::Blocker& blocker : view.blockers) blockers.push_back(kube::to_json(blocker));
  json::object weight{{"set", view.set_weight}, {"actual", view.actual_weight}};
  if (view.acknowledged) weight["acknowledged"] = *view.acknowledged;
  return json::object{
      {"name", view.name.name},
      {"namespace", view.name.ns},
      {"phase", view.phase},
      {"message", view.message},
      {"strategy", view.strategy},
      {"step", json::object{{"done", view.step}, {"of", view.steps}, {"current", view.step_text}}},
      {"weight", std::move(weight)},
      {"images", std::move(images)},
      {"replicas", json::object{{"desired", view.desired},
                                {"current", view.current},
                                {"updated", view.updated},
                                {"ready", view.ready},
                                {"available", view.available}}},
      {"revisions", std::move(revisions)},
      {"blockers", std::move(blockers)}};
}

}  // namespace serin::rollout
