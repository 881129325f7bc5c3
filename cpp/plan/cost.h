// threads above | What a step takes, and how many threads it is worth: a model of a few lines.
//
// A step is its phases, one after the other (schedule.h). What p threads need for a phase is
//
//   rounds(p) / pieces * work / rate + barrier(p)
//
// work: its instructions' elementary operations, of which a thread does `rate`: one is a multiply-add of eight floats
// in a product, one element in all else but exp and its like (12) and an optimizer's update (4).
// pieces: what can be handed out: blocks of rows of a chain, tasks of a group; rounds(p) = ceil(pieces / p), as the
// thread that gets the last piece decides. A block smaller than a register tile takes as long as a tile. An instruction
// that is cut evenly has as many pieces as there are threads.
// barrier(p): the threads' signs of arrival go through one cache line, from each to the next.
//
// So a step of a 1-3-1 network stays with one thread and meets no barrier, and 64 threads are not used for a batch of
// 64: it has too few blocks of rows, and 64 arrivals take longer than what is left of the work. `fastnn info --plan`
// prints the model's times beside measured ones. The constants are those of AVX2 on a processor of 2021 at its best;
// where memory or neighbours make everything twice as slow, the choice of threads is the same.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/schedule.h"

namespace fastnn {

// Seconds that a thread needs for so many elementary operations.
double seconds_of(double operations);

// Seconds of a step of a program, by so many threads. A team of more than one has to be
// called together first, once for `steps` steps.
double step_seconds(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, int threads,
                    std::int64_t steps);

// The least number of threads, at most `most`, for which that is within a tenth of the best.
int best_threads(const std::vector<Instruction>& instructions, const std::vector<Phase>& phases, int most,
                 std::int64_t steps);

}  // namespace fastnn
