// Drives teams and shares as nothing else does: threads delayed, resized, failing, several callers at once. Every task
// must be done once, in its phase. Marks are plain memory: a thread sanitizer sees what is not ordered.
// Arguments: seconds, and "fault" to count a task twice, which must be seen.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/pace.h"
#include "core/parallel.h"
#include "core/pool.h"

namespace {

using fastnn::Range;
using fastnn::Split;
using fastnn::Team;

std::atomic<long> checks{0}, failures{0};
bool fault = false;

void check(bool right, const char* what) {
    ++checks;
    if (!right && failures++ < 10) std::printf("wrong: %s\n", what);
}

// Pseudo-random numbers (Numerical Recipes' linear congruential generator).
struct Draw {
    std::uint32_t state;
    int below(int n) {
        state = state * 1664525u + 1013904223u;
        return static_cast<int>((state >> 8) % static_cast<std::uint32_t>(n));
    }
};

using Marks = std::vector<int>;

void check_once(const Marks& marks, int expected, const char* what) {
    bool right = true;
    for (const int mark : marks) right = right && mark == expected;
    check(right, what);
}

void delay(Draw& draw) {
    const int kind = draw.below(40);
    if (kind == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw.below(300)));
    if (kind < 5) std::this_thread::yield();
}

void share_once(Draw& draw) {
    const int threads = 1 + draw.below(5), failing = draw.below(200);
    const Split split{draw.below(40), 1 + draw.below(4)};
    Marks marks(static_cast<std::size_t>(split.units), 0);
    const auto body = [&](Range part) {
        Draw own{static_cast<std::uint32_t>(part.begin + 1)};
        delay(own);
        for (std::int64_t i = part.begin; i < part.end; ++i) ++marks[static_cast<std::size_t>(i)];
        if (part.begin <= failing && failing < part.end) throw std::runtime_error("meant");
    };
    bool failed = false;
    try {
        fastnn::share(threads, split, body);
    } catch (const std::runtime_error& error) {
        failed = std::string(error.what()) == "meant";
    }
    check(failed == (failing < split.units), "a share's error");
    if (fault && !marks.empty()) ++marks[0];
    check_once(marks, 1, "a share's units, each once");
}

// A program of phases, gone through a few times as a plan does; its team is resized behind the last of them.
struct Program {
    std::vector<Marks> phases;
    int rounds, failing, done = 0;
    bool stop = false;
    Draw draw;

    void run_phase(Team& team, Marks& marks, Draw& own) {
        const auto count = static_cast<std::int64_t>(marks.size());
        const Range mine = Split{count, 1}.part(team.index(), team.size());
        delay(own);
        std::int64_t last = -1;
        for (std::int64_t task = team.take(count); task >= 0; task = team.take(count)) {
            const bool helping = last >= 0 && !(mine.begin <= last && last < mine.end);
            check(!helping || !(mine.begin <= task && task < mine.end), "own tasks first");
            last = task;
            if (++marks[static_cast<std::size_t>(task)] == failing) throw std::runtime_error("meant");
            delay(own);
        }
        check(team.take(count) < 0, "no task after the last");
    }

    void end_round(Team& team, int most) {
        ++done;
        for (const Marks& marks : phases) check_once(marks, done, "a team's tasks, each once in each round");
        stop = done == rounds;
        team.resize(stop ? most : 1 + draw.below(most));
    }

    void operator()(Team& team) {
        const int most = team.size();
        Draw own{static_cast<std::uint32_t>(team.index() + 7)};
        while (true) {
            if (team.resting()) team.rest();
            if (stop) return;
            for (Marks& marks : phases) {
                run_phase(team, marks, own);
                const bool last = &marks == &phases.back();
                team.barrier([&](Team& one) {
                    if (last) end_round(one, most);
                });
            }
        }
    }
};

void run_program(Draw& draw) {
    const int rounds = 1 + draw.below(20);
    const bool fails = draw.below(4) == 0;
    Program program{{}, rounds, fails ? 1 + draw.below(rounds) : -1, 0, false, draw};
    for (int phases = 1 + draw.below(4); phases > 0; --phases)
        program.phases.emplace_back(static_cast<std::size_t>(draw.below(30)));
    program.phases.back().resize(program.phases.back().size() + 1);  // a task at least, to fail in
    bool failed = false;
    try {
        fastnn::parallel(1 + draw.below(5), [&](Team& team) { program(team); });
    } catch (const std::runtime_error& error) {
        failed = std::string(error.what()) == "meant";
    }
    check(failed == fails, "a team's error");
}

