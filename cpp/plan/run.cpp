#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "ops/dense.h"
#include "ops/gather.h"
#include "plan/cost.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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

// Copies rows of the batch of a step into the input and target views.
void gather_batch(const Source& source, std::int64_t step, Range rows, const TensorView& input,
                  const TensorView* target) {
    const std::int64_t count = rows.end - rows.begin;
    const TensorView index = index_view(source.order + step * input.shape[0] + rows.begin, count);
    check_index("plan", index, source.images.shape[0]);
    Team alone;
    if (source.images.dtype == DType::uint8) {
        gather_uint8(alone, source.images, index, source.mean, source.std, input.rows(rows.begin, count));
    } else {
        gather_rows(alone, source.images, index, input.rows(rows.begin, count));
    }
    if (target != nullptr) gather_rows(alone, *source.targets, index, target->rows(rows.begin, count));
}

void check_source(const Source& source, const TensorView& input, const TensorView* target) {
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

void transpose_all(const Derived& each) {
    transpose_panels(each.weight, each.transposed, {0, each.weight.shape[1]}, {0, each.weight.shape[0]});
}

// The steps of one call of Plan::run, as each thread of the team goes through them.
struct Run {
    Program& program;
    const RunLimits& limits;
    Pace& pace;
    const TensorView *input, *target, *loss, *output;
    char *losses, *outputs;
    double start, step_start;
    int wanted;  // threads, if no other process is in their way
    std::int64_t done = 0;
    bool stop = false;

    // By one thread, while the others wait: keep the results, decide whether and with how many threads to go on.
    void finish_step(Team& team, int most) {
        if (losses != nullptr) {
            const auto bytes = static_cast<std::size_t>(item_size(loss->dtype));
            std::memcpy(losses + static_cast<std::size_t>(done) * bytes, loss->data, bytes);
        }
        if (outputs != nullptr) {
            const auto bytes = static_cast<std::size_t>(output->size() * item_size(output->dtype));
            std::memcpy(outputs + static_cast<std::size_t>(done) * bytes, output->data, bytes);
        }
        for (const auto& action : program.after_step) action();
        for (Zeros& each : program.zeros) each.end_step();
        program.step = ++done;
        const bool failed = limits.stop_at_nan && loss != nullptr && !std::isfinite(loss_value(*loss));
        const double now = seconds_now();
        stop = failed || done >= limits.steps || now - start > limits.seconds;
        const int next = pace.next(now - step_start, now, team.size(), wanted, program.usual_seconds);
        team.resize(stop ? most : std::min(most, next));
        step_start = now;
    }

    // Runs f; its time goes to an instruction's account where a profile is wanted.
    template <typename F>
    void timed(Team& team, std::size_t instruction, F f) {
        if (!program.profile.on()) return f();
        const double before = seconds_now();
        f();
        const auto thread = static_cast<std::size_t>(team.index());
        program.profile.seconds[thread * (program.instructions.size() + 1) + instruction] += seconds_now() - before;
    }

    void run_chain(Team& team, const Phase& phase) {
        const std::int64_t rows = input == nullptr ? 0 : input->shape[0];
        const std::int64_t blocks = row_blocks(rows, team.size());
        for (std::int64_t block = team.take(); block < blocks; block = team.take()) {
            const Range part{rows * block / blocks, rows * (block + 1) / blocks};
            for (const std::size_t i : phase.members)
                timed(team, i, [&] { program.instructions[i].row_body(part, team.index()); });
        }
    }

    void run_group(Team& team, const Phase& phase) {
        for (const std::size_t i : phase.members) {
            if (program.instructions[i].body) timed(team, i, [&] { program.instructions[i].body(team); });
        }
        for (std::int64_t task = team.take(); task < phase.tasks; task = team.take()) {
            std::int64_t number = task;
            for (const std::size_t i : phase.members) {
                const Instruction& instruction = program.instructions[i];
                if (number < instruction.tasks) {
                    timed(team, i, [&] { instruction.task_body(number, team.index()); });
                    break;
                }
                number -= instruction.tasks;
            }
        }
    }

    void operator()(Team& team) {
        const int most = team.size();
        while (!stop) {
            if (team.resting()) {
                team.rest();
                continue;
            }
            for (const Phase& phase : program.phases) {
                phase.chain ? run_chain(team, phase) : run_group(team, phase);
                const bool last = &phase == &program.phases.back();
                const auto last_action = [&](Team& one) {
                    if (phase.before_updates) {
                        for (const auto& action : program.before_update) action();
                    }
                    if (last) finish_step(one, most);
                };
                timed(team, program.instructions.size(), [&] { team.barrier(last_action); });
            }
        }
    }
};

}  // namespace

