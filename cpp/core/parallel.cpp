#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>

#include "core/check.h"
#include "core/float_mode.h"
#include "core/pace.h"
#include "core/platform.h"
#include "core/pool.h"
#include "core/team_state.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace fastnn {

namespace {

std::atomic<int> requested_threads{0};

int positive_number(const char* variable) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == 0) return 0;
    char* end = nullptr;
    const long number = std::strtol(value, &end, 10);
    const bool whole = *end == 0 || *end == ',';  // OMP_NUM_THREADS may be a list, one entry a nesting level
    if (!whole || number < 1 || number > 4096) {
        fail("threads", variable, " is '", value, "'; it must be a number from 1 to 4096");
    }
    return static_cast<int>(number);
}

int default_threads() {
    if (const int threads = positive_number("FASTNN_NUM_THREADS")) return threads;
    const int cpus = available_cpus();
    const int openmp = positive_number("OMP_NUM_THREADS");
    return openmp > 0 ? std::min(openmp, cpus) : cpus;
}

bool spinning_pays(int threads) {
    static const int cpus = available_cpus();
    return threads <= cpus;
}

#if defined(_OPENMP)

void run_team(int threads, TeamBody body) {
    std::optional<TeamState> state;
#pragma omp parallel num_threads(threads)
    {
#pragma omp single
        state.emplace(omp_get_num_threads(), spinning_pays(threads));
        state->run(body, omp_get_thread_num());
    }
    if (state->error) std::rethrow_exception(state->error);
}

void run_parts(int threads, Split split, PartBody body) {
    run_team(threads, [&](Team& team) {
        const Range part = split.part(team.index(), team.size());
        if (part.begin < part.end) body(part);
    });
}

#else

void run_team(int threads, TeamBody body) {
    Helpers helpers(threads - 1, true);
    TeamState state(threads, spinning_pays(threads));
    const std::function<void(int)> task = [&](int index) { state.run(body, index); };
    helpers.call(task, state.may_spin);
    state.run(body, 0);
    helpers.wait(state.may_spin);
    if (state.error) std::rethrow_exception(state.error);
}

// The parts of a split for so many threads, and the first error of any.
struct Parts {
    Split split;
    PartBody body;
    int count;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
    std::exception_ptr error = nullptr;

    void run(int index) {
        const Range part = split.part(index, count);
        if (part.begin >= part.end) return;
        const FloatMode mode;
        try {
            body(part);
        } catch (...) {
            if (!failed.test_and_set()) error = std::current_exception();
        }
    }
};

double clock_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Pace shared_pace;

void run_parts(int most, Split split, PartBody body) {
    const double start = clock_seconds();
    const int threads = shared_pace.first(start, most);
    Helpers helpers(threads - 1, false);
    Parts parts{split, body, helpers.count() + 1};
    const bool may_spin = spinning_pays(threads);
    const std::function<void(int)> task = [&](int index) { parts.run(index); };
    helpers.call(task, may_spin);
    parts.run(0);
    const int late = helpers.call_off(task);
    count_tasks(parts.count, late);
    double own = clock_seconds() - start;
    helpers.wait(may_spin);
    const double now = clock_seconds();
    shared_pace.next(now - start, now, threads, most, own);
    if (parts.error) std::rethrow_exception(parts.error);
}

#endif

}  // namespace

void parallel(int threads, TeamBody body) {
    if (threads > 1 && !forked()) return run_team(threads, body);
    const FloatMode mode;
    Team alone;
    body(alone);
}

void share(int threads, Split split, PartBody body) {
    const std::int64_t grains = blocks_of(split.units, split.grain);
    if (grains < threads) threads = static_cast<int>(grains);
    if (threads > 1 && !forked()) return run_parts(threads, split, body);
    const FloatMode mode;
    if (split.units > 0) body(split.all());
}

int threads_for(double operations) {
    // A fork and join costs 1 to 5 us, as much as some 50,000 operations of one thread.
    constexpr double worth_a_thread = 50e3;
    const double wanted = operations / worth_a_thread;
    const int most = get_num_threads();
    return wanted >= most ? most : std::max(1, static_cast<int>(wanted));
}

int get_num_threads() {
    if (forked()) return 1;  // a pool would wait for ever for threads that this process has not
    int threads = requested_threads.load();
    if (threads == 0) {
        threads = default_threads();
        requested_threads.store(threads);
    }
    const int had = threads_to_be_had(threads);
    if (had < threads) requested_threads.compare_exchange_strong(threads, had);
    return had;
}

void set_num_threads(int threads) {
    if (threads < 1 || threads > 4096) fail("set_num_threads", "threads must be from 1 to 4096, got ", threads);
    forked();  // from here on it sees forks
    requested_threads.store(threads);
}

const char* threading_name() {
#if defined(_OPENMP)
    return "OpenMP";
#else
    return "std::thread";
#endif
}

}  // namespace fastnn
