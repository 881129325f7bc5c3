// threads above | The plan executor: a list of ops on buffers it owns, run step after step by one team of threads.
//
// python/fastnn/plan.py records an eager step and lowers it to calls of Plan::emit. The bodies that run are those of
// cpp/ops, the same as eager's, so a plan's result is eager's, bit for bit. Weights of dense layers are kept in panels.
//
// Words: a buffer is owned memory; a view is a typed window on a buffer; an instruction is one op on views; a program
// is a list of instructions run once a step (one program for a batch size and mode; all programs of a plan share its
// buffers).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

using Body = std::function<void(Team&)>;
using Attributes = std::map<std::string, double>;

// Where a program's batches come from: rows of resident data, in a given order.
struct Source {
    TensorView images;                 // uint8 (R, C, ...) or real (R, ...)
    const TensorView* mean = nullptr;  // float64 (C,), with uint8 only
    const TensorView* std = nullptr;
    const TensorView* targets = nullptr;  // (R, ...); null where a program has no target
    const std::int64_t* order = nullptr;  // row numbers, batch after batch
};

struct RunLimits {
    std::int64_t steps = 1;
    double seconds = 0.05;     // back to the caller after about this long
    bool stop_at_nan = false;  // after the first step whose loss is not finite
};

struct Program {
    struct Instruction {
        std::string name;
        Body body;
    };

    std::vector<Instruction> instructions;
    std::vector<std::function<void()>> checks;  // of each batch, by every thread, before anything changes
    std::vector<std::function<void()>> before_step, after_step;  // by the team's first thread
    std::map<const void*, std::uint32_t> draws;                  // how often a dropout module is used in one step
    double operations = 0;                                       // of one step, for the choice of threads
    int input = -1, target = -1, loss = -1, output = -1;         // views
};

class Plan {
public:
    int buffer(std::int64_t bytes);
    int view(int buffer, std::int64_t offset, const std::vector<std::int64_t>& shape,
             const std::vector<std::int64_t>& stride, DType dtype, std::int64_t panel);
    const TensorView& at(int view) const;

    int program();
    Program& program_at(int program);

    // Appends the op `name` on these views. ValueError for an unknown op or views that do not fit it.
    void emit(int program, const std::string& name, const std::vector<int>& in, const std::vector<int>& out,
              const Attributes& attributes);

    // A contiguous buffer and a view of it, for an op that needs scratch.
    TensorView temporary(const TensorView& like, std::int64_t panel = 0);

    // Memory shared by all instructions; an instruction uses it between two barriers.
    void need_workspace(std::int64_t bytes) { workspace_.grow(static_cast<std::size_t>(bytes)); }
    void need_thread_workspace(std::int64_t bytes) { thread_bytes_ = bytes > thread_bytes_ ? bytes : thread_bytes_; }
    void* workspace() const { return workspace_.data(); }

    // Runs up to limits.steps steps of batches out of source (null: the input views as they are); losses and outputs,
    // where not null, get one value or one batch of rows a step. Returns the steps done.
    std::int64_t run(int program, const Source* source, const RunLimits& limits, void* losses, void* outputs);

    std::int64_t steps_run() const { return steps_run_; }

private:
    std::deque<AlignedBuffer> buffers_;
    std::deque<TensorView> views_;
    std::deque<Program> programs_;
    AlignedBuffer workspace_;
    std::int64_t thread_bytes_ = 0, steps_run_ = 0;
};

// One op of the registry (instructions.cpp): checks the views, returns the body to run.
struct Call {
    Plan& plan;
    Program& program;
    const char* op;
    std::vector<TensorView> in, out;
    const Attributes& attributes;
    double operations = 0;

    double attribute(const char* name) const;
    const TensorView& input(std::size_t i) const;
    const TensorView& output(std::size_t i) const;
};

using Builder = Body (*)(Call& call);
Builder find_builder(const std::string& name);  // null where there is none
std::vector<std::string> instruction_names();

}  // namespace fastnn
