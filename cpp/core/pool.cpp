#include "core/pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/platform.h"
#include "core/spin.h"

namespace fastnn {

// How long a helper without work yields before it sleeps. Waking it takes its caller 3 to 20 us (a virtual machine's
// processor that has halted): every millisecond, that is 2 % at most.
constexpr std::chrono::nanoseconds between_calls = std::chrono::milliseconds(1);

using HelperTask = const std::function<void(int)>;

class alignas(cache_line) Helper {
public:
    Helper() : thread_([this] { serve(); }) {}

    Helper* next = nullptr;  // behind it in its call, or among the idle ones
    int index = 0;           // in its call; 0: left out

    bool idle() const { return state_.load() == State::idle; }

    void call(HelperTask& task, bool may_spin) {
        task_ = &task;
        may_spin_ = may_spin;
        state_.store(State::called);  // also where it has not come since it was called off
        thread_waits_.wake();
    }

    bool call_off() { return change(State::called, State::called_off); }

    void wait(bool may_spin) {
        caller_waits_.wait([this] { return idle(); }, may_spin);
    }

    void stop() {
        stop_.store(true);
        thread_waits_.wake();
        thread_.join();
    }

private:
    enum class State { idle, called, running, called_off };

    bool change(State from, State to) { return state_.compare_exchange_strong(from, to); }

    void serve() {
        bool may_spin = true;
        const auto wanted = [this] {
            const State now = state_.load();
            return now == State::called || now == State::called_off || stop_.load();
        };
        while (true) {
            thread_waits_.wait(wanted, may_spin, may_spin ? between_calls : std::chrono::nanoseconds(0));
            if (stop_.load()) return;
            if (change(State::called_off, State::idle) || !change(State::called, State::running)) continue;
            (*task_)(index);
            may_spin = may_spin_;
            state_.store(State::idle);  // the caller goes on, and its stack with it: only the helper's own memory is
                                        // touched from here
            caller_waits_.wake();
        }
    }

    std::atomic<State> state_{State::idle};
    std::atomic<bool> stop_{false};
    HelperTask* task_ = nullptr;
    bool may_spin_ = true;
    Waiting thread_waits_, caller_waits_;
    std::thread thread_;  // last: it uses the others
};

namespace {

// Helpers are never deleted: one that works while the process ends goes on using its own.
class Pool {
public:
    // A list of so many; or, unless all are needed, of those that could be started.
    Helper* take(int count, bool all) {
        const std::lock_guard<std::mutex> lock(mutex_);
        Helper** end = &idle_;
        for (; count > 0; --count, end = &(*end)->next) {
            if (*end == nullptr) *end = all ? new Helper : started();
            if (*end == nullptr) break;
        }
        return std::exchange(idle_, std::exchange(*end, nullptr));
    }

    void give_back(Helper* first) {
        const std::lock_guard<std::mutex> lock(mutex_);
        Helper** end = &first;
        while (*end != nullptr) end = &(*end)->next;
        *end = idle_;
        idle_ = first;
    }

    void stop() {
        for (Helper* each = take_all(); each != nullptr; each = each->next) each->stop();
    }

private:
    static Helper* started() {
        try {
            return new Helper;
        } catch (const std::system_error&) {
            return nullptr;
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }

    Helper* take_all() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(idle_, nullptr);
    }

    std::mutex mutex_;
    Helper* idle_ = nullptr;
};

Pool& pool() {
    static Pool* const only = [] {
        std::atexit([] {
            if (!forked()) pool().stop();
        });
        return new Pool;
    }();
    return *only;
}

}  // namespace

Helpers::Helpers(int wanted, bool all) : first_(pool().take(wanted, all)) {
    for (Helper* each = first_; each != nullptr; each = each->next) each->index = all || each->idle() ? ++count_ : 0;
}

Helpers::~Helpers() {
    if (first_ != nullptr) pool().give_back(first_);
}

void Helpers::call(HelperTask& task, bool may_spin) {
    for (Helper* each = first_; each != nullptr; each = each->next) {
        if (each->index > 0) each->call(task, may_spin);
    }
}

int Helpers::call_off(HelperTask& task) {
    int late = 0;
    for (Helper* each = first_; each != nullptr; each = each->next) {
        if (each->index == 0 || !each->call_off()) continue;
        task(std::exchange(each->index, 0));
        ++late;
    }
    return late;
}

void Helpers::wait(bool may_spin) {
    for (Helper* each = first_; each != nullptr; each = each->next) {
        if (each->index > 0) each->wait(may_spin);
    }
}

namespace {

// Threads that wait until it ends.
class Trial {
public:
    // How many of so many could be started.
    int start(int count) {
        try {
            while (static_cast<int>(threads_.size()) < count) threads_.emplace_back([this] { wait(); });
        } catch (const std::system_error&) {
        } catch (const std::bad_alloc&) {
        }
        return static_cast<int>(threads_.size());
    }

    ~Trial() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            over_ = true;
        }
        ended_.notify_all();
        for (std::thread& each : threads_) each.join();
    }

private:
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        ended_.wait(lock, [this] { return over_; });
    }

    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

int threads_to_be_had(int wanted) {
    static std::atomic<int> proven{1};
    static std::mutex mutex;
    static bool limited = false;
    if (wanted <= proven.load()) return wanted;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!limited && wanted > proven.load()) {
        Trial trial;
        const int others = trial.start(wanted - 1);
        limited = others < wanted - 1;
        proven.store(1 + (limited ? others - (others + 3) / 4 : others));
    }
    return wanted < proven.load() ? wanted : proven.load();
}

}  // namespace fastnn
