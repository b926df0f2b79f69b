#include "mesh/config/virtual_service.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "base/time.h"
#include "data/json_strings.h"
#include "mesh/config/names.h"

namespace serin::mesh {
namespace {

std::string text(const json::value& v, std::string_view field) {
  return std::string(json::get_string(v, field));
}

std::optional<StringMatch> read_string_match(const json::value* v, bool ignore_case = false) {
  if (!v || !v->is_object()) return std::nullopt;
  using Kind = StringMatch::Kind;
  for (auto [field, kind] : {std::pair{"exact", Kind::kExact}, {"prefix", Kind::kPrefix}, {"regex", Kind::kRegex}}) {
    const json::value* found = json::find(*v, field);
    if (!found || !found->is_string()) continue;
    if (kind == Kind::kRegex && json::as_string(found) == "*") return StringMatch{};
    return StringMatch{kind, std::string(json::as_string(found)), ignore_case};
  }
  return StringMatch{};
}

std::map<std::string, StringMatch> read_matches(const json::value& v, std::string_view field) {
  std::map<std::string, StringMatch> out;
  if (const json::object* members = json::find_object(v, field))
    for (const auto& [name, match] : *members)
      if (auto read = read_string_match(&match)) out[lower(name)] = *read;
  return out;
}

std::map<std::string, std::string> read_strings(const json::value* v) {
  std::map<std::string, std::string> out;
  if (v && v->is_object())
    for (const auto& [name, item] : v->get_object())
      if (item.is_string()) out[std::string(name)] = std::string(json::as_string(&item));
  return out;
}

std::vector<std::string> read_list(const json::value& v, std::string_view field) { return json::to_strings(json::items(v, field)); }

std::optional<Duration> read_duration(const json::value& v, std::string_view field) {
  std::string_view value = json::get_string(v, field);
  return value.empty() ? std::nullopt : parse_duration(value);
}

std::optional<int> read_int(const json::value* v) {
  auto number = json::as_int(v);
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

double read_percent(const json::value& v, double otherwise) {
  if (const json::value* percent = json::find(v, "percentage", "value"); percent && percent->is_number())
    return percent->to_number<double>();
  if (const json::value* percent = json::find(v, "percent"); percent && percent->is_number())
    return percent->to_number<double>();
  return otherwise;
}

HttpMatch read_match(const json::value& v, std::string_view ns) {
  HttpMatch match;
  match.name = text(v, "name");
  match.uri = read_string_match(json::find(v, "uri"), json::get_bool(v, false, "ignoreUriCase"));
  match.scheme = read_string_match(json::find(v, "scheme"));
  match.method = read_string_match(json::find(v, "method"));
  match.authority = read_string_match(json::find(v, "authority"));
  match.headers = read_matches(v, "headers");
  match.without_headers = read_matches(v, "withoutHeaders");
  if (const json::object* members = json::find_object(v, "queryParams"))
    for (const auto& [name, item] : *members)
      if (auto read = read_string_match(&item)) match.query[std::string(name)] = *read;
  match.port = read_int(json::find(v, "port"));
  for (std::string& gateway : read_list(v, "gateways"))
    match.gateways.push_back(gateway == "mesh" || gateway.find('/') != std::string::npos
                                 ? gateway
                                 : concat(ns, "/", gateway));
  match.source_labels = read_strings(json::find(v, "sourceLabels"));
  match.source_namespace = text(v, "sourceNamespace");
  return match;
}

HeaderOperations read_headers(const json::value& v) {
  HeaderOperations out;
  if (const json::value* request = json::find(v, "headers", "request")) {
    out.request_set = read_strings(json::find(*request, "set"));
    out.request_add = read_strings(json::find(*request, "add"));
    out.request_remove = read_list(*request, "remove");
  }
  if (const json::value* response = json::find(v, "headers", "response")) {
    out.response_set = read_strings(json::find(*response, "set"));
    out.response_add = read_strings(json::find(*response, "add"));
    out.response_remove = read_list(*response, "remove");
  }
  return out;
}

Destination read_destination(const json::value& v, std::string_view ns) {
  Destination out;
  out.host = resolve_host(json::get_string(v, "host"), ns);
  out.subset = text(v, "subset");
  out.port = read_int(json::find(v, "port", "number"));
  return out;
}

Fault read_fault(const json::value& v) {
  Fault fault;
  if (const json::value* delay = json::find(v, "delay")) {
    fault.delay = read_duration(*delay, "fixedDelay");
    fault.delay_percent = read_percent(*delay, 100);
  }
  if (const json::value* abort = json::find(v, "abort")) {
    fault.abort_status = read_int(json::find(*abort, "httpStatus"));
    fault.abort_percent = read_percent(*abort, 100);
  }
  return fault;
}

HttpRoute read_route(const json::value& v, const std::string& ns) {
  HttpRoute route;
  route.name = text(v, "name");
  for (const json::value& match : json::items(v, "match")) route.matches.push_back(read_match(match, ns));
  for (const json::value& item : json::items(v, "route")) {
    const json::value* destination = json::find(item, "destination");
    if (!destination) continue;
    Destination read = read_destination(*destination, ns);
    read.weight = static_cast<int>(json::get_int(item, 0, "weight"));
    read.headers = read_headers(item);
    route.destinations.push_back(std::move(read));
  }
  if (const json::value* redirect = json::find(v, "redirect")) {
    route.redirect = Redirect{text(*redirect, "uri"), text(*redirect, "authority"), text(*redirect, "scheme"),
                              read_int(json::find(*redirect, "port")),
                              static_cast<int>(json::get_int(*redirect, 301, "redirectCode"))};
  }
  if (const json::value* direct = json::find(v, "directResponse"))
    route.direct_response = std::pair{static_cast<int>(json::get_int(*direct, 200, "status")),
                                      std::string(json::get_string(*direct, "body", "string"))};
  route.rewrite_uri = std::string(json::get_string(v, "rewrite", "uri"));
  route.rewrite_authority = std::string(json::get_string(v, "rewrite", "authority"));
  if (const json::value* regex = json::find(v, "rewrite", "uriRegexRewrite"))
    route.rewrite_regex = std::pair{text(*regex, "match"), text(*regex, "rewrite")};
  route.timeout = read_duration(v, "timeout");
  if (const json::value* retries = json::find(v, "retries"))
    route.retries = Retries{static_cast<int>(json::get_int(*retries, 0, "attempts")),
                            read_duration(*retries, "perTryTimeout"), text(*retries, "retryOn")};
  route.headers = read_headers(v);
  if (const json::value* mirror = json::find(v, "mirror")) {
    double percent = 100;
    if (const json::value* value = json::find(v, "mirrorPercentage", "value"); value && value->is_number())
      percent = value->to_number<double>();
    route.mirrors.push_back({read_destination(*mirror, ns), percent});
  }
  for (const json::value& mirror : json::items(v, "mirrors"))
    if (const json::value* destination = json::find(mirror, "destination"))
      route.mirrors.push_back({read_destination(*destination, ns), read_percent(mirror, 100)});
  if (const json::value* fault = json::find(v, "fault")) route.fault = read_fault(*fault);
  return route;
}

}  // namespace

bool HttpMatch::catch_all() const {
  bool any_path = !uri || (uri->kind == StringMatch::Kind::kPrefix && uri->value == "/") ||
                  (uri->kind == StringMatch::Kind::kRegex && uri->value == ".*");
  return any_path && !scheme && !method && !authority && headers.empty() && without_headers.empty() &&
         query.empty();
}

bool VirtualService::on_mesh() const {
  return std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end();
}

bool VirtualService::on_gateway(const kube::NamespacedName& gateway) const {
  return std::find(gateways.begin(), gateways.end(), gateway.str()) != gateways.end();
}

bool VirtualService::exported_to(std::string_view to) const {
  if (export_to.empty()) return true;
  return std::any_of(export_to.begin(), export_to.end(), [&](const std::string& rule) {
    return rule == "*" || rule == to || (rule == "." && to == ns);
  });
}

VirtualService VirtualService::read(const kube::Object& object) {
  VirtualService out;
  out.source = SourceRef::of(object);
  out.ns = std::string(object.ns());
  out.created = object.created();
  static const json::value kNone;
  const json::value* found = json::find(object.doc(), "spec");
  const json::value& spec = found ? *found : kNone;
  for (const std::string& host : read_list(spec, "hosts")) out.hosts.push_back(resolve_host(host, out.ns));
  for (const std::string& gateway : read_list(spec, "gateways"))
    out.gateways.push_back(gateway == "mesh" || gateway.find('/') != std::string::npos
                               ? gateway
                               : concat(out.ns, "/", gateway));
  if (out.gateways.empty()) out.gateways.push_back("mesh");
  out.export_to = read_list(spec, "exportTo");
  for (const json::value& route : json::items(spec, "http")) {
    HttpRoute read = read_route(route, out.ns);
    int64_t total = 0;
    for (const Destination& destination : read.destinations) total += destination.weight;
    if (read.destinations.size() > 1 && total == 0)
      out.problems.push_back(concat("http route \"", read.name, "\": the weights add up to 0"));
    for (const char* field : {"corsPolicy", "delegate"})
      if (json::find(route, field))
        out.problems.push_back(concat("http route \"", read.name, "\": ", field, " is not translated"));
    if (json::find(route, "fault", "abort", "grpcStatus"))
      out.problems.push_back(concat("http route \"", read.name, "\": fault.abort.grpcStatus is not translated"));
    out.http.push_back(std::move(read));
  }
  if (!json::items(spec, "tcp").empty() || !json::items(spec, "tls").empty())
    out.problems.push_back("tcp and tls routes are not translated");
  return out;
}

bool applies_before(const VirtualService& a, const VirtualService& b) {
  auto key = [](const VirtualService& v) {
    return std::tuple(v.created.value_or(TimePoint::max()), std::string_view(v.source.name.name),
                      std::string_view(v.source.name.ns));
  };
  return key(a) < key(b);
}

}  // namespace serin::mesh
