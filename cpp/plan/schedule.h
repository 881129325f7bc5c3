// threads above | From a list of instructions to phases: what may run without a barrier between, and who does what.
//
// An instruction can be cut in up to three ways. By samples, where it treats each row of the batch by itself. By
// features, where what it does for some outputs of a layer (or columns of an activation) touches nothing of the others.
// Or by a split of its own. Several that are cut alike make a chain, which a thread runs for some samples or some
// features, meeting nobody. owners.h decides which way an instruction goes.
//
// A phase is a chain, or instructions that do not depend on each other, or both; a barrier ends it. The order of phases
// keeps every dependency of the list: two instructions that touch the same memory, one of them writing, stay in their
// order. Inside a chain that is enough where both touch it cut in the same way.
//
// Who does which part is decided here alone: a phase is a row of tasks, and each task is owned by one thread, the same
// in every step and in every phase with as many of the same kind. So a feature's weights, moments, activations and
// gradients stay in one core's caches. A thread without tasks takes those of one that is late (core/parallel.h).
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

// An instruction cut by features.
struct FeatureCut {
    Split features{};                  // a grain is a panel of a weight
    Body body{};                       // of some features
    std::vector<const void*> owned{};  // memory of which each feature has its own part
    // Bytes that go from core to core in a step of the layer if samples or if features are owned, both 0 where the
    // instruction goes the way of its neighbours.
    double travels_by_samples = 0, travels_by_features = 0;
};

struct Instruction {
    std::string name{}, detail{};  // detail: which of several of its name, for a profile
    std::int64_t rows = 0;         // of one that can be cut by rows
    std::int64_t row_grain = 1;    // rows that it does together: a power of two
    std::int64_t pixels = 1;       // rows of a register tile that one row makes: the output pixels of an image
    Body row_body{};               // null where it cannot
    std::vector<FeatureCut> feature_cuts{};
    Split split{};
    bool tasks = false;  // each grain of the split was made to be a task; else it is cut evenly, a part a thread
    Body body{};         // null where it is cut by rows only
    std::vector<Access> accesses{};
    const void* batch = nullptr;  // where it reads the batch's inputs through Program::batch
    bool gathers = false;         // makes them
    bool checks = false;          // may find that the batch is wrong: no parameter changes before
    bool updates = false;         // changes a parameter
    double flops = 0;             // in products
    double operations = 0;        // elementary ones (cost.h)

    // Chosen (owners.h): which of the feature cuts (-1: none); whether each thread does all of it for itself; of the
    // one that gathers: whether everybody who reads the batch does it through Program::batch.
    int features = -1;
    bool everywhere = false;
    bool anywhere = false;

    void reads(const TensorView& view) { accesses.push_back(access_of(view, false)); }
    void writes(const TensorView& view) { accesses.push_back(access_of(view, true)); }
    const FeatureCut* feature_cut() const {
        return features < 0 ? nullptr : &feature_cuts[static_cast<std::size_t>(features)];
    }
};

// A chain, or one instruction by its own split.
struct Part {
    enum class Cut { rows, features, alone };

    Cut cut = Cut::alone;
    std::vector<std::size_t> members{};  // numbers of instructions
    Split split{};                       // of rows or features
    // Of a chain of rows: the most pixels that a row of its members makes, and the bytes that they write of a row.
    std::int64_t pixels = 1, row_bytes = 0;
};

// What a task does of one instruction.
struct Work {
    std::size_t instruction;
    const Body* body;
    Range part;
};

struct Phase {
    std::vector<std::size_t> everywhere;  // numbers of instructions that each thread does first
    std::vector<Part> parts;
    bool before_updates = false;  // the next phase is the first that changes parameters

    // Handed out to a team of `threads`: places for tasks, those of the first thread, as many of the second, ...; some
    // are empty. Place i has the work from ends[i] to ends[i + 1].
    int threads = 0;
    std::vector<std::size_t> ends{0};
    std::vector<Work> work{};

    std::int64_t places() const { return static_cast<std::int64_t>(ends.size()) - 1; }
};

// Phases of a program whose batches have so many rows (0: no chains of rows).
std::vector<Phase> schedule(const std::vector<Instruction>& instructions, std::int64_t rows);

// How many blocks the rows of a batch are cut into for so many threads, where a row makes so many pixels and writes so
// many bytes.
std::int64_t row_blocks(std::int64_t rows, std::int64_t pixels, std::int64_t row_bytes, int threads);

// How many tasks a part is cut into for so many threads.
std::int64_t tasks_of(const std::vector<Instruction>& instructions, const Part& part, int threads);

// Hands the tasks of a phase out to so many threads. backwards: each does its last one first. Where every other phase
// is, one begins with the samples that the one before ended with, which are in the caches still.
void hand_out(const std::vector<Instruction>& instructions, Phase& phase, int threads, bool backwards);

}  // namespace fastnn
