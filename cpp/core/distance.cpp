#include "core/distance.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/platform.h"

namespace fastnn {

namespace {

// A game lasts 5 to 40 us: a thread that loses its processor for a while loses one, and their median does not see it.
constexpr int rallies = 100, games = 25;

constexpr int spins_at_most = 100000;  // looks at the ball, about 50 us

// A line of its own; what crosses from core to core is the number of hits so far.
struct alignas(cache_line) Ball {
    std::atomic<int> hits{0};
};

// So many hits of one side, each as soon as the other has made the one before; `turn`: the hits before the first.
// Without a pause, which takes as long as what is measured, and yielding only after about 50 us: where the other does
// not run it is another process's turn anyway, and a system that does not let threads stay where they are told may have
// put both on one processor.
void hit(Ball& ball, int turn, int count) {
    for (const int end = turn + 2 * count; turn != end; turn += 2) {
        for (int looks = 0; ball.hits.load(std::memory_order_acquire) != turn; ++looks) {
            if (looks > spins_at_most) std::this_thread::yield();
        }
        ball.hits.store(turn + 1, std::memory_order_release);
    }
}

double rally_between(int first, int second) {
    using Clock = std::chrono::steady_clock;
    stay_on(first);
    Ball ball;
    const std::future<void> other = std::async(std::launch::async, [&ball, second] {
        stay_on(second);
        hit(ball, 1, games * rallies);
    });
    std::array<double, games> seconds;
    Clock::time_point last = Clock::now();
    for (int game = 0; game < games; ++game) {
        hit(ball, 2 * game * rallies, rallies);
        const Clock::time_point now = Clock::now();
        seconds[game] = std::chrono::duration<double>(now - last).count();
        last = now;
    }
    std::nth_element(seconds.begin(), seconds.begin() + games / 2, seconds.end());
    return seconds[games / 2] / (2 * rallies) * 1e9;  // there and back
}

}  // namespace

std::optional<double> core_distance() {
    const std::vector<int> mine = processors();
    if (mine.size() < 2) return std::nullopt;
    return std::async(std::launch::async, rally_between, mine.front(), mine.back()).get();
}

}  // namespace fastnn
