// threads above | Work on several threads: as a team that meets at barriers, or part by part.
//
// A plan holds a team for a whole call (plan/run.cpp); an eager call shares its stages' parts out (bindings/arrays.h).
// Ops know nothing of threads: they do any part of their work that they are told to.
#pragma once

#include "core/split.h"
#include "core/team.h"

namespace fastnn {

// Runs body on a team of at most this many threads; rethrows the first exception of any of them.
void parallel(int threads, TeamBody body);

// A reference to a callable of a part, for one call.
class PartBody {
public:
    template <typename F>
    PartBody(const F& body)
        : object_(&body), call_([](const void* object, Range part) { (*static_cast<const F*>(object))(part); }) {}
    void operator()(Range part) const { call_(object_, part); }

private:
    const void* object_;
    void (*call_)(const void*, Range);
};

// Runs body on the parts of a split, at most so many: the same one on the same thread in each call of as many. Nobody
// waits for a thread that has not begun when the caller is done with its own part: the caller does that one's, too.
// After a stall fewer threads take part for a while (core/pace.h). Rethrows the first exception of any of them.
void share(int threads, Split split, PartBody body);

// The threads worth using for this many elementary operations (about 16 a nanosecond and thread).
int threads_for(double operations);

// Threads for one call: the affinity mask and cgroup quota, OMP_NUM_THREADS, FASTNN_NUM_THREADS, set_num_threads; fewer
// where so many cannot be had.
int get_num_threads();
void set_num_threads(int threads);

const char* threading_name();  // "std::thread", or "OpenMP" in a build with it

}  // namespace fastnn
