// Losses: the samples, then the mean or sum of theirs.
#include "core/check.h"
#include "ops/all.h"
#include "ops/cross_entropy.h"
#include "plan/plan.h"

namespace fastnn {

namespace {

// The samples of a loss as they are cut by rows and by themselves, and the sum as an instruction of its own behind
// them. checks: whether the body finds targets that are none.
void add_loss(Call& call, const Facts& facts, const TensorView& first, const Body& body, double scale, bool checks) {
    const TensorView total = call.out.at(0), losses = call.out.at(1);
    call.out.erase(call.out.begin());  // the total is not written by the samples
    Instruction samples = call.instruction();
    samples.operations = facts.operations(first);
    samples.rows = facts.by_rows ? first.shape[0] : 0;
    samples.row_body = facts.by_rows ? body : Body();
    samples.split = facts.split(first);
    samples.body = body;
    samples.checks = checks;
    call.add(std::move(samples));
    Instruction reduce;
    reduce.name = "loss";
    reduce.split = {1, 1};
    reduce.tasks = true;
    reduce.body = [=](Range, int) { reduce_loss(losses, scale, total); };
    reduce.reads(losses);
    reduce.writes(total);
    call.add(std::move(reduce));
}

void build_cross_entropy(Call& call) {
    const TensorView logits = call.contiguous(0), labels = call.input(1);
    const TensorView losses = call.output(1), grad = call.output(2);
    const double smoothing = call.attribute<double>(cross_entropy_facts, "smoothing");
    cross_entropy_check(logits, labels, losses, grad, smoothing);
    const bool mean = call.attribute<bool>(cross_entropy_facts, "mean");
    const double scale = mean ? 1.0 / static_cast<double>(logits.shape[0]) : 1.0;
    const auto some = [=](Range rows, int) {  // nothing has been updated yet when a wrong label is found
        check_labels("cross_entropy", labels.as<std::int64_t>() + rows.begin, rows.end - rows.begin, logits.shape[1],
                     rows.begin);
        cross_entropy(rows, logits, labels, smoothing, scale, losses, grad);
    };
    add_loss(call, cross_entropy_facts, logits, some, scale, true);
}

void build_loss(Call& call, const Loss& loss) {
    const TensorView x = call.contiguous(0), target = call.contiguous(1);
    const TensorView losses = call.output(1), grad = call.output(2);
    loss_check(call.op, x, target, losses, grad);
    const double scale = call.attribute<bool>(loss.facts, "mean") ? 1.0 / static_cast<double>(x.size()) : 1.0;
    const auto some = [=, &loss](Range rows, int) { loss.run(rows, x, target, loss.factor * scale, losses, grad); };
    add_loss(call, loss.facts, x, some, scale, false);
}

}  // namespace

void add_losses(Registry& registry) {
    registry["cross_entropy"] = build_cross_entropy;
    for (const Loss* loss : losses()) registry[loss->facts.name] = [loss](Call& call) { build_loss(call, *loss); };
}

}  // namespace fastnn
