// threads above | A program: the instructions of one step, their phases, and what a run of them keeps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "plan/derived.h"
#include "plan/schedule.h"
#include "plan/source.h"
#include "plan/zeros.h"

namespace fastnn {

// Where the time of a program went: thread-seconds of each instruction, and of waiting at barriers.
struct Profile {
    std::int64_t steps = 0;
    int threads = 0;
    std::vector<double> seconds;  // [thread][instruction], the last one waiting

    bool on() const { return threads > 0; }
};

struct Program {
    std::vector<Instruction> instructions;
    std::vector<Phase> by_rows, phases;                            // cut by rows wherever it can be; as it is run
    std::vector<std::function<void()>> before_update, after_step;  // by one thread, while the others wait
    std::map<const void*, std::uint32_t> draws;                    // how often a dropout module is used in one step
    std::deque<Zeros> zeros;                                       // of the inputs of dense layers
    DerivedUse derived;
    int input = -1, target = -1, loss = -1, output = -1;  // views
    Profile profile;                                      // empty: none is wanted
    Batch batch;
    bool batch_anywhere = false;     // whether it may lie elsewhere than in its view: nobody reads that itself
    const Source* source = nullptr;  // of the current run
    std::int64_t step = 0;           // number in it
    double usual_seconds = 0;        // of a step (pace.h)
    // The best number of threads (0: not known yet) for a call of so many steps, where so many may be used.
    int threads = 0, of_threads = 0, scheduled_for = 0;
    std::int64_t of_steps = 0;

    // For a team of so many threads, which may be fewer than it was scheduled for.
    void hand_out(int team) {
        bool backwards = false;
        for (Phase& phase : phases) {
            const bool chain = !phase.parts.empty() && phase.parts.front().cut == Part::Cut::rows;
            if (phase.threads != team) fastnn::hand_out(instructions, phase, team, backwards);
            if (chain) backwards = !backwards;
        }
    }
};

}  // namespace fastnn
