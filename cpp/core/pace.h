// threads above | How many threads of a team take part in the next step or call. A thread whose processor another
// process uses holds up all others at the next barrier for a whole time slice, thousands of steps' worth of waiting; a
// smaller team goes on.
#pragma once

#include <atomic>

namespace fastnn {

// Callers at the same time may use one.
class Pace {
public:
    // How many of `most` threads a call that begins at time `now` gets: to wake one whose processor is taken and to
    // wait for it at the end of the call would take a time slice again.
    int first(double now, int most) const;

    // After a step that took `seconds` with `active` of `most` threads and ended at time `now`. usual: what a step of
    // its program takes the whole team, kept up to date; 0 at first.
    int next(double seconds, double now, int active, int most, double& usual);

private:
    std::atomic<double> pause_{0};  // how long the team stays small after a stall
    std::atomic<double> until_{0};
};

}  // namespace fastnn