void Plan::set_io(int program, int input, int target, int loss, int output) {
    Program& which = program_at(program);
    for (const int view : {input, target, loss, output}) {
        if (view >= 0) at(view);
    }
    which.input = input;
    which.target = target;
    which.loss = loss;
    which.output = output;
    if (input < 0) return;
    const TensorView batch = at(input);
    if (batch.rank == 0) fail("plan", "an input needs rows");
    const TensorView* const targets = target < 0 ? nullptr : &at(target);
    Instruction gather{"gather"};
    gather.rows = batch.shape[0];
    gather.operations = static_cast<double>(batch.size());
    gather.row_body = [=, &which](Range rows, int) {
        if (which.source != nullptr) gather_batch(*which.source, which.step, rows, batch, targets);
    };
    gather.accesses = {access_of(batch, true)};
    if (targets != nullptr) gather.accesses.push_back(access_of(*targets, true));
    which.instructions.insert(which.instructions.begin(), std::move(gather));
}

void Plan::refresh_derived(const Program& program) {
    for (Derived* const each : program.reads_derived) {
        if (each->fresh) continue;
        if (each->transposed.data != nullptr) transpose_all(*each);
        each->finite = all_finite(each->weight);
        each->fresh = true;
    }
}

std::int64_t Plan::run(int program, const Source* source, const RunLimits& limits, void* losses, void* outputs) {
    if (limits.steps <= 0) return 0;
    Program& target = program_at(program);
    const auto optional_view = [this](int view) { return view < 0 ? nullptr : &at(view); };
    const double start = seconds_now();
    Run run{target,
            limits,
            pace_,
            optional_view(target.input),
            optional_view(target.target),
            optional_view(target.loss),
            optional_view(target.output),
            static_cast<char*>(losses),
            static_cast<char*>(outputs),
            start,
            start,
            1};
    if (source != nullptr) {
        if (run.input == nullptr) fail("plan", "this program has no input");
        check_source(*source, *run.input, run.target);
    }
    if (losses != nullptr && run.loss == nullptr) fail("plan", "this program has no loss");
    if (outputs != nullptr && run.output == nullptr) fail("plan", "this program has no output");
    scheduled(program);
    find_spoiled(target);
    const std::int64_t rows = run.input == nullptr ? 0 : run.input->shape[0];
    run.wanted = best_threads(target.instructions, target.phases, rows, get_num_threads(), limits.steps);
    const int threads = pace_.first(start, run.wanted);
    scratch_.grow(static_cast<std::size_t>(scratch_bytes_ * threads));
    refresh_derived(target);
    for (Derived* const each : target.spoils_derived) each->fresh = false;
    if (target.profile.on()) {
        target.profile.threads = std::max(target.profile.threads, threads);
        target.profile.seconds.resize(static_cast<std::size_t>(target.profile.threads) *
                                      (target.instructions.size() + 1));
    }
    for (Zeros& each : target.zeros) each.forget();  // a step that failed may have left some
    target.source = source;
    target.step = 0;
    parallel(threads, [&run](Team& team) { run(team); });
    steps_run_ += run.done;
    target.profile.steps += run.done;
    return run.done;
}

const Program& Plan::scheduled(int program) {
    Program& target = program_at(program);
    if (target.phases.empty()) schedule_program(target);
    return target;
}

void Plan::start_profile(int program, bool on) {
    program_at(program).profile = Profile{};
    program_at(program).profile.threads = on ? 1 : 0;
}

// What goes stale in a step, as the program changes the weight without it. Other programs may have made more since the
// last run.
void Plan::find_spoiled(Program& program) {
    for (; program.derived_seen < derived_.size(); ++program.derived_seen) {
        Derived* const each = &derived_[program.derived_seen];
        const Access weight = access_of(each->weight, true);
        const auto changes = [&weight](const Instruction& instruction) {
            return std::any_of(instruction.accesses.begin(), instruction.accesses.end(), [&](const Access& a) {
                return a.writes && a.begin < weight.end && weight.begin < a.end;
            });
        };
        const auto& kept = program.keeps_derived;
        const bool changed = std::any_of(program.instructions.begin(), program.instructions.end(), changes);
        if (changed && std::find(kept.begin(), kept.end(), each) == kept.end()) program.spoils_derived.push_back(each);
    }
}

// The phases; and a transpose in each step where the weight changes without it.
void Plan::schedule_program(Program& program) {
    find_spoiled(program);
    for (Derived* const each : program.reads_transposed) {
        const auto& spoiled = program.spoils_derived;
        if (std::find(spoiled.begin(), spoiled.end(), each) == spoiled.end()) continue;
        Instruction turn{"transpose"};
        turn.tasks = 1;
        turn.task_body = [each](std::int64_t, int) { transpose_all(*each); };
        turn.accesses = {access_of(each->weight, false), access_of(each->transposed, true)};
        program.instructions.insert(program.instructions.begin(), std::move(turn));
    }
    program.phases = schedule(program.instructions, program.input < 0 ? 0 : at(program.input).shape[0]);
}

}  // namespace fastnn
