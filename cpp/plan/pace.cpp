#include "plan/pace.h"

#include <algorithm>

namespace fastnn {

namespace {

// A time slice is 0.75 to 6 ms (Linux), a step without one varies by less than a factor of two (machines whose clock or
// neighbours change). A longer step of more than three times the usual, and by more than 0.2 ms, is a stall.
constexpr double stall_factor = 3, stall_seconds = 200e-6;

// The first pause is about as long as a slice of the neighbour; each stall soon after doubles it, so that a neighbour
// that stays costs one slice in a second.
constexpr double first_pause = 5e-3, longest_pause = 1;

}  // namespace

int Pace::next(double seconds, double now, int active, int most) {
    if (active < most) return now < until_ ? active : most;
    if (usual_ > 0 && seconds > stall_factor * usual_ + stall_seconds) {
        const bool soon = now - until_ < pause_;
        pause_ = soon ? std::min(2 * pause_, longest_pause) : first_pause;
        until_ = now + pause_;
        return std::max(1, most / 2);
    }
    usual_ = usual_ == 0 || seconds < usual_ ? seconds : usual_ + (seconds - usual_) / 64;
    return most;
}

}  // namespace fastnn
