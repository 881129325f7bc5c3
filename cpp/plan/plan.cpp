#include "plan/plan.h"

#include <chrono>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "ops/arithmetic.h"
#include "ops/gather.h"

namespace fastnn {

namespace {

using Clock = std::chrono::steady_clock;

template <typename Items>
auto& checked_at(Items& items, int index, const char* what) {
    if (index < 0 || static_cast<std::size_t>(index) >= items.size()) fail("plan", "there is no ", what, " ", index);
    return items[static_cast<std::size_t>(index)];
}

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) fail("plan", "a place of ", a, " + ", b, " does not fit a 64-bit count");
    return sum;
}

// The number of the last element of a view, -1 where it has none.
std::int64_t last_element(const TensorView& view) {
    if (view.panel != 0) {
        const std::int64_t rows = (checked_sum(view.shape[0], view.panel) - 1) / view.panel * view.panel;
        return checked_product("plan", rows, view.shape[1]) - 1;
    }
    std::int64_t last = view.empty() ? -1 : 0;
    for (int i = 0; !view.empty() && i < view.rank; ++i) {
        last = checked_sum(last, checked_product("plan", view.shape[i] - 1, view.stride[i]));
    }
    return last;
}

TensorView index_view(const std::int64_t* order, std::int64_t count) {
    TensorView index;
    index.data = const_cast<std::int64_t*>(order);
    index.dtype = DType::int64;
    index.rank = 1;
    index.shape[0] = count;
    index.stride[0] = 1;
    return index;
}

// Copies a batch into the input and target views: this thread's share.
void gather_batch(Team& team, const Source& source, std::int64_t step, const TensorView& input,
                  const TensorView* target) {
    const std::int64_t batch = input.shape[0];
    const TensorView index = index_view(source.order + step * batch, batch);
    if (source.images.dtype == DType::uint8) {
        gather_uint8(team, source.images, index, source.mean, source.std, input);
    } else {
        gather_rows(team, source.images, index, input);
    }
    if (target != nullptr) gather_rows(team, *source.targets, index, *target);
}

void check_source(const Source& source, std::int64_t steps, const TensorView& input, const TensorView* target) {
    const TensorView index = index_view(source.order, steps * input.shape[0]);
    check_index("plan", index, source.images.shape[0]);
    const TensorView first = index_view(source.order, input.shape[0]);
    if (source.images.dtype == DType::uint8) {
        gather_uint8_check(source.images, first, source.mean, source.std, input);
    } else {
        gather_rows_check(source.images, first, input);
    }
    if (target == nullptr) return;
    if (source.targets == nullptr) fail("plan", "this program needs targets");
    gather_rows_check(*source.targets, first, *target);
    if (source.targets->shape[0] != source.images.shape[0]) {
        fail("plan", source.images.shape[0], " images but ", source.targets->shape[0], " targets");
    }
}

double loss_value(const TensorView& loss) {
    return loss.dtype == DType::float64 ? *loss.as<double>() : static_cast<double>(*loss.as<float>());
}

// The steps of one call of Plan::run, as each thread of the team goes through them.
struct Run {
    Program& program;
    const Source* source;
    const RunLimits& limits;
    const TensorView *input, *target, *loss, *output;
    char *losses, *outputs;
    Clock::time_point start;
    std::int64_t done = 0;
    bool stop = false;

    // What one thread does between steps: keep the results, decide whether to go on.
    void finish_step() {
        if (losses != nullptr) {
            const auto bytes = static_cast<std::size_t>(item_size(loss->dtype));
            std::memcpy(losses + static_cast<std::size_t>(done) * bytes, loss->data, bytes);
        }
        if (outputs != nullptr) {
            const auto bytes = static_cast<std::size_t>(output->size() * item_size(output->dtype));
            std::memcpy(outputs + static_cast<std::size_t>(done) * bytes, output->data, bytes);
        }
        for (const auto& action : program.after_step) action();
        ++done;
        const bool failed = limits.stop_at_nan && loss != nullptr && !std::isfinite(loss_value(*loss));
        const std::chrono::duration<double> spent = Clock::now() - start;
        stop = failed || done >= limits.steps || spent.count() > limits.seconds;
    }

