#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "core/claims.h"
#include "core/float_mode.h"
#include "core/platform.h"
#include "core/pool.h"
#include "core/spin.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace fastnn {

namespace {

struct TeamBroken {};

std::atomic<int> requested_threads{0};
std::atomic<std::int64_t> tasks_done{0}, tasks_helped{0};

// How long a thread without tasks leaves those of another to it: longer than two cores differ by after the same work on
// an idle machine, a thousandth of a time slice.
constexpr std::chrono::microseconds patience{5};

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

}  // namespace

// What lies between two barriers: the barriers so far, and the threads that take part. In one word: a thread that comes
// from a barrier late, when others were resized behind it, must not see one of them without the other.
struct TeamPhase {
    std::uint32_t number;
    int threads;

    std::uint64_t word() const { return std::uint64_t{number} << 32 | static_cast<std::uint32_t>(threads); }
    static TeamPhase of(std::uint64_t word) { return {static_cast<std::uint32_t>(word >> 32), static_cast<int>(word)}; }
};

// What threads write at the same time has cache lines of its own.
struct TeamState {
    int size = 1;
    bool may_spin = true;
    int wanted = 1;  // threads behind the next barrier
    alignas(cache_line) std::atomic<int> arrived{0};
    alignas(cache_line) std::atomic<std::uint64_t> phase{TeamPhase{0, 1}.word()};
    std::atomic<bool> broken{false};
    std::atomic<int> sleepers{0};
    std::mutex mutex;
    std::condition_variable passed, wider;
    std::exception_ptr error;
    std::optional<Claims> claims;

    void start(int threads, int cpus) {
        size = wanted = threads;
        phase.store(TeamPhase{0, threads}.word());
        may_spin = threads <= cpus;
        claims.emplace(threads);
    }

    TeamPhase now() const { return TeamPhase::of(phase.load()); }

    void release() {
        arrived.store(0);
        const TeamPhase before = now();
        const std::uint64_t next = TeamPhase{before.number + 1, wanted}.word();
        if (wanted == before.threads) {
            phase.store(next);
        } else {
            const std::lock_guard<std::mutex> lock(mutex);
            phase.store(next);
            wider.notify_all();
        }
        if (sleepers.load() > 0) {
            {
                const std::lock_guard<std::mutex> lock(mutex);
            }
            passed.notify_all();
        }
    }

    void wait(std::uint32_t number) {
        const auto over = [&] { return now().number != number || broken.load(); };
        if (spin_until(over, may_spin)) return;
        std::unique_lock<std::mutex> lock(mutex);
        sleepers.fetch_add(1);
        passed.wait(lock, over);
        sleepers.fetch_sub(1);
    }

    // Nothing may leave a parallel region: the first exception is kept, the others' barriers let them out.
    void run(TeamBody body, int index) {
        const FloatMode mode;
        Team team(this, index, size);
        try {
            body(team);
        } catch (const TeamBroken&) {
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!error) error = std::current_exception();
            broken.store(true);
            passed.notify_all();
            wider.notify_all();
        }
    }
};

void Team::barrier() {
    barrier([](Team&) {});
}

void Team::barrier(TeamBody last) {
    if (state_ == nullptr) {
        last(*this);
        taken_ = 0;
        return;
    }
    if (state_->arrived.fetch_add(1) + 1 == size_) {
        last(*this);
        state_->release();
    } else {
        state_->wait(phase_);
    }
    begin_phase();
}

void Team::begin_phase() {
    if (state_->broken.load()) throw TeamBroken();
    const TeamPhase phase = state_->now();
    size_ = phase.threads;
    phase_ = phase.number;
    patient_ = true;
}

std::int64_t Team::take(std::int64_t count) {
    if (state_ == nullptr) return taken_ < count ? taken_++ : -1;
    std::int64_t task = state_->claims->claim(index_, size_, count, phase_);
    if (task < 0) {
        task = help(count);
        helped_ += task >= 0;
    }
    done_ += task >= 0;
    return task;
}

// One of a late thread's tasks, or -1. Patience is had once in a phase: later ones have been waiting for longer.
std::int64_t Team::help(std::int64_t count) {
    int other = -1;
    const auto none_left = [&] {
        other = state_->broken.load() ? -1 : state_->claims->late(index_, size_, count, phase_);
        return other < 0;
    };
    if (patient_ && state_->may_spin && spin_for(patience, none_left)) return -1;
    patient_ = false;
    while (!none_left()) {
        const std::int64_t task = state_->claims->claim(other, size_, count, phase_);
        if (task >= 0) return task;
    }
    return -1;
}

void Team::resize(int size) {
    if (state_ != nullptr) state_->wanted = std::clamp(size, 1, state_->size);
}

void Team::rest() {
    std::unique_lock<std::mutex> lock(state_->mutex);
    state_->wider.wait(lock, [this] { return state_->now().threads > index_ || state_->broken.load(); });
    begin_phase();
}

Team::~Team() {
    if (done_ == 0) return;
    tasks_done.fetch_add(done_);
    tasks_helped.fetch_add(helped_);
}

TeamCounters team_counters() { return {tasks_done.load(), tasks_helped.load()}; }

void parallel(int threads, TeamBody body) {
    if (threads <= 1 || forked()) {
        const FloatMode mode;
        Team alone;
        body(alone);
        return;
    }
    static const int cpus = available_cpus();
    TeamState state;
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
    {
#pragma omp single
        state.start(omp_get_num_threads(), cpus);
        state.run(body, omp_get_thread_num());
    }
#else
    state.start(threads, cpus);
    run_on_pool(threads, state.may_spin, [&](int index) { state.run(body, index); });
#endif
    if (state.error) std::rethrow_exception(state.error);
}

int threads_for(double operations) {
    // A fork and join costs 1 to 5 us, as much as some 50,000 operations of one thread.
    constexpr double worth_a_thread = 50e3;
    const double wanted = operations / worth_a_thread;
    const int most = get_num_threads();
    return wanted >= most ? most : std::max(1, static_cast<int>(wanted));
}

int get_num_threads() {
    if (forked()) return 1;  // OpenMP's pool would wait for ever for threads that this process has not
    int threads = requested_threads.load();
    if (threads == 0) {
        threads = default_threads();
        requested_threads.store(threads);
    }
    return threads;
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
