#include <filesystem>
#include <iostream>

#include "app/applications.h"
#include "app/commands/commands.h"
#include "app/files.h"
#include "app/output.h"
#include "app/session.h"
#include "base/strings.h"
#include "gitops/application.h"
#include "gitops/comparison.h"
#include "gitops/source/process.h"
#include "kube/resources.h"

namespace serin::app {
namespace {

struct Hub {
  std::unique_ptr<Session> session;
  client::Client* client = nullptr;
};

Result<Hub> open_hub(const GlobalFlags& flags, Clock& clock) {
  Hub hub;
  hub.session = SERIN_TRY(Session::open(flags, clock));
  hub.client = SERIN_TRY(hub.session->cluster("hub"));
  return hub;
}

/// A folder is named by its absolute path: whoever reads it has another working directory.
std::string repository(const std::string& given) {
  std::error_code error;
  return std::filesystem::is_directory(given, error) ? std::filesystem::canonical(given, error).string() : given;
}

Colour colour_of(std::string_view status) {
  if (status == "Synced" || status == "Healthy" || status == "Succeeded") return Colour::kGreen;
  if (status == "Degraded" || status == "Failed" || status == "Error") return Colour::kRed;
  return Colour::kYellow;
}

std::string field(const kube::Object& application, std::initializer_list<std::string_view> path) {
  return std::string(json::as_string(json::find_at(application.doc(), path)));
}

void print_conditions(const kube::Object& application) {
  for (const json::value& condition : json::items(application.doc(), "status", "conditions"))
    std::cout << json::get_string(condition, "type") << ": " << json::get_string(condition, "message") << '\n';
}

void print_resources(const kube::Object& application, bool colour) {
  Table table({"GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "MESSAGE"});
  for (const json::value& item : json::items(application.doc(), "status", "resources")) {
    std::string_view status = json::get_string(item, "status"), health = json::get_string(item, "health", "status");
    table.add({std::string(json::get_string(item, "group")), std::string(json::get_string(item, "kind")),
               std::string(json::get_string(item, "namespace")), std::string(json::get_string(item, "name")),
               paint(status, colour_of(status), colour), paint(health, colour_of(health), colour),
               std::string(json::get_string(item, "health", "message"))});
  }
  if (!table.empty()) table.print(std::cout);
}

void print_application(const kube::Object& application) {
  bool colour = colours_wanted();
  auto line = [](std::string_view name, const std::string& value) {
    std::cout << name << std::string(14 - name.size(), ' ') << value << '\n';
  };
  std::string sync = field(application, {"status", "sync", "status"});
  std::string health = field(application, {"status", "health", "status"});
  line("Name:", std::string(application.name()));
  line("Cluster:", field(application, {"spec", "destination", "name"}));
  line("Namespace:", field(application, {"spec", "destination", "namespace"}));
  line("Repo:", field(application, {"spec", "source", "repoURL"}));
  line("Target:", field(application, {"spec", "source", "targetRevision"}));
  line("Path:", field(application, {"spec", "source", "path"}));
  line("Sync Status:", concat(paint(sync.empty() ? "Unknown" : sync, colour_of(sync), colour), " ",
                              field(application, {"status", "sync", "revision"}).substr(0, 7)));
  line("Health:", paint(health.empty() ? "Unknown" : health, colour_of(health), colour));
  if (std::string phase = field(application, {"status", "operationState", "phase"}); !phase.empty())
    line("Last sync:", concat(paint(phase, colour_of(phase), colour), " ",
                              field(application, {"status", "operationState", "message"})));
  print_conditions(application);
  std::cout << '\n';
  print_resources(application, colour);
}

}  // namespace

int app_create(const AppFlags& flags) {
  SystemClock clock;
  auto run = [&]() -> Result<void> {
    Hub hub = SERIN_TRY(open_hub(flags.global, clock));
    SERIN_TRY(hub.session->cluster(flags.cluster));
    ApplicationSpec spec{flags.name, repository(flags.repo), flags.path, flags.revision, flags.cluster, flags.ns,
                         flags.automatic, flags.prune, flags.create_namespace};
    SERIN_TRY(hub.client->create(kube::kApplications, make_application(spec)));
    return {};
  };
  if (Result<void> done = run(); !done) return report(done.error());
  std::cout << "application \"" << flags.name << "\" created; next: serin app sync " << flags.name << '\n';
  return kExitYes;
}

int app_sync(const AppFlags& flags) {
  SystemClock clock;
  auto run = [&]() -> Result<int> {
    Hub hub = SERIN_TRY(open_hub(flags.global, clock));
    SERIN_TRY(request_sync(*hub.client, flags.name, flags.prune, flags.dry_run));
    if (!flags.wait) {
      std::cout << "sync of \"" << flags.name << "\" asked for\n";
      return kExitYes;
    }
    kube::Object application = SERIN_TRY(wait_operation(*hub.client, flags.name, flags.timeout, clock,
                                                        [](const std::string& news) { std::cout << news << '\n'; }));
    bool colour = colours_wanted();
    Table table({"KIND", "NAMESPACE", "NAME", "RESULT", "MESSAGE"});
    for (const json::value& item : json::items(application.doc(), "status", "operationState", "syncResult", "resources")) {
      std::string_view status = json::get_string(item, "status");
      table.add({std::string(json::get_string(item, "kind")), std::string(json::get_string(item, "namespace")),
                 std::string(json::get_string(item, "name")), paint(status, colour_of(status), colour),
                 std::string(json::get_string(item, "message"))});
    }
    if (!table.empty()) table.print(std::cout);
    std::string phase = field(application, {"status", "operationState", "phase"});
    std::cout << "sync " << (flags.dry_run ? "(dry run) " : "") << paint(phase, colour_of(phase), colour) << ": "
              << field(application, {"status", "operationState", "message"}) << '\n';
    return phase == "Succeeded" ? kExitYes : kExitNo;
  };
  Result<int> status = run();
  return status ? *status : report(status.error());
}

int app_list(const AppFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  Result<Hub> hub = open_hub(flags.global, clock);
  if (!hub) return report(hub.error());
  Result<client::ObjectList> list = hub->client->list(kube::kApplications, {.ns = kApplicationNamespace});
  if (!list) return report(list.error());
  if (*format == Format::kJson || *format == Format::kYaml) {
    json::array items;
    for (const kube::Object& object : list->items) items.push_back(object.doc());
    print_value(std::cout, json::object{{"items", std::move(items)}}, *format);
    return kExitYes;
  }
  bool colour = colours_wanted();
  bool wide = *format == Format::kWide;
  std::vector<std::string> header = {"NAME", "CLUSTER", "NAMESPACE", "STATUS", "HEALTH", "REVISION"};
  if (wide) header.insert(header.end(), {"REPO", "PATH", "TARGET"});
  Table table(header);
  for (const kube::Object& object : list->items) {
    if (*format == Format::kName) {
      std::cout << object.name() << '\n';
      continue;
    }
    std::string sync = field(object, {"status", "sync", "status"}), health = field(object, {"status", "health", "status"});
    std::vector<std::string> row = {std::string(object.name()), field(object, {"spec", "destination", "name"}),
                                    field(object, {"spec", "destination", "namespace"}),
                                    paint(sync.empty() ? "Unknown" : sync, colour_of(sync), colour),
                                    paint(health.empty() ? "Unknown" : health, colour_of(health), colour),
                                    field(object, {"status", "sync", "revision"}).substr(0, 7)};
    if (wide)
      row.insert(row.end(), {field(object, {"spec", "source", "repoURL"}), field(object, {"spec", "source", "path"}),
                             field(object, {"spec", "source", "targetRevision"})});
    table.add(std::move(row));
  }
  if (*format == Format::kName) return kExitYes;
  if (table.empty()) std::cout << "no applications\n";
  else table.print(std::cout);
  return kExitYes;
}

int app_get(const AppFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  Result<Hub> hub = open_hub(flags.global, clock);
  if (!hub) return report(hub.error());
  Result<kube::Object> application = hub->client->get(kube::kApplications, {kApplicationNamespace, flags.name});
  if (!application) return report(application.error());
  if (*format == Format::kJson || *format == Format::kYaml) print_value(std::cout, application->doc(), *format);
  else print_application(*application);
  return kExitYes;
}

int app_diff(const AppFlags& flags) {
  SystemClock clock;
  Result<Format> format = parse_format(flags.global.output);
  if (!format) return report(format.error());
  auto compare = [&]() -> Result<gitops::Comparison> {
    Hub hub = SERIN_TRY(open_hub(flags.global, clock));
    kube::Object object = SERIN_TRY(hub.client->get(kube::kApplications, {kApplicationNamespace, flags.name}));
    gitops::Application application = SERIN_TRY(gitops::Application::read(object));
    client::Client& cluster = *SERIN_TRY(hub.session->cluster(application.cluster));
    gitops::source::SystemProcessRunner runner;
    gitops::source::Repositories repositories(runner, clock, state_directory(flags.global.state) + "/git-cli");
    gitops::render::ManifestCache cache;
    gitops::Comparer comparer(repositories, cache, kApplicationNamespace);
    auto repository = SERIN_TRY(comparer.repository(application));
    std::string commit = SERIN_TRY(repository->resolve(application.source.revision, gitops::source::Repository::Freshness::kLatest));
    return comparer.compare(application, cluster, commit, gitops::inventory_of(object), true);
  };
  Result<gitops::Comparison> comparison = compare();
  if (!comparison) return report(comparison.error());

  bool colour = colours_wanted();
  bool any = false;
  json::array items;
  for (const gitops::sync::Compared& item : comparison->resources) {
    if (item.hook || !item.out_of_sync()) continue;
    any = true;
    std::string what = item.any().describe();
    std::string verdict = item.live.empty() ? "would be created" : item.prunable() ? "is not in Git" : "differs";
    json::array changes;
    for (const gitops::diff::Change& change : item.changes)
      changes.push_back(json::object{{"path", change.path}, {"live", change.live}, {"git", change.desired}});
    if (*format == Format::kJson || *format == Format::kYaml) {
      items.push_back(json::object{{"resource", what}, {"verdict", verdict}, {"changes", std::move(changes)}});
      continue;
    }
    std::cout << paint(what, Colour::kBold, colour) << ' ' << verdict << '\n';
    for (const gitops::diff::Change& change : item.changes) {
      std::cout << "  " << change.path << '\n';
      if (!change.live.is_null()) std::cout << paint(concat("    - ", json::dump(change.live)), Colour::kRed, colour) << '\n';
      if (!change.desired.is_null()) std::cout << paint(concat("    + ", json::dump(change.desired)), Colour::kGreen, colour) << '\n';
    }
  }
  if (*format == Format::kJson || *format == Format::kYaml)
    print_value(std::cout, json::object{{"revision", comparison->revision}, {"items", std::move(items)}}, *format);
  else if (!any) std::cout << "in sync with " << comparison->revision.substr(0, 7) << '\n';
  return any ? kExitNo : kExitYes;
}

int app_delete(const AppFlags& flags) {
  SystemClock clock;
  Result<Hub> hub = open_hub(flags.global, clock);
  if (!hub) return report(hub.error());
  Result<void> done = delete_application(*hub->client, flags.name, flags.cascade, flags.timeout, clock);
  if (!done) return report(done.error());
  std::cout << "application \"" << flags.name << "\" deleted" << (flags.cascade ? " with what it made\n" : "\n");
  return kExitYes;
}

}  // namespace serin::app