// A stall of 20 ms makes the team small for three times as long, and again for twice that where it comes back soon.
void pace_once() {
    fastnn::Pace pace;
    double usual = 0;
    check(pace.next(1e-3, 0, 4, 4, usual) == 4 && usual == 1e-3, "no stall at first");
    check(pace.next(3.9e-3, 1, 4, 4, usual) == 4, "a slow step is no stall");
    check(pace.next(20e-3, 2, 4, 4, usual) == 2, "half of the threads after a stall");
    check(pace.first(2.059, 4) == 2 && pace.first(2.061, 4) == 4, "a pause of 60 ms");
    check(pace.next(1e-3, 2.059, 2, 4, usual) == 2 && pace.next(1e-3, 2.061, 2, 4, usual) == 4, "within a call, too");
    pace.next(20e-3, 2.1, 4, 4, usual);
    check(pace.first(2.219, 4) == 2 && pace.first(2.221, 4) == 4, "twice as long where it comes back soon");
    pace.next(20, 2.25, 1, 1, usual);
    check(pace.first(3.249, 1) == 1 && pace.first(3.26, 4) == 4, "never longer than a second, never no thread");
}

// A helper that sleeps has not begun when it is called off at once: its task is the caller's. It is left out until it
// has come, unless it is needed.
void call_off_once(long& late) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // behind its last call it does not sleep yet
    std::atomic<int> runs{0};
    const std::function<void(int)> task = [&](int) { ++runs; };
    fastnn::Helpers helpers(1, true);
    check(helpers.count() == 1, "a helper that is needed");
    helpers.call(task, true);
    const int done_here = helpers.call_off(task);
    late += done_here;
    helpers.wait(true);
    check(runs.load() == 1, "a task called off or run, once");
}

void left_out_once(long& left_out) {
    long late = 0;
    call_off_once(late);
    left_out += late > 0 && fastnn::Helpers(1, false).count() == 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (fastnn::Helpers(1, false).count() == 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    check(fastnn::Helpers(1, false).count() == 1, "a helper that has come is there again");
}

// The second part is stalled for 40 ms where another thread does it; the next call is one part. Not looked at where the
// machine is too busy for this caller's own part to take 2 ms, or to go on within the pause.
bool share_stalled() {
    using std::chrono::milliseconds, std::chrono::steady_clock;
    const auto caller = std::this_thread::get_id();
    const auto start = steady_clock::now();
    auto own = start;
    bool stalled = false;
    int parts = 0;
    fastnn::share(2, {2, 1}, [&](Range part) {
        const bool mine = part.begin == 0, helping = !mine && std::this_thread::get_id() != caller;
        if (mine) std::this_thread::sleep_for(milliseconds(2));  // so that the other begins
        if (mine) own = steady_clock::now();
        if (helping) stalled = true;
        if (helping) std::this_thread::sleep_for(milliseconds(40));
    });
    const auto end = steady_clock::now();
    fastnn::share(2, {2, 1}, [&](Range) { ++parts; });
    const bool seen = stalled && own - start < milliseconds(10) && steady_clock::now() - end < milliseconds(100);
    if (seen) check(parts == 1, "one thread after a stall");
    std::this_thread::sleep_for(milliseconds(150));  // three times 40 ms, and some
    return seen;
}

void waiting_for_nobody() {
    long late = 0, left_out = 0, stalls = 0;
    for (int i = 0; i < 100; ++i) call_off_once(late);
    for (int i = 0; i < 100; ++i) left_out_once(left_out);
    check(late > 0, "helpers are called off");
    check(left_out > 0, "helpers that have not come are left out");
#if !defined(_OPENMP)
    for (int i = 0; i < 10 && stalls == 0; ++i) stalls += share_stalled();
    check(stalls > 0, "stalls");
#endif
}

void work(std::uint32_t seed, double seconds) {
    Draw draw{seed};
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
        for (int i = 0; i < 20; ++i) share_once(draw);
        run_program(draw);
    }
}

}  // namespace

int main(int count, char** words) {
    const double seconds = count > 1 ? std::atof(words[1]) : 1;
    fault = count > 2;
    pace_once();
    waiting_for_nobody();
    work(1, seconds / 2);
    std::vector<std::thread> callers;
    for (std::uint32_t seed = 2; seed < 5; ++seed) callers.emplace_back(work, seed, seconds / 2);
    for (std::thread& each : callers) each.join();
    const fastnn::TeamCounters counters = fastnn::team_counters();
    std::printf("%ld checks, %ld failures, %lld of %lld tasks helped\n", checks.load(), failures.load(),
                static_cast<long long>(counters.helped), static_cast<long long>(counters.done));
    return failures > 0;
}
