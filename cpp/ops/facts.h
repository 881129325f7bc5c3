// threads above | What is to be known of an op besides its arithmetic. It stands once, in the op's .cpp; the Python
// binding, the plan's instructions, the fusing of a recording and its lowering all read it there.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

using AttributeValue = std::variant<bool, std::int64_t, double, std::vector<std::int64_t>>;

// One argument of an op's call from Python, in its place. What a step advances (state) is no attribute of a plan's op:
// it shares an object with Python.
struct Argument {
    enum class Kind { array, optional_array, boolean, integer, real, integers, state };

    std::string name;
    Kind kind = Kind::array;
    bool required = true;
    AttributeValue value = false;  // where it is not given; of attributes that are not required
};

// Elementary operations of one element: about what each costs beside a multiply-add of a vector (plan/cost.h).
constexpr double cheap = 1, transcendental = 12;

// How an op's work is cut, by its first array: anywhere between elements, whole cache lines that only one thread
// writes; between rows of the last dimension; between samples; or not at all.
Split elements(const TensorView& view);
Split last_rows(const TensorView& view);
Split samples(const TensorView& view);
Split whole(const TensorView& view);

struct Facts {
    explicit Facts(const char* op) : name(op) {}

    const char* name;
    std::vector<Argument> arguments{};
    double cost = cheap;  // elementary operations of each element of its first array (of products: product_cost)
    Split (*split)(const TensorView& first) = elements;
    bool by_rows = false;     // each sample is treated by itself: some rows are a smaller problem of the same kind
    bool broadcasts = false;  // arrays are repeated over the result's shape, numbers become arrays

    // Rows of a product's register tiles that one sample of its result makes: 1, or the output pixels of an image.
    std::int64_t (*pixels)(const TensorView& result) = [](const TensorView&) -> std::int64_t { return 1; };

    // Ops of one array that it can do itself at its end, by a boolean attribute of their name.
    std::vector<std::string> epilogues{};

    // For the gradient of a parameter: the instruction that makes it and updates the parameter at once ("": none), and
    // whether the parameter must be in panels for it.
    std::string update{};
    bool update_in_panels = false;

    // For op(weight) as its second argument: the weight may be kept in panels.
    bool weight_in_panels = false;

    // Each says one thing more, and gives what it was called on.
    Facts& array(const char* argument);
    Facts& optional_array(const char* argument);
    Facts& attribute(const char* argument, Argument::Kind kind);
    Facts& attribute(const char* argument, bool value);
    Facts& attribute(const char* argument, double value);
    Facts& costs(double each);
    Facts& cut(Split (*into)(const TensorView&));
    Facts& row_by_row();
    Facts& broadcasting();
    Facts& ends_with(const char* op);
    Facts& updated_by(const char* instruction, bool in_panels);
    Facts& panels();

    // Elementary operations for this array.
    double operations(const TensorView& first) const { return static_cast<double>(first.size()) * cost; }
};

}  // namespace fastnn
