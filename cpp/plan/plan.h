// threads above | The plan executor: a list of ops on buffers it owns, run step after step by one team of threads.
//
// python/fastnn/plan.py records an eager step and lowers it to calls of Plan::emit. The bodies that run are those of
// cpp/ops, the same as eager's, so a plan's result is eager's, bit for bit. Weights of dense layers are kept in panels.
//
// Words: a buffer is owned memory; a view is a typed window on a buffer; an instruction is one op on views; a program
// is a list of instructions run once a step (one program for a batch size and mode; all programs of a plan share its
// buffers); a phase is what the team does between two barriers (schedule.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "plan/pace.h"
#include "plan/schedule.h"
#include "plan/zeros.h"

namespace fastnn {

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

// What a plan derives from a weight in panels: the transposed panels, for the gradient of its layer's input (none until
// they are wanted), and whether all of it is finite. It lives as long as the plan; whoever changes the weight in a step
// keeps it up to date or leaves it to be made again.
struct Derived {
    explicit Derived(const TensorView& view) : weight(view) {}

    TensorView weight, transposed;
    bool fresh = false;
    std::atomic<bool> finite{false};
};

// Where the time of a program went: thread-seconds of each instruction, and of waiting at barriers.
struct Profile {
    std::int64_t steps = 0;
    int threads = 0;
    std::vector<double> seconds;  // [thread][instruction], the last one waiting

    bool on() const { return threads > 0; }
};

struct Program {
    std::vector<Instruction> instructions;
    std::vector<Phase> phases;                                     // empty: to be scheduled
    std::vector<std::function<void()>> before_update, after_step;  // by one thread, while the others wait
    std::map<const void*, std::uint32_t> draws;                    // how often a dropout module is used in one step
    std::deque<Zeros> zeros;                                       // of the inputs of dense layers
    std::vector<Derived*> reads_derived, reads_transposed, keeps_derived, spoils_derived;
    std::size_t derived_seen = 0;                         // of the plan's, when spoils_derived was made
    int input = -1, target = -1, loss = -1, output = -1;  // views
    Profile profile;                                      // empty: none is wanted
    const Source* source = nullptr;                       // of the current run
    std::int64_t step = 0;                                // number in it
    double usual_seconds = 0;                             // of a step (pace.h)
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

    // The views that a program's batches go to and its results come from (-1: none). After all instructions.
    void set_io(int program, int input, int target, int loss, int output);

    // A contiguous buffer and a view of it, for an op that needs scratch.
    TensorView temporary(const TensorView& like, std::int64_t panel = 0);

    // Memory shared by the instructions that say so (Call::uses_workspace).
    void need_workspace(std::int64_t bytes) { workspace_.grow(static_cast<std::size_t>(bytes)); }
    void* workspace() const { return workspace_.data(); }

    // Memory of each thread, for what it does between taking a task and the end of that task.
    void need_scratch(std::int64_t bytes);
    void* scratch(int thread) const { return static_cast<char*>(scratch_.data()) + thread * scratch_bytes_; }

    // What is derived from a weight in panels.
    Derived* derived(const TensorView& weight);
    Derived* with_transposed(const TensorView& weight);

    // Somebody else wrote into this view.
    void written(const TensorView& view);

    // Runs up to limits.steps steps of batches out of source (null: the input views as they are); losses and outputs,
    // where not null, get one value or one batch of rows a step. Returns the steps done.
    std::int64_t run(int program, const Source* source, const RunLimits& limits, void* losses, void* outputs);

    // A program with its phases.
    const Program& scheduled(int program);

    // Starts a profile of a program, from nothing; or ends it.
    void start_profile(int program, bool on);

    std::int64_t steps_run() const { return steps_run_; }

private:
    void schedule_program(Program& program);
    void find_spoiled(Program& program);
    void refresh_derived(const Program& program);

    std::deque<AlignedBuffer> buffers_;
    std::deque<TensorView> views_;
    std::deque<Program> programs_;
    std::deque<Derived> derived_;
    AlignedBuffer workspace_, scratch_;
    std::int64_t scratch_bytes_ = 0, steps_run_ = 0;
    Pace pace_;
};

// One op of the registry (instructions.cpp): checks the views, returns the body to run.
struct Call {
    Plan& plan;
    Program& program;
    const char* op;
    std::vector<TensorView> in, out;
    const Attributes& attributes;
    double operations = 0, flops = 0;
    bool uses_workspace = false;
    RowBody row_body{};                // where the op works row by row: the same on some rows
    std::vector<Instruction> after{};  // what else the op needs, behind it
    std::string detail{};

    double attribute(const char* name) const;
    const TensorView& input(std::size_t i) const;
    const TensorView& output(std::size_t i) const;
};

using Builder = Body (*)(Call& call);
Builder find_builder(const std::string& name);  // null where there is none
std::vector<std::string> instruction_names();

}  // namespace fastnn
