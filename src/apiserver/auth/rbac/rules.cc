#include "apiserver/auth/rbac/rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "data/json_strings.h"

namespace serin::apiserver::rbac {
namespace {

using Strings = std::vector<std::string>;

bool has(const Strings& list, std::string_view text) { return std::find(list.begin(), list.end(), text) != list.end(); }
bool has_or_all(const Strings& list, std::string_view text) { return has(list, "*") || has(list, text); }

bool resource_matches(const Strings& resources, const AccessRequest& access) {
  for (const std::string& resource : resources) {
    if (resource == "*") return true;
    if (access.subresource.empty()) {
      if (resource == access.resource) return true;
      continue;
    }
    auto parts = cut(resource, '/');
    if (parts && parts->second == access.subresource && (parts->first == "*" || parts->first == access.resource)) return true;
  }
  return false;
}

bool url_matches(const Strings& urls, std::string_view path) {
  return std::any_of(urls.begin(), urls.end(), [&](std::string_view url) {
    return url == path || (url.ends_with('*') && path.starts_with(url.substr(0, url.size() - 1)));
  });
}

bool resource_covered(const Strings& held, std::string_view wanted) {
  if (has_or_all(held, wanted)) return true;
  auto parts = cut(wanted, '/');
  return parts && has(held, concat("*/", parts->second));
}

/// `part` has one verb and either one path, or one group, one resource and at most one name.
bool covers(const Rule& held, const Rule& part) {
  if (!has_or_all(held.verbs, part.verbs.front())) return false;
  if (!part.urls.empty()) return url_matches(held.urls, part.urls.front());
  if (!has_or_all(held.groups, part.groups.front()) || !resource_covered(held.resources, part.resources.front())) return false;
  return held.names.empty() || (!part.names.empty() && has(held.names, part.names.front()));
}

std::vector<Rule> parts_of(const Rule& rule) {
  std::vector<Rule> parts;
  for (const std::string& verb : rule.verbs) {
    for (const std::string& url : rule.urls) parts.push_back({{verb}, {}, {}, {}, {url}});
    for (const std::string& group : rule.groups)
      for (const std::string& resource : rule.resources) {
        if (rule.names.empty()) parts.push_back({{verb}, {group}, {resource}, {}, {}});
        for (const std::string& name : rule.names) parts.push_back({{verb}, {group}, {resource}, {name}, {}});
      }
  }
  return parts;
}

Strings read_list(const json::value& rule, const char* member) { return json::to_strings(json::items(rule, member)); }

}  // namespace

std::vector<Rule> read_rules(const json::value& role) {
  std::vector<Rule> out;
  for (const json::value& rule : json::items(role, "rules"))
    out.push_back({read_list(rule, "verbs"), read_list(rule, "apiGroups"), read_list(rule, "resources"),
                   read_list(rule, "resourceNames"), read_list(rule, "nonResourceURLs")});
  return out;
}

json::array write_rules(const std::vector<Rule>& rules) {
  json::array out;
  for (const Rule& rule : rules) {
    json::object one;
    auto put = [&](const char* member, const Strings& list) {
      if (!list.empty()) one[member] = json::from_strings(list);
    };
    put("verbs", rule.verbs);
    put("apiGroups", rule.groups);
    put("resources", rule.resources);
    put("resourceNames", rule.names);
    put("nonResourceURLs", rule.urls);
    out.push_back(std::move(one));
  }
  return out;
}

bool allows(const Rule& rule, const AccessRequest& access) {
  if (!has_or_all(rule.verbs, access.verb)) return false;
  if (!access.path.empty()) return url_matches(rule.urls, access.path);
  return has_or_all(rule.groups, access.group) && resource_matches(rule.resources, access) &&
         (rule.names.empty() || has(rule.names, access.name));
}

std::vector<Rule> not_covered(const std::vector<Rule>& held, const std::vector<Rule>& wanted) {
  std::vector<Rule> missing;
  for (const Rule& rule : wanted)
    for (Rule& part : parts_of(rule))
      if (std::none_of(held.begin(), held.end(), [&](const Rule& one) { return covers(one, part); })) missing.push_back(std::move(part));
  return missing;
}

std::string quote(std::string_view text) { return json::dump(json::value(text)); }

std::string quote(const std::vector<std::string>& list) {
  Strings quoted;
  for (const std::string& text : list) quoted.push_back(quote(text));
  return concat('[', join(quoted, " "), ']');
}

std::string describe(const std::vector<Rule>& rules) {
  std::vector<Rule> compact;
  std::map<std::pair<std::string, std::string>, size_t> simple;  // group and resource to the index of their rule
  for (const Rule& rule : rules) {
    bool plain = rule.groups.size() == 1 && rule.resources.size() == 1 && rule.names.empty() && rule.urls.empty();
    if (!plain) {
      compact.push_back(rule);
      continue;
    }
    auto [at, added] = simple.emplace(std::pair(rule.groups.front(), rule.resources.front()), compact.size());
    if (added) {
      compact.push_back(rule);
      continue;
    }
    Strings& verbs = compact[at->second].verbs;
    for (const std::string& verb : rule.verbs)
      if (!has(verbs, verb)) verbs.push_back(verb);
  }
  std::set<std::string> lines;
  for (const Rule& rule : compact) {
    Strings members;
    auto add = [&](std::string_view name, const Strings& list) {
      if (!list.empty()) members.push_back(concat(name, ':', quote(list)));
    };
    add("APIGroups", rule.groups);
    add("Resources", rule.resources);
    add("NonResourceURLs", rule.urls);
    add("ResourceNames", rule.names);
    add("Verbs", rule.verbs);
    lines.insert(concat('{', join(members, ", "), '}'));
  }
  return join({lines.begin(), lines.end()}, "\n");
}

}  // namespace serin::apiserver::rbac
