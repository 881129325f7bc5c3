#include "core/thread_limit.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace fastnn {

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
