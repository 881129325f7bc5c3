// threads above | One team of threads for one call. The only place that knows OpenMP.
//
// A body is run by every thread of a team ("single program, multiple data"), which meets the others at barriers. An
// eager call has a team for its stages (bindings/arrays.h), a plan holds one for a whole epoch (plan/run.cpp). Ops know
// nothing of teams: they do any part of their work that they are told to.
#pragma once

#include <cstdint>
#include <string>

namespace fastnn {

struct TeamState;

struct Range {
    std::int64_t begin, end;
};

// How many blocks of so many cover n.
constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

// Work that can be cut: so many units, anywhere at a multiple of grain.
struct Split {
    std::int64_t units = 0, grain = 1;

    // Part number `index` of `count` even ones; empty where there are fewer grains.
    Range part(std::int64_t index, std::int64_t count) const {
        const std::int64_t blocks = blocks_of(units, grain);
        const std::int64_t begin = blocks * index / count * grain, end = blocks * (index + 1) / count * grain;
        return {begin < units ? begin : units, end < units ? end : units};
    }
    Range all() const { return {0, units}; }
    bool operator==(const Split& other) const { return units == other.units && grain == other.grain; }
};

class Team;

// A reference to a callable, for one call.
class TeamBody {
public:
    template <typename F>
    TeamBody(const F& body)
        : object_(&body), call_([](const void* object, Team& team) { (*static_cast<const F*>(object))(team); }) {}
    void operator()(Team& team) const { call_(object_, team); }

private:
    const void* object_;
    void (*call_)(const void*, Team&);
};

class Team {
public:
    Team() = default;  // of the calling thread alone
    Team(TeamState* state, int index, int size) : state_(state), index_(index), size_(size) {}
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;
    ~Team();

    int index() const { return index_; }
    int size() const { return size_; }

    // Waits for all threads: spins briefly, then yields, then sleeps. Throws TeamBroken where another thread failed.
    // The last thread to arrive runs `last` before any goes on.
    void barrier();
    void barrier(TeamBody last);

    // The next of `count` tasks of this phase (what lies between two barriers; all threads ask with the same count):
    // first those of this thread's own part, Split{count, 1}.part(index, size), so that a thread does the same tasks in
    // each phase of as many; then, where another thread is late, one of its. -1: none is left.
    std::int64_t take(std::int64_t count);

    // From a `last` only: so many threads, from 1 to all, take part behind this barrier. The others, whose resting() is
    // then true, call rest() and are back when they are wanted again.
    void resize(int size);
    bool resting() const { return index_ >= size_; }
    void rest();

private:
    void begin_phase();
    std::int64_t help(std::int64_t count);

    TeamState* state_ = nullptr;
    int index_ = 0, size_ = 1;
    std::uint32_t phase_ = 0;             // barriers so far
    bool patient_ = true;                 // this thread has not waited for a late one in this phase
    std::int64_t taken_ = 0;              // of a thread alone
    std::int64_t done_ = 0, helped_ = 0;  // TeamCounters of this thread
};

// Tasks that teams of several threads have taken since the process began, and how many of them were another thread's.
struct TeamCounters {
    std::int64_t done, helped;
};
TeamCounters team_counters();

// Runs body on a team of at most this many threads; rethrows the first exception of any of them.
void parallel(int threads, TeamBody body);

// The threads worth using for this many elementary operations (about 16 a nanosecond and thread).
int threads_for(double operations);

// Threads for one call: the affinity mask and cgroup quota, OMP_NUM_THREADS, FASTNN_NUM_THREADS, set_num_threads.
int get_num_threads();
void set_num_threads(int threads);

const char* threading_name();  // "OpenMP" or "std::thread"

}  // namespace fastnn
