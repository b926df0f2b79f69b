// What protobuf costs beside JSON: a ConfigMap of 1.4 KB, and a list of 10,000 of them. `object` is a JSON value in memory,
// which is what every request becomes and what every answer is made of.

#include <chrono>
#include <cstdio>
#include <functional>

#include "base/strings.h"
#include "kube/protobuf.h"

namespace {

using namespace serin;

json::value config_map() {
  json::object data, labels{{"app", "web"}, {"tier", "one"}};
  for (int i = 0; i < 20; ++i) data[concat("key-", i)] = std::string(40, static_cast<char>('a' + i));
  return json::object{{"apiVersion", "v1"}, {"kind", "ConfigMap"},
                      {"metadata", json::object{{"name", "settings"}, {"namespace", "default"}, {"resourceVersion", "12345"},
                                                {"uid", "12e6ee05-d09f-4aa2-b1e8-2d53eb5e7297"}, {"labels", labels},
                                                {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                      {"data", data}};
}

/// Microseconds for one run, the best of five tries.
double measure(int runs, const std::function<size_t()>& once) {
  double best = 1e18;
  size_t sum = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < runs; ++i) sum += once();
    std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / runs);
  }
  if (sum == 0) std::puts("nothing was done");
  return best;
}

void row(const char* what, double json, double protobuf) {
  std::printf("%-34s %12.1f %12.1f %8.2f\n", what, json, protobuf, protobuf / json);
}

}  // namespace

int main() {
  json::value one = config_map();
  std::string text = json::dump(one), bytes = kube::protobuf_from_object(one).value();
  std::printf("%-34s %12s %12s %8s\n", "", "JSON", "protobuf", "ratio");
  row("ConfigMap: bytes", double(text.size()), double(bytes.size()));
  row("ConfigMap: object to bytes, us", measure(2000, [&] { return json::dump(one).size(); }),
      measure(2000, [&] { return kube::protobuf_from_object(one)->size(); }));
  row("ConfigMap: bytes to object, us", measure(2000, [&] { return json::parse(text)->get_object().size(); }),
      measure(2000, [&] { return kube::object_from_protobuf(bytes)->get_object().size(); }));

  constexpr int kItems = 10'000;
  std::string stored = text;  // as the store keeps it; JSON answers copy it as it is
  json::value metadata = json::object{{"resourceVersion", "1"}};
  auto json_list = [&] {
    std::string out;
    for (int i = 0; i < kItems; ++i) out += stored;
    return out.size();
  };
  auto protobuf_list = [&] {
    auto list = kube::ProtobufList::begin("v1", "ConfigMapList", metadata);
    for (int i = 0; i < kItems; ++i) list->add(json::parse(stored).value());
    return list->finish().size();
  };
  row("list of 10,000: bytes", double(json_list()), double(protobuf_list()));
  row("list of 10,000: stored to bytes, us", measure(1, json_list), measure(1, protobuf_list));
  auto list = kube::ProtobufList::begin("v1", "ConfigMapList", metadata);
  json::array items;
  for (int i = 0; i < kItems; ++i) list->add(one), items.push_back(one);
  std::string list_bytes = list->finish(), list_text = json::dump(json::object{{"items", std::move(items)}});
  row("list of 10,000: bytes to object, us", measure(1, [&] { return json::parse(list_text)->get_object().size(); }),
      measure(1, [&] { return kube::object_from_protobuf(list_bytes)->get_object().size(); }));
}
