// threads above | Threads that wait for the next call: what parallel.cpp builds teams of.
//
// A call takes the helpers it needs, those that worked last first and in the same order, and starts what is missing;
// calls at the same time have helpers apart. Waiting helpers spin briefly, then sleep. They end with the process. A
// child of fork has none of them, and must not call this.
#pragma once

#include <functional>

namespace fastnn {

class Helper;

// The helpers of one call.
class Helpers {
public:
    // So many, std::system_error where one cannot be started; or, unless all are needed, only those that can and that
    // have come since they were last called: the others' processors are taken.
    Helpers(int wanted, bool all);
    ~Helpers();
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;

    int count() const { return count_; }

    // Each of them runs task(1), task(2), ..., which throws nothing; task stays where it is until they are done.
    // may_spin: no more threads than processors.
    void call(const std::function<void(int)>& task, bool may_spin);

    // Those that have not begun yet no longer will: the caller runs their tasks. How many there were.
    int call_off(const std::function<void(int)>& task);

    // Until all others are done.
    void wait(bool may_spin);

private:
    Helper* first_ = nullptr;
    int count_ = 0;
};

// The wanted number of threads, or fewer where a limit (on memory, processes, a container's tasks) does not let this
// process have so many: libgomp would end it. Asked for more than ever before, it starts them all, and lets them go;
// where some could not be started, a quarter of the others is left out from then on, as they need memory of their own,
// and so do others.
int threads_to_be_had(int wanted);

}  // namespace fastnn
