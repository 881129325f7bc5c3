// threads above | Threads that wait for the next call: what parallel.cpp builds teams of where there is no OpenMP.
//
// A call takes the threads it needs, those that worked last first, and starts what is missing; calls at the same time
// have threads apart. Waiting threads spin briefly, then sleep. They end with the process. A child of fork has none of
// them, and must not call this.
#pragma once

#include <functional>

namespace fastnn {

// Runs task(0) here and task(1) ... task(threads - 1) on threads of the pool, all at once; back when all are done. A
// task throws nothing. may_spin: no more threads than processors. std::system_error where no thread can be started:
// then no task has run.
void run_on_pool(int threads, bool may_spin, const std::function<void(int)>& task);

}  // namespace fastnn
