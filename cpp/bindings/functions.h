// Functions of C++ as Python calls them: def(module, "sum", "x, scale=1.0", sum_array), with the signature as Python
// writes it. One dispatcher finds the arguments of all of them, and functions of one type share what converts these:
// pybind11's own functions are 2 KB each.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/check.h"

namespace fastnn {

namespace py = pybind11;

struct Function;
using Caller = py::object (*)(const Function& function, PyObject* const* arguments);

struct Function {
    const char* name;
    std::string signature;
    Caller call;
    void (*target)() = nullptr;  // of `call`, which knows the type of it and of the context
    const void* context = nullptr;
    std::vector<py::str> names = {};
    std::vector<py::object> defaults = {};  // null: has to be given
};

// An argument of another type, and what its function takes.
struct BadArgument {
    std::size_t place;
    std::string wanted;
};

template <typename T>
std::string kind_of() {
    if constexpr (std::is_same_v<T, bool>) return "a bool";
    if constexpr (std::is_integral_v<T>)
        return text("an int of ", 8 * sizeof(T), std::is_signed_v<T> ? " bits" : " bits from 0");
    if constexpr (std::is_floating_point_v<T>) return "a float";
    if constexpr (std::is_same_v<T, std::string>) return "a str";
    return "another type";
}

template <typename T>
py::detail::make_caster<T> argument(PyObject* const* arguments, std::size_t i) {
    py::detail::make_caster<T> caster;
    if (!caster.load(arguments[i], true)) throw BadArgument{i, kind_of<T>()};
    return caster;
}

template <typename T>
T value(PyObject* const* arguments, std::size_t i) {
    return py::detail::cast_op<T>(argument<std::decay_t<T>>(arguments, i));
}

// To call `target` of a type with these arguments.
template <typename Result, typename... Parameters, std::size_t... I>
py::object call_with(Result (*target)(Parameters...), PyObject* const* arguments, std::index_sequence<I...>) {
    using py::detail::cast_op;
    if constexpr (std::is_void_v<Result>) {
        target(cast_op<Parameters>(argument<std::decay_t<Parameters>>(arguments, I))...);
        return py::none();
    } else if constexpr (std::is_base_of_v<py::object, Result>) {
        return target(cast_op<Parameters>(argument<std::decay_t<Parameters>>(arguments, I))...);
    } else {
        return py::cast(target(cast_op<Parameters>(argument<std::decay_t<Parameters>>(arguments, I))...));
    }
}

template <typename Result, typename... Parameters>
py::object call_target(const Function& function, PyObject* const* arguments) {
    return call_with(reinterpret_cast<Result (*)(Parameters...)>(function.target), arguments,
                     std::index_sequence_for<Parameters...>());
}

// A function of a module, or a method of a class, whose first argument is the object.
void define(const py::handle& scope, Function function, const char* doc = "");

// What is read, and written where there is a function for it; both with this context.
void define_property(const py::handle& scope, const char* name, Caller get, Caller set, const void* context);

template <typename Result, typename... Parameters>
Function function_of(const char* name, const char* signature, Result (*target)(Parameters...)) {
    return {name, signature, call_target<Result, Parameters...>, reinterpret_cast<void (*)()>(target)};
}

template <typename F>
void def(const py::handle& scope, const char* name, const char* signature, F function, const char* doc = "") {
    define(scope, function_of(name, signature, +function), doc);
}

// Member functions as functions: method<&Plan::buffer>.
template <auto member>
struct Method;
template <typename C, typename Result, typename... Parameters, Result (C::*member)(Parameters...)>
struct Method<member> {
    static Result call(C& self, Parameters... parameters) { return (self.*member)(parameters...); }
};
template <typename C, typename Result, typename... Parameters, Result (C::*member)(Parameters...) const>
struct Method<member> {
    static Result call(const C& self, Parameters... parameters) { return (self.*member)(parameters...); }
};
template <auto member>
constexpr auto method = Method<member>::call;

template <typename C, typename T>
T& field(const Function& function, PyObject* const* arguments) {
    T C::* member;
    std::memcpy(&member, &function.context, sizeof member);
    return value<C&>(arguments, 0).*member;
}

template <typename C, typename T>
py::object get_field(const Function& function, PyObject* const* arguments) {
    return py::cast(field<C, T>(function, arguments));
}

template <typename C, typename T>
py::object set_field(const Function& function, PyObject* const* arguments) {
    field<C, T>(function, arguments) = value<T>(arguments, 1);
    return py::none();
}

// A data member to read, and to write.
template <typename C, typename T>
void def_field(const py::handle& scope, const char* name, T C::* member, bool written = true) {
    const void* context;
    static_assert(sizeof member == sizeof context);
    std::memcpy(&context, &member, sizeof member);
    define_property(scope, name, get_field<C, T>, written ? set_field<C, T> : nullptr, context);
}

}  // namespace fastnn
