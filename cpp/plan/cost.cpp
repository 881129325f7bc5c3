#include "plan/cost.h"

#include <algorithm>
#include <cmath>

namespace fastnn {

namespace {

constexpr double rate = 16e9;                               // elementary operations a second and thread
constexpr double call_together = 3e-6;                      // a fork and join takes 1 to 5 us
constexpr double barrier_base = 0.1e-6, arrival = 0.05e-6;  // 0.2 us for two threads

double rounds(double pieces, int threads) { return std::ceil(pieces / threads) / pieces; }

double phase_seconds(const std::vector<Instruction>& instructions, const Phase& phase, std::int64_t rows, int threads) {
    double shared = 0, handed_out = 0;
    for (const std::size_t i : phase.members) {
        const Instruction& instruction = instructions[i];
        (!phase.chain && instruction.body ? shared : handed_out) += instruction.operations;
    }
    const double pieces = static_cast<double>(phase.chain ? row_blocks(rows, threads) : phase.tasks);
    const double work = shared / threads + (pieces > 0 ? handed_out * rounds(pieces, threads) : 0);
    return work / rate + (threads > 1 ? barrier_base + arrival * threads : 0);
}

}  // namespace

double seconds_of(double operations) { return operations / rate; }

double step_seconds(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, std::int64_t rows,
                    int threads, std::int64_t steps) {
    double seconds = threads > 1 ? call_together / static_cast<double>(steps) : 0;
    for (const Phase& phase : phases) seconds += phase_seconds(instructions, phase, rows, threads);
    return seconds;
}

int best_threads(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, std::int64_t rows,
                 int most, std::int64_t steps) {
    int best = 1;
    double least = step_seconds(instructions, phases, rows, 1, steps);
    // More threads than this meet for longer than the whole work takes one of them.
    const int worth = static_cast<int>(std::min<double>(most, 1 + least / arrival));
    for (int threads = 2; threads <= worth; ++threads) {
        const double seconds = step_seconds(instructions, phases, rows, threads, steps);
        if (seconds < least) {
            least = seconds;
            best = threads;
        }
    }
    return best;
}

}  // namespace fastnn
