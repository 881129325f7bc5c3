#include "core/pace.h"

#include <algorithm>

namespace fastnn {

namespace {

// A time slice is 0.75 to 6 ms and more (Linux), a step without one varies by less than a factor of two, now and then
// more (machines whose clock or neighbours change). A step of more than three times the usual, and by more than 1 ms,
// is a stall.
constexpr double stall_factor = 3, stall_seconds = 1e-3;

// The first pause is a few times what the stall took, so that a neighbour that has gone again costs little. One that
// stays stalls the first steps behind the pause: each stall so soon doubles it, up to a slice in a second.
constexpr double pause_factor = 3, soon_factor = 4, longest_pause = 1;

}  // namespace

int Pace::first(double now, int most) const { return now < until_ ? std::max(1, most / 2) : most; }

int Pace::next(double seconds, double now, int active, int most, double& usual) {
    if (active < most) return now < until_ ? active : most;
    if (usual > 0 && seconds > stall_factor * usual + stall_seconds) {
        const bool soon = now - until_ < soon_factor * seconds;
        pause_ = std::min(longest_pause, soon ? 2 * pause_ : pause_factor * seconds);
        until_ = now + pause_;
        return std::max(1, most / 2);
    }
    usual = usual == 0 || seconds < usual ? seconds : usual + (seconds - usual) / 64;
    return most;
}

}  // namespace fastnn
