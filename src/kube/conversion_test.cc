#include "kube/conversion.h"

#include <gtest/gtest.h>

namespace serin::kube {
namespace {

const Conversion& of(std::string group, std::string plural, std::string kind) {
  const Conversion* found = conversion_of({std::move(group), "v1", std::move(plural), std::move(kind)});
  EXPECT_NE(found, nullptr);
  return *found;
}

json::value doc(const char* text) { return json::parse(text).value(); }

TEST(Conversion, AnEventIsTheSameUnderBothNames) {
  const Conversion& events = of("events.k8s.io", "events", "Event");
  json::value served = doc(R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e","namespace":"d"},
    "eventTime":"2026-01-01T00:00:00.000000Z","series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"},
    "reportingController":"c","reportingInstance":"i","action":"A","reason":"R","regarding":{"kind":"Pod","name":"p"},
    "related":{"kind":"Node"},"note":"text","type":"Normal","deprecatedSource":{"component":"x"},
    "deprecatedFirstTimestamp":"2026-01-01T00:00:00Z","deprecatedLastTimestamp":"2026-01-01T00:00:02Z","deprecatedCount":3})");
  json::value stored = events.to_stored(served);
  EXPECT_EQ(json::get_string(stored, "apiVersion"), "v1");
  EXPECT_EQ(json::get_string(stored, "involvedObject", "name"), "p");
  EXPECT_EQ(json::get_string(stored, "message"), "text");
  EXPECT_EQ(json::get_string(stored, "source", "component"), "x");
  EXPECT_EQ(json::get_int(stored, 0, "count"), 3);
  EXPECT_EQ(json::find(stored, "note"), nullptr);
  EXPECT_EQ(json::dump(events.to_served(stored)), json::dump(served));
}

TEST(Conversion, AnAutoscalerKeepsWhatItsOldVersionCannotSay) {
  const Conversion& hpas = of("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler");
  json::value plain = hpas.to_stored(doc(R"({"apiVersion":"autoscaling/v1","spec":{"maxReplicas":3,"targetCPUUtilizationPercentage":50}})"));
  EXPECT_EQ(json::dump(*json::find(plain, "spec", "metrics")),
            R"([{"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":50,"type":"Utilization"}}}])");
  json::value stored = doc(R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"h"},
    "spec":{"maxReplicas":3,"metrics":[
        {"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":80,"type":"Utilization"}}},
        {"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}}],
      "behavior":{"scaleDown":{"stabilizationWindowSeconds":10}}},
    "status":{"desiredReplicas":2,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":7}}}],
      "conditions":[{"type":"AbleToScale","status":"True"}]}})");
  json::value served = hpas.to_served(stored);
  EXPECT_EQ(json::get_int(served, 0, "spec", "targetCPUUtilizationPercentage"), 80);
  EXPECT_EQ(json::get_int(served, 0, "status", "currentCPUUtilizationPercentage"), 7);
  EXPECT_EQ(json::find(served, "spec", "metrics"), nullptr);
  EXPECT_EQ(json::find(served, "status", "conditions"), nullptr);
  EXPECT_EQ(hpas.to_stored(served), stored);
}

TEST(Conversion, OtherKindsAreStoredAsTheyAreServed) {
  EXPECT_EQ(conversion_of({"", "v1", "events", "Event"}), nullptr);
  EXPECT_EQ(conversion_of({"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"}), nullptr);
}

}  // namespace
}  // namespace serin::kube
