// The memory of new NumPy arrays: large blocks are kept when their array dies, and used again by the next ones.
//
// The system maps a large block anew each time and clears it page by page, which takes as long as a pass over it. An
// array owns its block as any array owns its memory, by NumPy's own means (NEP 49): the block comes back when the array
// dies, which no view of it outlives.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

namespace fastnn {

namespace py = pybind11;

// While one lives, NumPy takes the memory of this thread's new arrays from the kept blocks, if they are large enough to
// be kept.
class ArrayMemory {
public:
    explicit ArrayMemory(std::int64_t bytes);
    ArrayMemory(const ArrayMemory&) = delete;
    ArrayMemory& operator=(const ArrayMemory&) = delete;
    ~ArrayMemory();

private:
    py::object before_;  // NumPy's handler; null: left alone
};

// Blocks asked for since the process began, how many of them had been used before, and the bytes that wait for use.
struct ArrayMemoryCounters {
    std::int64_t taken, reused, kept;
};
ArrayMemoryCounters array_memory_counters();

}  // namespace fastnn
