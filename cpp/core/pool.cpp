#include "core/pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "core/platform.h"
#include "core/spin.h"

namespace fastnn {

namespace {

// What the helpers of one call do, on the caller's stack; the end of a helper where there is no task.
struct Work {
    const std::function<void(int)>* task = nullptr;
    bool may_spin = false;
};

class Helper {
public:
    Helper() : thread_([this] { serve(); }) {}

    void start(const Work& work, int index) {
        index_ = index;
        set(&work);
    }

    void finish(bool may_spin) {
        wait([this] { return work_.load() == nullptr; }, may_spin);
    }

    void stop() {
        const Work none;
        set(&none);
        thread_.join();
    }

private:
    void serve() {
        bool may_spin = true;
        while (true) {
            wait([this] { return work_.load() != nullptr; }, may_spin);
            const Work* const work = work_.load();
            if (work->task == nullptr) return;
            (*work->task)(index_);
            may_spin = work->may_spin;
            set(nullptr);  // the caller goes on, and its stack with it: only the helper's own memory is touched from
                           // here
        }
    }

    void set(const Work* work) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            work_.store(work);
        }
        changed_.notify_one();  // one at most is waiting: the caller for null or the thread for anything else
    }

    template <typename Over>
    void wait(const Over& over, bool may_spin) {
        if (spin_until(over, may_spin)) return;
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, over);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<const Work*> work_{nullptr};
    int index_ = 0;
    std::thread thread_;  // last: it uses the others
};

// Helpers are never deleted: one that works while the process ends goes on using its own.
class Pool {
public:
    std::vector<Helper*> take(std::size_t count) {
        std::vector<Helper*> taken;
        taken.reserve(count);
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.reserve(made_ + count);  // so that giving back cannot fail
        while (taken.size() < count && !idle_.empty()) {
            taken.push_back(idle_.back());
            idle_.pop_back();
        }
        try {
            for (; taken.size() < count; ++made_) taken.push_back(new Helper);
        } catch (...) {  // no more threads to be had
            idle_.insert(idle_.end(), taken.begin(), taken.end());
            throw;
        }
        return taken;
    }

    void give_back(const std::vector<Helper*>& helpers) {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.insert(idle_.end(), helpers.begin(), helpers.end());
    }

    void stop() {
        for (Helper* helper : take_all()) helper->stop();
    }

private:
    std::vector<Helper*> take_all() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::move(idle_);
    }

    std::mutex mutex_;
    std::vector<Helper*> idle_;
    std::size_t made_ = 0;
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

void run_on_pool(int threads, bool may_spin, const std::function<void(int)>& task) {
    const Work work{&task, may_spin};
    const std::vector<Helper*> helpers = pool().take(static_cast<std::size_t>(threads - 1));
    int index = 0;
    for (Helper* helper : helpers) helper->start(work, ++index);
    task(0);
    for (Helper* helper : helpers) helper->finish(may_spin);
    pool().give_back(helpers);
}

}  // namespace fastnn
