// threads above | The registry of ops that plans run: name -> builder. A builder checks its views once and appends the
// instructions that do the op in every step; a view that the op cannot take as it lies is copied by one of them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor_view.h"
#include "ops/dropout.h"
#include "ops/facts.h"
#include "ops/update.h"
#include "plan/schedule.h"

namespace fastnn {

class Plan;
struct Program;

using Attributes = std::map<std::string, AttributeValue>;

// What an op changes besides its views, shared with Python: an optimizer's settings, a dropout module's draw.
using State = std::variant<std::monostate, Settings, std::shared_ptr<DropoutDraw>>;

// One op of a program as it is emitted.
struct Call {
    Plan& plan;
    Program& program;
    const char* op;
    std::vector<TensorView> in, out;  // an optional input that is not there has no data
    const Attributes& attributes;
    const State& state;

    const TensorView& input(std::size_t i) const;
    const TensorView& output(std::size_t i) const;
    bool has_input(std::size_t i) const { return i < in.size() && in[i].data != nullptr; }

    // An attribute's value, or its default; ValueError where it has none or is of another kind.
    template <typename T>
    T attribute(const Facts& facts, const char* name) const;

    template <typename T>
    const T& state_of(const char* kind) const;

    // Input i as the op can take it: a copy, made by an instruction, where it does not fit.
    const TensorView& strided(std::size_t i);                        // not in panels
    const TensorView& contiguous(std::size_t i);                     // in C order
    const TensorView& rows(std::size_t i);                           // the last dimension's elements adjacent
    const TensorView& images(std::size_t i);                         // (N, C, H, W), channels last
    const TensorView& kernels(std::size_t i);                        // (O, I, kh, kw) as [kh][kw][I][O]
    const TensorView& like(std::size_t i, const TensorView& other);  // laid out as another of its shape

    const TensorView& apart(std::size_t i, const TensorView& other);  // in memory that other does not reach into

    // Outputs that must lie so.
    const TensorView& image_output(std::size_t i) const;
    const TensorView& kernel_output(std::size_t i) const;

    // An instruction of this op that reads its inputs and writes its outputs.
    Instruction instruction() const;
    void add(Instruction instruction);

private:
    const TensorView& in_layout(std::size_t i, const std::array<int, 4>& order);
    const TensorView& copied(std::size_t i, const TensorView& layout);
};

using Builder = std::function<void(Call& call)>;
using Registry = std::map<std::string, Builder>;

// A family of ops each (instructions/*.cpp).
void add_dense(Registry& registry);
void add_elementwise(Registry& registry);
void add_losses(Registry& registry);
void add_reductions(Registry& registry);
void add_indexing(Registry& registry);
void add_dropout(Registry& registry);
void add_convolution(Registry& registry);
void add_pooling(Registry& registry);
void add_batch_norm(Registry& registry);
void add_updates(Registry& registry);

// ValueError where there is no compiled form of a name.
const Builder& find_builder(const std::string& name);
std::vector<std::string> instruction_names();

constexpr int missing_view = -1;  // of an optional input

// Whether some rows of each view are a smaller problem of the same kind: there are as many of each, and those of the
// result follow each other in memory without gaps.
bool in_rows(const TensorView& result, std::initializer_list<const TensorView*> others);

// Refuses a result of another shape or dtype.
void check_result(const Call& call, const TensorView& result, DType dtype, const std::vector<std::int64_t>& shape);

// Memory of a plan without a shape.
TensorView bytes_of(Plan& plan, std::int64_t bytes);

// The columns of a matrix in panels: what features are shared out by.
Split features_of(std::int64_t columns, DType dtype);

// Cuts an elementwise op on matrices that lie alike, in C order, by columns too: run(elements of one row).
template <typename Run>
void cut_by_columns(Instruction& instruction, const TensorView& y, std::initializer_list<const TensorView*> all,
                    const Run& run) {
    if (y.rank != 2 || !y.contiguous()) return;
    FeatureCut cut;
    cut.features = features_of(y.shape[1], y.dtype);
    for (const TensorView* const view : all) cut.owned.push_back(view->data);
    cut.body = [run, rows = y.shape[0], columns = y.shape[1]](Range features, int) {
        for (std::int64_t row = 0; row < rows; ++row)
            run(Range{row * columns + features.begin, row * columns + features.end});
    };
    instruction.feature_cuts.push_back(std::move(cut));
}

// Runs body(all units of a split, rows of each view ...) for some rows.
template <typename F, typename First, typename... Views>
Body by_rows(F body, First first, Views... views) {
    return [=](Range rows, int) {
        const std::int64_t count = rows.end - rows.begin;
        if (count == first.shape[0]) return body(first, views...);  // a small batch, as it is
        body(first.rows(rows.begin, count), views.rows(rows.begin, count)...);
    };
}

// Makes an instruction copy x to y.
void set_copy(Instruction& instruction, const TensorView& x, const TensorView& y);

}  // namespace fastnn
