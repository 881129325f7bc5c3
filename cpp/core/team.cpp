#include "core/team.h"

#include <algorithm>
#include <chrono>

#include "core/team_state.h"

namespace fastnn {

namespace {

std::atomic<std::int64_t> tasks_done{0}, tasks_helped{0};

// How long a thread without tasks leaves those of another to it. A task takes its memory along and back: a panel of
// weights with its moments is 150 KB (784 x 16 floats, three times), some 10 us each way at 15 GB/s. Two cores that are
// not further apart than that after the same work gain nothing by it; a time slice is a hundred times as long.
constexpr std::chrono::microseconds patience{20};

}  // namespace

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
    std::int64_t task = state_->claims.claim(index_, size_, count, phase_);
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
        other = state_->broken.load() ? -1 : state_->claims.late(index_, size_, count, phase_);
        return other < 0;
    };
    if (patient_ && state_->may_spin && spin_for(patience, none_left)) return -1;
    patient_ = false;
    while (!none_left()) {
        const std::int64_t task = state_->claims.claim(other, size_, count, phase_);
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
    if (done_ > 0) count_tasks(done_, helped_);
}

TeamCounters team_counters() { return {tasks_done.load(), tasks_helped.load()}; }

void count_tasks(std::int64_t done, std::int64_t helped) {
    tasks_done.fetch_add(done);
    if (helped > 0) tasks_helped.fetch_add(helped);
}

}  // namespace fastnn
