// What one thread at a time may do, and may begin again inside. Python's own locks are left behind in the child of a
// fork by threads that it has not, and a context manager written in Python by an exception (Ctrl-C) between taking the
// lock and the first line that it guards.
//
// With a refusal, another thread is told so; an evaluation waits for all but training. Without one all wait.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/platform.h"

namespace py = pybind11;

namespace fastnn {
namespace {

// All of it runs with the GIL held, which guards its members.
class Lease {
public:
    enum class Use { any, training, evaluation };

    explicit Lease(std::string refusal) : refusal_(std::move(refusal)), forks_(last_fork().count) {}

    void enter(Use use = Use::any) {
        for (auto pause = first_pause; held_by_another(); pause = std::min(2 * pause, longest_pause)) {
            const bool waits = refusal_.empty() || (use == Use::evaluation && use_ != Use::training);
            if (!waits) throw std::runtime_error(refusal_);
            wait(pause);
        }
        holder_ = std::this_thread::get_id();
        if (depth_ == 0 || use == Use::training) use_ = use;
        if (depth_++ == 0) ++turns_;
    }

    void leave() {
        if (depth() > 0) --depth_;
    }

    // A free one, for copies and pickles of what it belongs to.
    py::tuple reduced() const { return py::make_tuple(py::type::of<Lease>(), py::make_tuple(refusal_)); }

    // How many times the calling thread holds it.
    int depth() { return held_by_another() ? 0 : depth_; }

    // The number of its turn, where the calling thread holds it; 0 elsewhere.
    std::int64_t turn() { return depth() > 0 ? turns_ : 0; }

private:
    // Recordings and copies take milliseconds, evaluations up to seconds.
    static constexpr std::chrono::microseconds first_pause{50};
    static constexpr std::chrono::microseconds longest_pause{1000};

    bool held_by_another() {
        const Fork now = last_fork();
        if (forks_ != now.count && holder_ != now.thread) depth_ = 0;  // whoever held it is not in this process
        forks_ = now.count;
        return depth_ > 0 && holder_ != std::this_thread::get_id();
    }

    static void wait(std::chrono::microseconds pause) {
        {
            const py::gil_scoped_release others_run;
            std::this_thread::sleep_for(pause);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }

    std::string refusal_;
    int forks_;
    std::thread::id holder_;
    Use use_ = Use::any;
    int depth_ = 0;
    std::int64_t turns_ = 0;
};

// A lease, entered for one use.
struct LeaseUse {
    py::object lease;
    Lease::Use use;
};

template <Lease::Use use>
LeaseUse entered_for(const py::object& lease) {
    return {lease, use};
}

}  // namespace

void bind_lease(py::module_& module) {
    constexpr const char* exit_arguments = "self, kind=None, error=None, traceback=None";
    py::class_<Lease> lease(module, "Lease");
    lease.def(py::init<std::string>(), py::arg("refusal") = "");
    def(lease, "__enter__", "self", [](Lease& self) { self.enter(); });
    def(lease, "__exit__", exit_arguments,
        [](Lease& self, const py::object&, const py::object&, const py::object&) { self.leave(); });
    def(lease, "__reduce__", "self", method<&Lease::reduced>);
    def(lease, "training", "self", entered_for<Lease::Use::training>);
    def(lease, "evaluation", "self", entered_for<Lease::Use::evaluation>);
    def(lease, "depth", "self", method<&Lease::depth>);
    def(lease, "turn", "self", method<&Lease::turn>);
    py::class_<LeaseUse> lease_use(module, "LeaseUse");
    def(lease_use, "__enter__", "self", [](LeaseUse& self) { self.lease.cast<Lease&>().enter(self.use); });
    def(lease_use, "__exit__", exit_arguments,
        [](LeaseUse& self, const py::object&, const py::object&, const py::object&) {
            self.lease.cast<Lease&>().leave();
        });
}

}  // namespace fastnn
