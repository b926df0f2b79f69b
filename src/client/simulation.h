#pragma once

/// Production code under a virtual clock, on one thread, in an order that a seed decides: the same seed gives
/// the same run. Several managers (several clusters), node agents and scripted actors are stepped together.
///
///   VirtualClock clock;
///   Simulation simulation(clock, seed);
///   simulation.add(work_1); simulation.add(work_2);
///   simulation.run_for(std::chrono::minutes(10));

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace serin::client {

/// Something that acts in a simulation.
class Actor {
 public:
  virtual ~Actor() = default;
  /// Does one small thing that is due now. False where there is none.
  virtual bool step(Random& random) = 0;
  /// When it next has something to do without anything else happening, if ever.
  virtual std::optional<TimePoint> next_due() const = 0;
};

class Simulation {
 public:
  /// Steps without time moving before a run is called endless.
  static constexpr size_t kMaxStepsAtOneTime = 1'000'000;

  Simulation(VirtualClock& clock, uint64_t seed) : clock_(clock), random_(seed) {}

  /// `actor` outlives the simulation.
  void add(Actor& actor) { actors_.push_back(&actor); }
  /// An actor that reacts: called while others act, until it answers false.
  void add(std::function<bool()> step);

  /// One step of one actor that has something to do now. False where none has.
  bool step();
  /// Steps until nobody has anything to do now; the clock stands still. The number of steps. Aborts after
  /// kMaxStepsAtOneTime: two actors undo each other's work.
  size_t run_until_idle();
  /// Runs until idle, moves the clock to the next due time, and so on until `span` has passed.
  size_t run_for(Duration span);
  /// As run_for, but ends as soon as `done()` holds after a step or a move of the clock. Whether it held.
  bool run_until(const std::function<bool()>& done, Duration limit);

  VirtualClock& clock() { return clock_; }

 private:
  std::optional<TimePoint> next_due() const;

  VirtualClock& clock_;
  Random random_;
  std::vector<Actor*> actors_;
  std::vector<std::unique_ptr<Actor>> owned_;
};

}  // namespace serin::client
