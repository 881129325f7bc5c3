// threads above | The plan executor: a list of ops on buffers it owns, run step after step by one team of threads.
//
// python/fastnn/engine records an eager step and lowers it to a list of ops on views, which Plan::emit takes one by
// one. The bodies that run are those of cpp/ops, the same as eager's, so a plan's result is eager's, bit for bit.
// Weights of dense layers are kept in panels.
//
// Words: a buffer is owned memory; a view is a typed window on a buffer; an instruction is one op on views
// (instructions/); a program is a list of instructions run once a step (one program for a batch size and mode; all
// programs of a plan share its buffers); a phase is what the team does between two barriers (schedule.h).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/pace.h"
#include "core/tensor_view.h"
#include "plan/derived.h"
#include "plan/instructions/registry.h"
#include "plan/program.h"
#include "plan/source.h"

namespace fastnn {

struct RunLimits {
    std::int64_t steps = 1;
    double seconds = 0.05;     // back to the caller after about this long
    bool stop_at_nan = false;  // after the first step whose loss is not finite
};

class Plan {
public:
    int buffer(std::int64_t bytes);
    // panel: the width of the panels that a weight of two or more dimensions is kept in; 0: strided memory.
    int view(int buffer, std::int64_t offset, const std::vector<std::int64_t>& shape,
             const std::vector<std::int64_t>& stride, DType dtype, std::int64_t panel);
    const TensorView& at(int view) const;

    int program();
    Program& program_at(int program);

    // Appends the op `name` on these views (-1: an optional input that is not there). ValueError for an unknown op or
    // views that do not fit it.
    void emit(int program, const std::string& name, const std::vector<int>& in, const std::vector<int>& out,
              const Attributes& attributes, const State& state);

    // The views that a program's batches go to and its results come from (-1: none). After all instructions.
    void set_io(int program, int input, int target, int loss, int output);

    // A buffer and a view of it, for an op that needs scratch: in the order of a dense view, else in C order; in these
    // panels where given.
    TensorView temporary(const TensorView& like, const PanelLayout& panels = {});

    // Memory that instructions may share which are done before the next one begins.
    void need_workspace(std::int64_t bytes) { workspace_.grow(static_cast<std::size_t>(bytes)); }
    void* workspace() const { return workspace_.data(); }
    Access workspace_access(bool writes) const;

    // Memory of each thread, for what it does between taking a task and the end of that task.
    void need_scratch(std::int64_t bytes);
    void* scratch(int thread) const { return static_cast<char*>(scratch_.data()) + thread * scratch_bytes_; }

    DerivedWeights& derived() { return derived_; }
    Derived* with_transposed(const TensorView& weight);

    // Somebody else wrote into this view.
    void written(const TensorView& view) { derived_.written(view); }

    // Runs up to limits.steps steps of batches out of source (null: the input views as they are); losses and outputs,
    // where not null, get one value or one batch of rows a step. The program has an input, a loss and an output for
    // those that are given. Returns the steps done.
    std::int64_t run(int program, const Source* source, const RunLimits& limits, void* losses, void* outputs);

    // A program with its phases, for calls of so many steps.
    const Program& scheduled(int program, std::int64_t steps);

    // Starts a profile of a program, from nothing; or ends it.
    void start_profile(int program, bool on);

    std::int64_t steps_run() const { return steps_run_; }

private:
    Program& unfinished(int program);
    void add_transposes(Program& program);

    std::deque<AlignedBuffer> buffers_;
    std::deque<TensorView> views_;
    std::deque<Program> programs_;
    DerivedWeights derived_;
    AlignedBuffer workspace_, scratch_;
    std::int64_t scratch_bytes_ = 0, steps_run_ = 0;
    Pace pace_;
};

}  // namespace fastnn
