#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "plan/cost.h"
#include "plan/owners.h"
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
    std::int64_t done = 0, next_look = 1;
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
        place_batch();
        const bool failed = limits.stop_at_nan && loss != nullptr && !std::isfinite(loss_value(*loss));
        stop = failed || done >= limits.steps;
        if (most == 1) return look_at_clock();
        const double now = seconds_now();
        stop = stop || now - start > limits.seconds;
        const int next = pace.next(now - step_start, now, team.size(), wanted, program.usual_seconds);
        const int size = stop ? most : std::min(most, next);
        team.resize(size);
        program.hand_out(size);
        step_start = now;
    }

    // Looks whether the batch of the next step has to be gathered.
    void place_batch() {
        const bool anywhere = program.source != nullptr && done < limits.steps && program.batch_anywhere;
        program.batch.set_place(anywhere ? batch_in_place(*program.source, done, *input) : nullptr);
    }

    // A thread alone has no pace to keep, and the clock costs as much as a layer of the smallest networks: it is looked
    // at about every so often, and after twice as many steps at most.
    void look_at_clock() {
        constexpr double look_seconds = 20e-6;
        if (done < next_look) return;
        const double elapsed = seconds_now() - start, so_far = static_cast<double>(done);
        stop = stop || elapsed > limits.seconds;
        const double steps = std::clamp(look_seconds / elapsed * so_far, 1.0, so_far);
        next_look = done + static_cast<std::int64_t>(steps);
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

    void run_phase(Team& team, const Phase& phase, bool alone) {
        const auto all = [this](std::size_t i) { return Range{0, program.instructions[i].rows}; };
        for (const std::size_t i : phase.everywhere)
            timed(team, i, [&] { program.instructions[i].row_body(all(i), team.index()); });
        if (alone) return run_work(team, phase, 0, phase.work.size());
        std::int64_t place = 0;
        while ((place = team.take(phase.places())) >= 0) {
            const std::size_t* const ends = phase.ends.data() + place;
            run_work(team, phase, ends[0], ends[1]);
        }
    }

    void run_work(Team& team, const Phase& phase, std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) {
            const Work& work = phase.work[i];
            timed(team, work.instruction, [&] { (*work.body)(work.part, team.index()); });
        }
    }

    // By one thread, while the others wait.
    void finish_phase(Team& team, const Phase& phase, int most) {
        if (phase.before_updates) {
            for (const auto& action : program.before_update) action();
        }
        if (&phase == &program.phases.back()) finish_step(team, most);
    }

    void operator()(Team& team) {
        const int most = team.size();
        while (true) {
            if (team.resting()) team.rest();
            if (stop) return;
            for (const Phase& phase : program.phases) {
                run_phase(team, phase, most == 1);
                const auto last = [&](Team& one) { finish_phase(one, phase, most); };
                timed(team, program.instructions.size(), [&] { most == 1 ? last(team) : team.barrier(last); });
            }
        }
    }
};

}  // namespace

void Plan::set_io(int program, int input, int target, int loss, int output) {
    Program& which = unfinished(program);
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
    const auto add_gather = [&which](const TensorView& to, const Body& body) {
        Instruction gather;
        gather.name = "gather";
        gather.rows = to.shape[0];
        gather.operations = static_cast<double>(to.size());
        gather.row_body = body;
        gather.checks = true;
        gather.writes(to);
        which.instructions.insert(which.instructions.begin(), std::move(gather));
    };
    if (target >= 0) {
        const TensorView targets = at(target);
        add_gather(targets, [=, &which](Range rows, int) {
            if (which.source != nullptr) gather_targets(*which.source, which.step, rows, targets);
        });
        which.instructions.front().detail = "targets";
    }
    add_gather(batch, [=, &which](Range rows, int thread) {
        if (which.source == nullptr || !which.batch.gathered()) return;
        gather_batch(*which.source, which.step, rows, which.batch.of(batch, thread));
    });
    which.instructions.front().gathers = true;
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
    if (source != nullptr) check_source(*source, *run.input, run.target);
    scheduled(program, limits.steps);
    target.derived.find_spoiled(derived_, target.instructions);
    run.wanted = target.threads;
    const int threads = pace_.first(start, run.wanted);
    scratch_.grow(static_cast<std::size_t>(scratch_bytes_ * threads));
    target.hand_out(threads);
    const bool everywhere = source != nullptr && !target.phases.front().everywhere.empty();
    if (run.input != nullptr) target.batch.prepare(*run.input, everywhere ? threads : 1);
    for (Zeros& each : target.zeros) each.prepare(threads);
    target.derived.prepare();
    if (target.profile.on()) {
        target.profile.threads = std::max(target.profile.threads, threads);
        target.profile.seconds.resize(static_cast<std::size_t>(target.profile.threads) *
                                      (target.instructions.size() + 1));
    }
    for (Zeros& each : target.zeros) each.forget();  // a step that failed may have left some
    target.source = source;
    target.step = 0;
    run.place_batch();
    parallel(threads, [&run](Team& team) { run(team); });
    steps_run_ += run.done;
    target.profile.steps += run.done;
    return run.done;
}

// Threads are chosen for a program cut by rows wherever it can be, as the model has it.
const Program& Plan::scheduled(int program, std::int64_t steps) {
    Program& target = program_at(program);
    const int most = get_num_threads();
    if (target.threads != 0 && target.of_threads == most && target.of_steps == steps) return target;
    const std::int64_t rows = target.input < 0 ? 0 : at(target.input).shape[0];
    if (target.threads == 0) {
        add_transposes(target);
        target.by_rows = schedule(target.instructions, rows);
    }
    target.threads = best_threads(target.instructions, target.by_rows, most, steps);
    target.of_threads = most;
    target.of_steps = steps;
    if (target.threads == target.scheduled_for) return target;
    choose_owners(target.instructions, target.threads);
    target.batch_anywhere = std::any_of(target.instructions.begin(), target.instructions.end(),
                                        [](const Instruction& each) { return each.anywhere; });
    target.phases = schedule(target.instructions, rows);
    target.scheduled_for = target.threads;
    return target;
}

void Plan::start_profile(int program, bool on) {
    program_at(program).profile = Profile{};
    program_at(program).profile.threads = on ? 1 : 0;
}

// A transpose in each step where the weight changes without it.
void Plan::add_transposes(Program& program) {
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
}

}  // namespace fastnn
