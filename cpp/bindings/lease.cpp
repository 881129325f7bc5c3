// What one thread at a time may do, and may begin again inside. Python's own locks are left behind in the child of a
// fork by threads that it has not, and a context manager written in Python by an exception (Ctrl-C) between taking the
// lock and the first line that it guards.
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bindings/bindings.h"
#include "core/platform.h"

namespace py = pybind11;

namespace fastnn {
namespace {

// All of it runs with the GIL held, which guards its members.
class Lease {
public:
    explicit Lease(std::string refusal) : refusal_(std::move(refusal)), forks_(last_fork().count) {}

    void enter() {
        while (held_by_another()) {
            if (!refusal_.empty()) throw std::runtime_error(refusal_);
            wait();
        }
        holder_ = std::this_thread::get_id();
        if (depth_++ == 0) ++turns_;
    }

    void leave() {
        if (depth() > 0) --depth_;
    }

    // How many times the calling thread holds it.
    int depth() { return held_by_another() ? 0 : depth_; }

    // The number of its turn, where the calling thread holds it; 0 elsewhere.
    std::int64_t turn() { return depth() > 0 ? turns_ : 0; }

private:
    bool held_by_another() {
        const Fork now = last_fork();
        if (forks_ != now.count && holder_ != now.thread) depth_ = 0;  // whoever held it is not in this process
        forks_ = now.count;
        return depth_ > 0 && holder_ != std::this_thread::get_id();
    }

    // Recordings and copies take milliseconds.
    static void wait() {
        {
            const py::gil_scoped_release others_run;
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }

    std::string refusal_;
    int forks_;
    std::thread::id holder_;
    int depth_ = 0;
    std::int64_t turns_ = 0;
};

}  // namespace

void bind_lease(py::module_& module) {
    py::class_<Lease>(module, "Lease")
        .def(py::init<std::string>(), py::arg("refusal") = "")
        .def("__enter__", &Lease::enter)
        .def("__exit__", [](Lease& lease, const py::args&) { lease.leave(); })
        .def("depth", &Lease::depth)
        .def("turn", &Lease::turn);
}

}  // namespace fastnn
