// Drives teams and shares as nothing else does: threads delayed, resized, failing, several callers at once. Every task
// must be done once, in its phase. Marks are plain memory: a thread sanitizer sees what is not ordered.
// Arguments: seconds, and "fault" to count a task twice, which must be seen.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/parallel.h"

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
    work(1, seconds / 2);
    std::vector<std::thread> callers;
    for (std::uint32_t seed = 2; seed < 5; ++seed) callers.emplace_back(work, seed, seconds / 2);
    for (std::thread& each : callers) each.join();
    const fastnn::TeamCounters counters = fastnn::team_counters();
    std::printf("%ld checks, %ld failures, %lld of %lld tasks helped\n", checks.load(), failures.load(),
                static_cast<long long>(counters.helped), static_cast<long long>(counters.done));
    return failures > 0;
}