    void operator()(Team& team) {
        while (true) {
            if (source != nullptr) gather_batch(team, *source, done, *input, target);
            team.barrier();
            for (const auto& check : program.checks) check();
            if (team.index() == 0) {
                for (const auto& action : program.before_step) action();
            }
            for (const Program::Instruction& instruction : program.instructions) {
                instruction.body(team);
                team.barrier();
            }
            if (team.index() == 0) finish_step();
            team.barrier();
            if (stop) return;
        }
    }
};

}  // namespace

int Plan::buffer(std::int64_t bytes) {
    if (bytes < 0) fail("plan", "a buffer of ", bytes, " bytes");
    buffers_.emplace_back(static_cast<std::size_t>(bytes) + cache_line);
    return static_cast<int>(buffers_.size()) - 1;
}

int Plan::view(int buffer, std::int64_t offset, const std::vector<std::int64_t>& shape,
               const std::vector<std::int64_t>& stride, DType dtype, std::int64_t panel) {
    const AlignedBuffer& memory = checked_at(buffers_, buffer, "buffer");
    if (shape.size() != stride.size() || shape.size() > max_rank)
        fail("plan", "a view needs a stride for each dimension");
    if (panel < 0 || (panel != 0 && shape.size() != 2)) fail("plan", "panels are for a weight of two dimensions");
    if (offset < 0) fail("plan", "a view reaches outside its buffer");
    TensorView view;
    view.data = static_cast<char*>(memory.data()) + checked_product("plan", offset, item_size(dtype));
    view.dtype = dtype;
    view.rank = static_cast<int>(shape.size());
    view.panel = panel;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0 || stride[i] < 0) fail("plan", "sizes and strides of a view must not be negative");
        view.shape[i] = shape[i];
        view.stride[i] = stride[i];
    }
    const std::int64_t end = checked_product("plan", checked_sum(offset, last_element(view) + 1), item_size(dtype));
    if (offset < 0 || end > static_cast<std::int64_t>(memory.size())) fail("plan", "a view reaches outside its buffer");
    views_.push_back(view);
    return static_cast<int>(views_.size()) - 1;
}

const TensorView& Plan::at(int view) const { return checked_at(views_, view, "view"); }

int Plan::program() {
    programs_.emplace_back();
    return static_cast<int>(programs_.size()) - 1;
}

Program& Plan::program_at(int program) { return checked_at(programs_, program, "program"); }

TensorView Plan::temporary(const TensorView& like, std::int64_t panel) {
    std::vector<std::int64_t> shape(like.shape.begin(), like.shape.begin() + like.rank), stride(shape.size());
    std::int64_t items = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        stride[i] = items;
        items *= shape[i];
    }
    TensorView measured = like;
    measured.panel = panel;
    return at(view(buffer(measured.storage_size() * item_size(like.dtype)), 0, shape, stride, like.dtype, panel));
}

void Plan::emit(int program, const std::string& name, const std::vector<int>& in, const std::vector<int>& out,
                const Attributes& attributes) {
    const Builder builder = find_builder(name);
    if (builder == nullptr) fail("plan", "there is no compiled form of '", name, "'");
    Program& target = program_at(program);
    Call call{*this, target, name.c_str(), {}, {}, attributes};
    for (const int id : in) call.in.push_back(at(id));
    for (const int id : out) call.out.push_back(at(id));
    Body body = builder(call);
    target.instructions.push_back({name, std::move(body)});
    target.operations += call.operations;
}

std::int64_t Plan::run(int program, const Source* source, const RunLimits& limits, void* losses, void* outputs) {
    Program& target = program_at(program);
    if (limits.steps <= 0) return 0;
    const auto optional_view = [this](int view) { return view < 0 ? nullptr : &at(view); };
    Run run{target,
            source,
            limits,
            optional_view(target.input),
            optional_view(target.target),
            optional_view(target.loss),
            optional_view(target.output),
            static_cast<char*>(losses),
            static_cast<char*>(outputs),
            Clock::now()};
    if (source != nullptr) {
        if (run.input == nullptr) fail("plan", "this program has no input");
        check_source(*source, limits.steps, *run.input, run.target);
    }
    if (losses != nullptr && run.loss == nullptr) fail("plan", "this program has no loss");
    if (outputs != nullptr && run.output == nullptr) fail("plan", "this program has no output");
    const int threads = threads_for(target.operations);
    need_workspace(thread_bytes_ * threads);
    parallel(threads, [&run](Team& team) { run(team); });
    steps_run_ += run.done;
    return run.done;
}

}  // namespace fastnn
