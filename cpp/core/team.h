// threads above | One team of threads for one call.
//
// A body is run by every thread of a team ("single program, multiple data"), which meets the others at barriers. What
// lies between two of them is a phase: a row of tasks, each done by its owner, or, where that one is late, by another.
#pragma once

#include <cstdint>

namespace fastnn {

struct TeamState;
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

// Tasks that several threads have shared since the process began, and how many were done by another than their owner.
struct TeamCounters {
    std::int64_t done, helped;
};
TeamCounters team_counters();
void count_tasks(std::int64_t done, std::int64_t helped);

}  // namespace fastnn
