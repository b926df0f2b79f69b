#include "client/simulation.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace serin::client {
namespace {

class Reaction final : public Actor {
 public:
  explicit Reaction(std::function<bool()> step) : step_(std::move(step)) {}
  bool step(Random&) override { return step_(); }
  std::optional<TimePoint> next_due() const override { return std::nullopt; }

 private:
  std::function<bool()> step_;
};

}  // namespace

void Simulation::add(std::function<bool()> step) {
  owned_.push_back(std::make_unique<Reaction>(std::move(step)));
  actors_.push_back(owned_.back().get());
}

bool Simulation::step() {
  if (actors_.empty()) return false;
  size_t first = random_.next() % actors_.size();
  for (size_t i = 0; i < actors_.size(); ++i)
    if (actors_[(first + i) % actors_.size()]->step(random_)) return true;
  return false;
}

size_t Simulation::run_until_idle() {
  size_t steps = 0;
  while (step()) {
    if (++steps < kMaxStepsAtOneTime) continue;
    std::fputs("simulation: no end of work at one moment\n", stderr);
    std::abort();
  }
  return steps;
}

std::optional<TimePoint> Simulation::next_due() const {
  std::optional<TimePoint> next;
  for (const Actor* actor : actors_)
    if (auto due = actor->next_due(); due && (!next || *due < *next)) next = due;
  return next;
}

size_t Simulation::run_for(Duration span) {
  TimePoint end = clock_.now() + span;
  size_t steps = 0;
  while (true) {
    steps += run_until_idle();
    std::optional<TimePoint> next = next_due();
    if (!next || *next > end) break;
    // What is due and was not done now is asked again a moment later, so that time always moves.
    clock_.advance_to(std::max(*next, clock_.now() + std::chrono::microseconds(1)));
  }
  clock_.advance_to(end);
  return steps + run_until_idle();
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  TimePoint end = clock_.now() + limit;
  size_t steps = 0;
  while (!done()) {
    if (step()) {
      if (++steps >= kMaxStepsAtOneTime) return false;
      continue;
    }
    std::optional<TimePoint> next = next_due();
    if (!next || *next > end) return false;
    clock_.advance_to(std::max(*next, clock_.now() + std::chrono::microseconds(1)));
    steps = 0;
  }
  return true;
}

}  // namespace serin::client
