#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "plan/cost.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double loss_value(const TensorView& loss) {
    return loss.dtype == DType::float64 ? *loss.as<double>() : static_cast<double>(*loss.as<float>());
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
        const Split all{rows, 1};
        const std::int64_t blocks = row_blocks(rows, phase.pixels, team.size());
        std::int64_t block = 0;
        while ((block = team.take(blocks)) >= 0) {
            const Range part = all.part(block, blocks);
            for (const std::size_t i : phase.members)
                timed(team, i, [&] { program.instructions[i].row_body(part, team.index()); });
        }
    }

    // The tasks of all members in one row.
    void run_group(Team& team, const Phase& phase) {
        std::int64_t total = 0, task = 0;
        for (const std::size_t i : phase.members) total += tasks_of(program.instructions[i], team.size());
        while ((task = team.take(total)) >= 0) run_task(team, phase, task);
    }

    void run_task(Team& team, const Phase& phase, std::int64_t task) {
        for (const std::size_t i : phase.members) {
            const Instruction& instruction = program.instructions[i];
            const std::int64_t tasks = tasks_of(instruction, team.size());
            if (task < tasks) {
                timed(team, i, [&] { instruction.body(instruction.split.part(task, tasks), team.index()); });
                return;
            }
            task -= tasks;
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
    if (batch.rank == 0) fail("plan", "an input needs rows, got ", layout_text(batch));
    const TensorView* const targets = target < 0 ? nullptr : &at(target);
    Instruction gather;
    gather.name = "gather";
    gather.rows = batch.shape[0];
    gather.operations = static_cast<double>(batch.size());
    gather.row_body = [=, &which](Range rows, int) {
        if (which.source != nullptr) gather_batch(*which.source, which.step, rows, batch, targets);
    };
    gather.writes(batch);
    if (targets != nullptr) gather.writes(*targets);
    which.instructions.insert(which.instructions.begin(), std::move(gather));
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
        if (run.input == nullptr) fail("plan", "a source was given, but program ", program, " has no input");
        check_source(*source, *run.input, run.target);
    }
    if (losses != nullptr && run.loss == nullptr)
        fail("plan", "losses were asked for, but program ", program, " has no loss");
    if (outputs != nullptr && run.output == nullptr)
        fail("plan", "outputs were asked for, but program ", program, " has no output");
    scheduled(program);
    target.derived.find_spoiled(derived_, target.instructions);
    const std::int64_t rows = run.input == nullptr ? 0 : run.input->shape[0];
    const int most = get_num_threads();
    if (target.threads == 0 || target.of_threads != most || target.of_steps != limits.steps) {
        target.threads = best_threads(target.instructions, target.phases, rows, most, limits.steps);
        target.of_threads = most;
        target.of_steps = limits.steps;
    }
    run.wanted = target.threads;
    const int threads = pace_.first(start, run.wanted);
    scratch_.grow(static_cast<std::size_t>(scratch_bytes_ * threads));
    target.derived.prepare();
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

// The phases; and a transpose in each step where the weight changes without it.
void Plan::schedule_program(Program& program) {
    program.derived.find_spoiled(derived_, program.instructions);
    for (Derived* const each : program.derived.transposed_each_step()) {
        Instruction turn;
        turn.name = "transpose";
        turn.split = {1, 1};
        turn.tasks = true;
        turn.body = [each](Range, int) { each->transpose(); };
        turn.reads(each->weight());
        turn.writes(each->transposed());
        program.instructions.insert(program.instructions.begin(), std::move(turn));
    }
    program.phases = schedule(program.instructions, program.input < 0 ? 0 : at(program.input).shape[0]);
}

}  // namespace fastnn
