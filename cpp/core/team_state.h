// threads above | What the threads of a team share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>

#include "core/aligned_buffer.h"
#include "core/claims.h"
#include "core/float_mode.h"
#include "core/spin.h"
#include "core/team.h"

namespace fastnn {

// Lets a thread out of its body where another one has failed.
struct TeamBroken {};

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
    TeamState(int threads, bool spin)
        : size(threads), may_spin(spin), claims(threads), wanted(threads), phase(TeamPhase{0, threads}.word()) {}

    const int size;
    const bool may_spin;
    Claims claims;
    int wanted;  // threads behind the next barrier
    alignas(cache_line) std::atomic<int> arrived{0};
    alignas(cache_line) std::atomic<std::uint64_t> phase;
    std::atomic<bool> broken{false};
    Waiting passed;
    std::mutex mutex;
    std::condition_variable wider;
    std::exception_ptr error;

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
        passed.wake();
    }

    void wait(std::uint32_t number) {
        passed.wait([&] { return now().number != number || broken.load(); }, may_spin);
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
            passed.wake();
            wider.notify_all();
        }
    }
};

}  // namespace fastnn
