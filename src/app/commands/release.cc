#include <csignal>
#include <iostream>

#include "app/commands/commands.h"
#include "app/output.h"
#include "app/session.h"
#include "base/strings.h"
#include "base/time.h"
#include "client/write.h"
#include "kube/resources.h"
#include "rollout/release_view.h"
#include "rollout/rollout_reconciler.h"
#include "rollout/verbs.h"

namespace serin::app {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds(500);

/// One release with the cluster it runs in.
struct Found {
  std::string cluster;
  client::Client* client = nullptr;
  kube::NamespacedName name;
};

/// Every Rollout that the flags select: of all work clusters where none is named.
Result<std::vector<std::pair<std::string, kube::Object>>> select(Session& session, const ReleaseFlags& flags) {
  std::vector<std::string> clusters = flags.cluster.empty() ? session.work_clusters()
                                                            : std::vector<std::string>{flags.cluster};
  std::vector<std::pair<std::string, kube::Object>> out;
  for (const std::string& cluster : clusters) {
    client::Client* client = SERIN_TRY(session.cluster(cluster));
    client::ObjectList list = SERIN_TRY(client->list(kube::kRollouts, {.ns = flags.ns}));
    for (kube::Object& object : list.items) out.emplace_back(cluster, std::move(object));
  }
  return out;
}

/// The one release of that name; kInvalid where the name alone does not say which.
Result<Found> find(Session& session, const ReleaseFlags& flags) {
  std::vector<Found> hits;
  for (auto& [cluster, object] : SERIN_TRY(select(session, flags)))
    if (object.name() == flags.name) hits.push_back({cluster, SERIN_TRY(session.cluster(cluster)), object.key()});
  if (hits.size() == 1) return hits[0];
  if (hits.empty())
    return fail(Code::kNotFound,
                concat("no release \"", flags.name, "\"", flags.ns.empty() ? "" : concat(" in namespace ", flags.ns),
                       flags.cluster.empty() ? "" : concat(" of ", flags.cluster), ": see `serin release list`"));
  std::string places;
  for (const Found& hit : hits) places += concat(places.empty() ? "" : ", ", hit.cluster, " ", hit.name.ns);
  return fail(Code::kInvalid,
              concat("there are several releases \"", flags.name, "\" (", places, "): say --cluster and --namespace"));
}

std::string row_step(const kube::Object& object) {
  size_t steps = json::items(object.doc(), "spec", "strategy", "canary", "steps").size();
  if (steps == 0) return "-";
  int64_t index = json::get_int(object.doc(), static_cast<int64_t>(steps), "status", "currentStepIndex");
  return concat(index, "/", steps);
}

Colour phase_colour(std::string_view phase) {
  if (phase == "Healthy") return Colour::kGreen;
  if (phase == "Degraded") return Colour::kRed;
  return Colour::kYellow;
}

using Verb = Result<rollout::Writes> (*)(const rollout::Observed&, const ReleaseFlags&);

/// Reads the release, asks `verb` what to write, and writes it.
int act(const ReleaseFlags& flags, const char* done, Verb verb) {
  SystemClock clock;
  auto run = [&]() -> Result<Found> {
    auto session = SERIN_TRY(Session::open(flags.global, clock));
    Found found = SERIN_TRY(find(*session, flags));
    rollout::Observed observed = SERIN_TRY(rollout::observe(*found.client, found.name));
    rollout::Writes writes = SERIN_TRY(verb(observed, flags));
    SERIN_TRY(client::execute(*found.client, writes));
    return found;
  };
  Result<Found> found = run();
  if (!found) return report(found.error());
  std::cout << "rollout \"" << found->name.str() << "\" in " << found->cluster << ' ' << done << '\n';
  return kExitYes;
}

}  // namespace

int release_list(const ReleaseFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  auto session = Session::open(flags.global, clock);
  if (!session) return report(session.error());
  auto found = select(**session, flags);
  if (!found) return report(found.error());
  if (*format == Format::kJson || *format == Format::kYaml) {
    json::array items;
    for (const auto& [cluster, object] : *found)
      items.push_back(json::object{{"cluster", cluster}, {"rollout", object.doc()}});
    print_value(std::cout, json::object{{"items", std::move(items)}}, *format);
    return kExitYes;
  }
  if (*format == Format::kName) {
    for (const auto& [cluster, object] : *found) std::cout << cluster << '/' << object.key().str() << '\n';
    return kExitYes;
  }
  bool colour = colours_wanted();
  Table table({"CLUSTER", "NAMESPACE", "NAME", "STATUS", "STEP", "WEIGHT", "VERIFIED", "READY", "AGE", "MESSAGE"});
  for (const auto& [cluster, object] : *found) {
    const json::value& doc = object.doc();
    std::string phase(json::get_string(doc, "status", "phase"));
    const json::value* verified = json::find(doc, "status", "canary", "weights", "verified");
    auto created = object.created();
    table.add({cluster, std::string(object.ns()), std::string(object.name()),
               paint(phase.empty() ? "Unknown" : phase, phase_colour(phase), colour), row_step(object),
               concat(json::get_int(doc, 0, "status", "canary", "weights", "canary", "weight"), "%"),
               verified ? (json::as_bool(verified) ? "yes" : "no") : "-",
               concat(json::get_int(doc, 0, "status", "readyReplicas"), "/",
                      json::get_int(doc, 1, "spec", "replicas")),
               created ? format_age(clock.now() - *created) : "-",
               std::string(json::get_string(doc, "status", "message"))});
  }
  if (table.empty()) std::cout << "no releases\n";
  else table.print(std::cout);
  return kExitYes;
}

