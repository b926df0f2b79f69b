#include "mesh/translate/route_builder.h"

#include <envoy/extensions/filters/http/fault/v3/fault.pb.h>

#include <algorithm>

#include "base/strings.h"
#include "mesh/config/names.h"

namespace serin::mesh {
namespace {

namespace route = envoy::config::route::v3;
namespace matcher = envoy::type::matcher::v3;

// Istio 1.27 mesh defaults for retries.
constexpr int kDefaultRetries = 2;
constexpr std::string_view kDefaultRetryOn =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
constexpr int kRetryHostAttempts = 5;

void set_duration(google::protobuf::Duration* out, Duration span) {
  out->set_seconds(span.count() / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(span.count() % 1'000'000'000));
}

void set_string_match(matcher::StringMatcher* out, const StringMatch& match) {
  switch (match.kind) {
    case StringMatch::Kind::kExact: out->set_exact(match.value); break;
    case StringMatch::Kind::kPrefix: out->set_prefix(match.value); break;
    case StringMatch::Kind::kRegex: out->mutable_safe_regex()->set_regex(match.value); break;
    case StringMatch::Kind::kPresent: break;
  }
  if (match.ignore_case && match.kind != StringMatch::Kind::kRegex) out->set_ignore_case(true);
}

void add_header_match(route::RouteMatch* out, const std::string& name, const StringMatch& match, bool invert) {
  auto* header = out->add_headers();
  header->set_name(name);
  if (match.kind == StringMatch::Kind::kPresent) {
    header->set_present_match(true);
  } else {
    set_string_match(header->mutable_string_match(), match);
    if (invert) header->set_treat_missing_header_as_empty(true);
  }
  header->set_invert_match(invert);
}

void set_match(route::RouteMatch* out, const HttpMatch* match) {
  if (!match || !match->uri || match->uri->kind == StringMatch::Kind::kPresent) {
    out->set_prefix("/");
  } else {
    switch (match->uri->kind) {
      case StringMatch::Kind::kExact: out->set_path(match->uri->value); break;
      case StringMatch::Kind::kPrefix: out->set_prefix(match->uri->value); break;
      default: out->mutable_safe_regex()->set_regex(match->uri->value);
    }
    if (match->uri->ignore_case) out->mutable_case_sensitive()->set_value(false);
  }
  if (!match) return;
  if (match->method) add_header_match(out, ":method", *match->method, false);
  if (match->authority) add_header_match(out, ":authority", *match->authority, false);
  if (match->scheme) add_header_match(out, ":scheme", *match->scheme, false);
  for (const auto& [name, value] : match->headers) add_header_match(out, name, value, false);
  for (const auto& [name, value] : match->without_headers) add_header_match(out, name, value, true);
  for (const auto& [name, value] : match->query) {
    auto* parameter = out->add_query_parameters();
    parameter->set_name(name);
    if (value.kind == StringMatch::Kind::kPresent) parameter->set_present_match(true);
    else set_string_match(parameter->mutable_string_match(), value);
  }
}

using HeaderList = google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>;

/// Pseudo headers and host cannot be set this way; a host in `set` or `add` is a rewrite, done by the caller.
bool settable(std::string_view name) { return !name.starts_with(':') && lower(name) != "host"; }

void add_headers(HeaderList* out, const std::map<std::string, std::string>& set,
                 const std::map<std::string, std::string>& add) {
  using Option = envoy::config::core::v3::HeaderValueOption;
  auto append = [&](const auto& headers, auto action) {
    for (const auto& [name, value] : headers) {
      if (!settable(name)) continue;
      auto* item = out->Add();
      item->mutable_header()->set_key(name);
      item->mutable_header()->set_value(value);
      item->set_append_action(action);
    }
  };
  append(set, Option::OVERWRITE_IF_EXISTS_OR_ADD);
  append(add, Option::APPEND_IF_EXISTS_OR_ADD);
}

template <class Target>
void add_operations(Target* out, const HeaderOperations& operations) {
  add_headers(out->mutable_request_headers_to_add(), operations.request_set, operations.request_add);
  add_headers(out->mutable_response_headers_to_add(), operations.response_set, operations.response_add);
  for (const std::string& name : operations.request_remove)
    if (settable(name)) out->add_request_headers_to_remove(name);
  for (const std::string& name : operations.response_remove) out->add_response_headers_to_remove(name);
}

std::string host_rewrite(const HeaderOperations& operations) {
  for (const auto* headers : {&operations.request_set, &operations.request_add})
    for (const auto& [name, value] : *headers)
      if (lower(name) == "host" || name == ":authority") return value;
  return "";
}

std::string cluster_of(const Destination& destination, const RouteScope& scope) {
  int port = scope.port;
  if (destination.port) {
    port = *destination.port;
  } else if (const MeshService* service = scope.view->service(destination.host);
             service && service->ports.size() == 1) {
    port = service->ports[0].port;
  }
  return outbound_cluster(port, destination.subset, destination.host);
}

void set_retries(route::RouteAction* action, const std::optional<Retries>& retries) {
  int attempts = retries ? retries->attempts : kDefaultRetries;
  if (attempts <= 0) return;
  auto* policy = action->mutable_retry_policy();
  policy->mutable_num_retries()->set_value(static_cast<uint32_t>(attempts));
  policy->set_host_selection_retry_max_attempts(kRetryHostAttempts);
  auto* elsewhere = policy->add_retry_host_predicate();
  elsewhere->set_name("envoy.retry_host_predicates.previous_hosts");
  elsewhere->mutable_typed_config()->set_type_url(  // an empty message; only its name counts
      "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate");
  std::string on(kDefaultRetryOn);
  if (retries && !retries->retry_on.empty()) {
    // Numbers among the conditions are status codes.
    std::vector<std::string> words;
    for (std::string_view word : split(retries->retry_on, ',')) {
      if (auto code = parse_int<uint32_t>(trim(word))) policy->add_retriable_status_codes(*code);
      else words.emplace_back(trim(word));
    }
    if (policy->retriable_status_codes_size() > 0) words.push_back("retriable-status-codes");
    on = join(words, ",");
  } else {
    policy->add_retriable_status_codes(503);
  }
  policy->set_retry_on(on);
  if (retries && retries->per_try_timeout)
    set_duration(policy->mutable_per_try_timeout(), *retries->per_try_timeout);
}

void set_redirect(route::RedirectAction* out, const Redirect& redirect) {
  if (!redirect.uri.empty()) out->set_path_redirect(redirect.uri);
  if (!redirect.authority.empty()) out->set_host_redirect(redirect.authority);
  if (!redirect.scheme.empty()) out->set_scheme_redirect(redirect.scheme);
  if (redirect.port) out->set_port_redirect(static_cast<uint32_t>(*redirect.port));
  switch (redirect.code) {
    case 302: out->set_response_code(route::RedirectAction::FOUND); break;
    case 303: out->set_response_code(route::RedirectAction::SEE_OTHER); break;
    case 307: out->set_response_code(route::RedirectAction::TEMPORARY_REDIRECT); break;
    case 308: out->set_response_code(route::RedirectAction::PERMANENT_REDIRECT); break;
    default: out->set_response_code(route::RedirectAction::MOVED_PERMANENTLY);
  }
}

void set_destinations(route::Route* out, const HttpRoute& http, const RouteScope& scope) {
  auto* action = out->mutable_route();
  if (http.destinations.size() == 1) {  // its weight is ignored, even 0
    action->set_cluster(cluster_of(http.destinations[0], scope));
    add_operations(out, http.destinations[0].headers);
    return;
  }
  for (const Destination& destination : http.destinations) {
    if (destination.weight <= 0) continue;
    auto* weighted = action->mutable_weighted_clusters()->add_clusters();
    weighted->set_name(cluster_of(destination, scope));
    weighted->mutable_weight()->set_value(static_cast<uint32_t>(destination.weight));
    add_operations(weighted, destination.headers);
    if (std::string host = host_rewrite(destination.headers); !host.empty())
      weighted->set_host_rewrite_literal(host);
  }
}

void set_fault(route::Route* out, const Fault& fault) {
  auto set_percent = [](envoy::type::v3::FractionalPercent* percent, double value) {
    percent->set_numerator(static_cast<uint32_t>(std::clamp(value, 0.0, 100.0) * 10'000));
    percent->set_denominator(envoy::type::v3::FractionalPercent::MILLION);
  };
  envoy::extensions::filters::http::fault::v3::HTTPFault config;
  if (fault.delay) {
    set_duration(config.mutable_delay()->mutable_fixed_delay(), *fault.delay);
    set_percent(config.mutable_delay()->mutable_percentage(), fault.delay_percent);
  }
  if (fault.abort_status) {
    config.mutable_abort()->set_http_status(static_cast<uint32_t>(*fault.abort_status));
    set_percent(config.mutable_abort()->mutable_percentage(), fault.abort_percent);
  }
  (*out->mutable_typed_per_filter_config())["envoy.filters.http.fault"].PackFrom(config);
}

route::Route build_route(const HttpRoute& http, const HttpMatch* match, const RouteScope& scope) {
  route::Route out;
  std::string name = http.name;
  if (match && !match->name.empty()) name += "." + match->name;
  out.set_name(name);
  set_match(out.mutable_match(), match);
  add_operations(&out, http.headers);
  if (http.redirect) {
    set_redirect(out.mutable_redirect(), *http.redirect);
    return out;
  }
  if (http.direct_response) {
    out.mutable_direct_response()->set_status(static_cast<uint32_t>(http.direct_response->first));
    out.mutable_direct_response()->mutable_body()->set_inline_string(http.direct_response->second);
    return out;
  }
  set_destinations(&out, http, scope);
  auto* action = out.mutable_route();
  set_duration(action->mutable_timeout(), http.timeout.value_or(Duration::zero()));  // unset: no time limit
  set_retries(action, http.retries);
  if (!http.rewrite_uri.empty()) action->set_prefix_rewrite(http.rewrite_uri);  // exact matches: the whole path
  if (http.rewrite_regex) {
    action->mutable_regex_rewrite()->mutable_pattern()->set_regex(http.rewrite_regex->first);
    action->mutable_regex_rewrite()->set_substitution(http.rewrite_regex->second);
  }
  std::string authority = http.rewrite_authority.empty() ? host_rewrite(http.headers) : http.rewrite_authority;
  if (authority.empty() && http.destinations.size() == 1) authority = host_rewrite(http.destinations[0].headers);
  if (!authority.empty()) action->set_host_rewrite_literal(authority);
  for (const Mirror& mirror : http.mirrors) {
    if (mirror.percentage <= 0) continue;
    auto* policy = action->add_request_mirror_policies();
    policy->set_cluster(cluster_of(mirror.destination, scope));
    auto* percent = policy->mutable_runtime_fraction()->mutable_default_value();
    percent->set_numerator(static_cast<uint32_t>(std::min(mirror.percentage, 100.0) * 10'000));
    percent->set_denominator(envoy::type::v3::FractionalPercent::MILLION);
  }
  if (http.fault) set_fault(&out, *http.fault);
  return out;
}

bool applies(const HttpMatch& match, const VirtualService& virtual_service, const RouteScope& scope) {
  if (match.port && *match.port != scope.port) return false;
  const std::vector<std::string>& gateways = match.gateways.empty() ? virtual_service.gateways : match.gateways;
  if (std::none_of(gateways.begin(), gateways.end(), [&](const auto& name) { return scope.gateways.contains(name); }))
    return false;
  // A match that names its gateways asks for no source (istio.io).
  if (!match.gateways.empty()) return true;
  // The proxy of a service is shared by every client: it cannot tell who calls. A route that asks for a source is
  // left out rather than applied to everybody.
  return match.source_labels.empty() && match.source_namespace.empty();
}

/// A route that leads nowhere, so that a request gets 500 instead of another route's answer.
bool leads_nowhere(const HttpRoute& http) {
  if (http.redirect || http.direct_response || http.destinations.size() == 1) return false;
  return std::none_of(http.destinations.begin(), http.destinations.end(),
                      [](const Destination& destination) { return destination.weight > 0; });
}

}  // namespace

std::vector<route::Route> build_routes(const VirtualService& virtual_service, const RouteScope& scope) {
  std::vector<route::Route> out;
  for (const HttpRoute& http : virtual_service.http) {
    HttpRoute fixed;
    const HttpRoute* used = &http;
    if (leads_nowhere(http)) {
      fixed = http;
      fixed.direct_response = std::pair{500, std::string("no destination has a weight above 0\n")};
      used = &fixed;
    }
    if (http.matches.empty()) {
      out.push_back(build_route(*used, nullptr, scope));
      return out;
    }
    for (const HttpMatch& match : http.matches) {
      if (!applies(match, virtual_service, scope)) continue;
      out.push_back(build_route(*used, &match, scope));
      if (match.catch_all()) return out;
    }
  }
  return out;
}

route::Route default_route(const std::string& cluster) {
  route::Route out;
  out.set_name("default");
  out.mutable_match()->set_prefix("/");
  out.mutable_route()->set_cluster(cluster);
  set_duration(out.mutable_route()->mutable_timeout(), Duration::zero());
  set_retries(out.mutable_route(), std::nullopt);
  return out;
}

bool is_catch_all(const route::Route& item) {
  return item.match().prefix() == "/" && item.match().headers().empty() && item.match().query_parameters().empty();
}

}  // namespace serin::mesh
