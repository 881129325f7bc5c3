#include "plan/cost.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"

namespace fastnn {

namespace {

constexpr double rate_of_avx2 = 6e9;                        // elementary operations a second and thread
constexpr double call_together = 3e-6;                      // a fork and join takes 1 to 5 us
constexpr double barrier_base = 0.1e-6, arrival = 0.05e-6;  // 0.2 us for two threads

constexpr double good_enough = 1.1;  // times the least: the last threads add little and take what others could use

// Twice the width does twice as much.
double rate() { return rate_of_avx2 / 16 * static_cast<double>(kernels<float>().panel); }

double rounds(double pieces, int threads) { return std::ceil(pieces / threads) / pieces; }

// How much longer blocks of rows take that are smaller than a register tile: such a block takes as long as a tile.
double padding(std::int64_t rows, std::int64_t pixels, std::int64_t blocks) {
    const double tile = static_cast<double>(kernels<float>().rows * blocks);
    return std::max(1.0, tile / static_cast<double>(std::max<std::int64_t>(rows * pixels, 1)));
}

double phase_seconds(const std::vector<Instruction>& instructions, const Phase& phase, int threads) {
    double even = 0, tasks = 0;
    std::int64_t pieces = 0;
    for (const Part& part : phase.parts) {
        const bool chain = part.cut != Part::Cut::alone;
        const bool cut_evenly = !chain && !instructions[part.members.front()].tasks;
        double operations = 0;
        for (const std::size_t i : part.members) operations += instructions[i].operations;
        const std::int64_t count = tasks_of(instructions, part, threads);
        if (part.cut == Part::Cut::rows) operations *= padding(part.split.units, part.pixels, count);
        (cut_evenly ? even : tasks) += operations;
        if (!cut_evenly) pieces += count;
    }
    const double work = even / threads + (pieces > 0 ? tasks * rounds(static_cast<double>(pieces), threads) : 0);
    return work / rate() + (threads > 1 ? barrier_base + arrival * threads : 0);
}

}  // namespace

double seconds_of(double operations) { return operations / rate(); }

double step_seconds(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, int threads,
                    std::int64_t steps) {
    double seconds = threads > 1 ? call_together / static_cast<double>(steps) : 0;
    for (const Phase& phase : phases) seconds += phase_seconds(instructions, phase, threads);
    return seconds;
}

int best_threads(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, int most,
                 std::int64_t steps) {
    double least = step_seconds(instructions, phases, 1, steps);
    // More threads than this meet for longer than the whole work takes one of them.
    const int worth = static_cast<int>(std::min<double>(most, 1 + least / arrival));
    std::vector<double> seconds{least};
    for (int threads = 2; threads <= worth; ++threads) {
        seconds.push_back(step_seconds(instructions, phases, threads, steps));
        least = std::min(least, seconds.back());
    }
    const auto enough = [least](double time) { return time <= least * good_enough; };
    return 1 + static_cast<int>(std::find_if(seconds.begin(), seconds.end(), enough) - seconds.begin());
}

}  // namespace fastnn