int release_get(const ReleaseFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  auto session = Session::open(flags.global, clock);
  if (!session) return report(session.error());
  Result<Found> found = find(**session, flags);
  if (!found) return report(found.error());
  bool colour = colours_wanted();
  std::string last;
  for (;;) {
    Result<rollout::Observed> observed = rollout::observe(*found->client, found->name, {.pods = true});
    if (!observed) return report(observed.error());
    rollout::ReleaseView view = rollout::release_view(*observed, clock.now());
    if (*format == Format::kJson || *format == Format::kYaml) {
      print_value(std::cout, rollout::to_json(view), *format);
      return kExitYes;
    }
    std::string text = rollout::render(view, clock.now(), {.color = colour});
    if (text != last) {
      if (flags.watch && colour) std::cout << "\x1b[H\x1b[2J";
      else if (!last.empty()) std::cout << '\n';
      std::cout << text << std::flush;
      last = text;
    }
    if (!flags.watch) return view.degraded() ? kExitNo : kExitYes;
    clock.sleep(kWatchInterval);
  }
}

int release_promote(const ReleaseFlags& flags) {
  return act(flags, flags.full ? "promoted to the end" : "promoted",
             [](const rollout::Observed& observed, const ReleaseFlags& asked) {
               return asked.full ? rollout::promote_full(observed.rollout) : rollout::promote(observed.rollout);
             });
}

int release_abort(const ReleaseFlags& flags) {
  return act(flags, "aborted",
             [](const rollout::Observed& observed, const ReleaseFlags&) { return rollout::abort(observed.rollout); });
}

int release_retry(const ReleaseFlags& flags) {
  return act(flags, "starts again",
             [](const rollout::Observed& observed, const ReleaseFlags&) { return rollout::retry(observed.rollout); });
}

int release_pause(const ReleaseFlags& flags) {
  return act(flags, "paused",
             [](const rollout::Observed& observed, const ReleaseFlags&) { return rollout::pause(observed.rollout); });
}

int release_resume(const ReleaseFlags& flags) {
  return act(flags, "resumed",
             [](const rollout::Observed& observed, const ReleaseFlags&) { return rollout::resume(observed.rollout); });
}

int release_undo(const ReleaseFlags& flags) {
  return act(flags, "goes back", [](const rollout::Observed& observed, const ReleaseFlags& asked) {
    return rollout::undo(observed.rollout, observed.replica_sets, asked.revision);
  });
}

int release_why(const ReleaseFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  auto session = Session::open(flags.global, clock);
  if (!session) return report(session.error());
  Result<Found> found = find(**session, flags);
  if (!found) return report(found.error());
  Result<rollout::Observed> observed = rollout::observe(*found->client, found->name, {.pods = true});
  if (!observed) return report(observed.error());
  std::vector<kube::Blocker> blockers = rollout::why(*observed, clock.now());
  if (*format == Format::kJson || *format == Format::kYaml) {
    json::array items;
    for (const kube::Blocker& blocker : blockers) items.push_back(kube::to_json(blocker));
    print_value(std::cout, json::object{{"blockers", std::move(items)}}, *format);
  } else if (blockers.empty()) {
    std::cout << "nothing holds " << found->name.str() << " back\n";
  } else {
    bool colour = colours_wanted();
    for (const kube::Blocker& blocker : blockers) {
      std::cout << paint(blocker.reason, Colour::kYellow, colour) << ": " << blocker.message;
      if (blocker.since) std::cout << " (for " << format_age(clock.now() - *blocker.since) << ')';
      std::cout << '\n';
      if (!blocker.object.empty()) std::cout << "  object: " << blocker.object << '\n';
      if (!blocker.ends_when.empty()) std::cout << "  ends: " << blocker.ends_when << '\n';
    }
  }
  return blockers.empty() ? kExitYes : kExitNo;
}

}  // namespace serin::app
