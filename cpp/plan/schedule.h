// threads above | From a list of instructions to phases: what may run without a barrier between, and who does what.
//
// An instruction can be cut. One that treats each sample by itself may be cut by rows: several of them make a chain
// that a thread runs for some rows, from the gathered pixels to the gradient of the first layer's output, meeting
// nobody. Any other is cut by its own split: into tasks that were made for it, or evenly.
//
// A phase is one chain, or any number of other instructions that do not depend on each other; a barrier ends it. The
// order of phases keeps every dependency of the list: two instructions that touch the same memory, one of them writing,
// stay in their order. Inside a chain that is enough where both touch it row by row in the same way.
//
// Who does which part is decided here alone: a phase is a row of tasks for so many threads (tasks_of), which a team
// takes one by one, so that a thread that runs does the work of one that does not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

// A part of an instruction's work, rows of it or units of its split, by a thread of the team.
using Body = std::function<void(Range part, int thread)>;

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
    std::string name{}, detail{};  // detail: which of several of its name, for a profile
    std::int64_t rows = 0;         // of one that can be cut by rows
    std::int64_t pixels = 1;       // rows of a register tile that one row makes: the output pixels of an image
    Body row_body{};               // null where it cannot
    Split split{};
    bool tasks = false;  // each grain of the split was made to be a task; else it is cut evenly, a part a thread
    Body body{};         // null where it is cut by rows only
    std::vector<Access> accesses{};
    bool updates = false;   // changes a parameter
    double flops = 0;       // in products
    double operations = 0;  // elementary ones (cost.h)

    void reads(const TensorView& view) { accesses.push_back(access_of(view, false)); }
    void writes(const TensorView& view) { accesses.push_back(access_of(view, true)); }
};

struct Phase {
    std::vector<std::size_t> members;  // numbers of instructions
    bool chain = false;
    std::int64_t pixels = 1;      // of a chain: the most that a row of its members makes
    bool before_updates = false;  // the next phase is the first that changes parameters
};

// Phases of a program whose batches have so many rows (0: no chains). The first phase is a chain, empty where need be,
// so that gathering the batch has its place there; no parameter changes in it.
std::vector<Phase> schedule(const std::vector<Instruction>& instructions, std::int64_t rows);

// How many blocks the rows of a batch are cut into for so many threads, where a row makes so many pixels.
std::int64_t row_blocks(std::int64_t rows, std::int64_t pixels, int threads);

// How many tasks an instruction that is not in a chain is cut into for so many threads.
std::int64_t tasks_of(const Instruction& instruction, int threads);

}  // namespace fastnn
