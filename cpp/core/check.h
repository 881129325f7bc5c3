// Checks and their messages: "[op] what arrived, what was needed, what to do". ValueError and TypeError in Python.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor_view.h"

namespace fastnn {

// What an error is and the values that its message names, for programs: Fault in python/fastnn/errors.py.
struct Fault {
    using Field = std::pair<const char*, std::variant<std::int64_t, std::string>>;
    const char* code = nullptr;  // none: only the message says it
    std::vector<Field> fields = {};
};

struct Error : std::runtime_error {
    explicit Error(const std::string& message, Fault what = {}) : std::runtime_error(message), fault(std::move(what)) {}
    Fault fault;
};
struct ValueError : Error {
    using Error::Error;
};
struct TypeError : Error {
    using Error::Error;
};

std::string shape_text(const TensorView& view);   // "(64, 784)"
std::string layout_text(const TensorView& view);  // "shape (64, 784) with strides (784, 1)", or in panels

// A piece of a message; what it is made of must live as long.
class Word {
public:
    Word(const char* text) : value_(std::string_view(text)) {}
    Word(const std::string& text) : value_(std::string_view(text)) {}
    Word(char letter) : value_(letter) {}
    Word(double number) : value_(number) {}
    template <typename Whole, typename = std::enable_if_t<std::is_integral_v<Whole>>>
    Word(Whole number) : value_(static_cast<std::int64_t>(number)) {}

    const std::variant<std::string_view, std::int64_t, double, char>& value() const { return value_; }

private:
    std::variant<std::string_view, std::int64_t, double, char> value_;
};

// One function each for all messages: made anew for every combination of types, they would be a tenth of the library.
std::string text_of(std::initializer_list<Word> words);
[[noreturn]] void fail_of(Fault fault, std::initializer_list<Word> words);
[[noreturn]] void fail_type_of(Fault fault, std::initializer_list<Word> words);

template <typename... Parts>
std::string text(const Parts&... parts) {
    return text_of({Word(parts)...});
}

template <typename... Parts>
[[noreturn]] void fail(Fault fault, const char* op, const Parts&... parts) {
    fail_of(std::move(fault), {"[", op, "] ", Word(parts)...});
}

template <typename... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
    fail_of({}, {"[", op, "] ", Word(parts)...});
}

template <typename... Parts>
[[noreturn]] void fail_type(Fault fault, const char* op, const Parts&... parts) {
    fail_type_of(std::move(fault), {"[", op, "] ", Word(parts)...});
}

template <typename... Parts>
[[noreturn]] void fail_type(const char* op, const Parts&... parts) {
    fail_type_of({}, {"[", op, "] ", Word(parts)...});
}

// a * b, or an error that names the op: every size that could overflow goes through here.
std::int64_t checked_product(const char* op, std::int64_t a, std::int64_t b);

void check_rank(const char* op, const char* name, const TensorView& view, int rank);
void check_real(const char* op, const char* name, const TensorView& view);  // float32 or float64
void check_dtype(const char* op, const char* name, const TensorView& view, DType dtype);
void check_same_shape(const char* op, const char* a_name, const TensorView& a, const char* b_name, const TensorView& b);
void check_contiguous(const char* op, const char* name, const TensorView& view);  // C order

// Dense in some order of the dimensions, and b in the same as a.
void check_dense(const char* op, const char* name, const TensorView& view);
void check_same_layout(const char* op, const char* a_name, const TensorView& a, const char* b_name,
                       const TensorView& b);

// 0 <= label < classes for n labels, or an error that names the first that is not; `first`: the first one's sample.
void check_labels(const char* op, const std::int64_t* labels, std::int64_t n, std::int64_t classes,
                  std::int64_t first = 0);

}  // namespace fastnn
