#include "kube/field_set.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::kube {
namespace {

/// One element as a message shows it.
std::string shown(std::string_view element) {
  std::string_view rest = element.substr(std::min<size_t>(2, element.size()));
  if (element.starts_with("f:")) return concat(".", rest);
  if (element.starts_with("v:")) return concat("[=", rest, "]");
  if (!element.starts_with("k:")) return concat("[", rest, "]");
  auto keys = json::parse(rest);
  if (!keys || !keys->is_object()) return concat("[", rest, "]");
  std::string out;
  for (const auto& [name, value] : keys->get_object())
    out += concat(out.empty() ? "[" : ",", std::string_view(name), "=", json::dump(value));
  return out + "]";
}

void collect(const FieldSet& set, const std::string& path, std::vector<std::string>& out) {
  if (set.self) out.push_back(path);
  for (const auto& [element, child] : set.children) collect(child, path + shown(element), out);
}

}  // namespace

bool FieldSet::empty() const {
  if (self) return false;
  return std::all_of(children.begin(), children.end(), [](const auto& child) { return child.second.empty(); });
}

const FieldSet* FieldSet::child(std::string_view element) const {
  auto at = children.find(element);
  return at == children.end() ? nullptr : &at->second;
}

void FieldSet::unite(const FieldSet& other) {
  self |= other.self;
  for (const auto& [element, child] : other.children) children[element].unite(child);
}

void FieldSet::subtract(const FieldSet& other) {
  if (other.self) self = false;
  for (const auto& [element, child] : other.children) {
    auto at = children.find(element);
    if (at == children.end()) continue;
    at->second.subtract(child);
    if (at->second.empty()) children.erase(at);
  }
}

FieldSet FieldSet::intersect(const FieldSet& other) const {
  FieldSet both;
  both.self = self && other.self;
  for (const auto& [element, child] : children) {
    const FieldSet* same = other.child(element);
    if (!same) continue;
    FieldSet below = child.intersect(*same);
    if (!below.empty()) both.children.emplace(element, std::move(below));
  }
  return both;
}

void FieldSet::drop(std::initializer_list<std::string_view> path) {
  FieldSet* at = this;
  for (auto element = path.begin(); element + 1 != path.end(); ++element) {
    auto below = at->children.find(*element);
    if (below == at->children.end()) return;
    at = &below->second;
  }
  if (auto last = at->children.find(*(path.end() - 1)); last != at->children.end()) at->children.erase(last);
}

FieldSet FieldSet::from_json(const json::value& fields_v1) {
  FieldSet set;
  const json::object* members = fields_v1.if_object();
  if (!members) return set;
  for (const auto& [element, below] : *members) {
    if (element == ".") {
      set.self = true;
      continue;
    }
    FieldSet child = from_json(below);
    if (child.children.empty()) child.self = true;
    set.children.emplace(element, std::move(child));
  }
  return set;
}

json::value FieldSet::to_json() const {
  json::object out;
  if (self && !children.empty()) out["."] = json::object();
  for (const auto& [element, child] : children)
    if (!child.empty()) out[element] = child.to_json();
  return out;
}

std::vector<std::string> FieldSet::paths() const {
  std::vector<std::string> out;
  collect(*this, "", out);
  return out;
}

}  // namespace serin::kube
