// threads above | From a list of instructions to phases: what may run without a barrier between.
//
// Instructions come in three kinds. A *row* instruction treats each sample by itself: several of them make a chain that
// a thread runs for some rows, from the gathered pixels to the gradient of the first layer's output, meeting nobody. A
// *task* instruction is cut into tasks that do not touch each other. A *team* instruction needs the whole team at once
// and may have barriers inside.
//
// A phase is one chain, or any number of task and team instructions that do not depend on each other; a barrier ends
// it. Rows and tasks are handed out one by one. The order of phases keeps every dependency of the list: two
// instructions that touch the same memory, one of them writing, stay in their order. Inside a chain that is enough
// where both touch it row by row in the same way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

using Body = std::function<void(Team&)>;
using RowBody = std::function<void(Range rows, int thread)>;
using TaskBody = std::function<void(std::int64_t task, int thread)>;

// Memory that an instruction reads or writes. row_bytes: from one row to the next, where rows lie apart from each
// other; 0 where the memory is not cut by rows.
struct Access {
    const char* begin;
    const char* end;
    std::int64_t row_bytes;
    bool writes;
};

Access access_of(const TensorView& view, bool writes);

struct Instruction {
    std::string name;
    Body body{};             // of the whole team; null for tasks
    std::int64_t rows = 0;   // of a row instruction
    RowBody row_body{};      // null where the op does not work row by row
    std::int64_t tasks = 0;  // of a task instruction
    TaskBody task_body{};
    std::vector<Access> accesses{};
    bool updates = false;   // changes a parameter
    double flops = 0;       // in products
    double operations = 0;  // elementary ones (cost.h)
    std::string detail{};   // which of several of its name, for a profile
};

struct Phase {
    std::vector<std::size_t> members;  // numbers of instructions
    bool chain = false;
    std::int64_t tasks = 0;       // of all members
    bool before_updates = false;  // the next phase is the first that changes parameters
};

// Phases of a program whose batches have so many rows (0: no chains). The first phase is a chain, empty where need be,
// so that gathering the batch has its place there; no parameter changes in it.
std::vector<Phase> schedule(const std::vector<Instruction>& instructions, std::int64_t rows);

// How many blocks the rows of a batch are cut into for so many threads.
std::int64_t row_blocks(std::int64_t rows, int threads);

}  // namespace fastnn
