#include "bindings/functions.h"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <string_view>
#include <variant>

#include "bindings/bindings.h"

namespace fastnn {

namespace {

constexpr std::size_t most_arguments = 12;

// "x, stride=(1, 1)": x and stride=(1, 1).
std::vector<std::string> pieces_of(std::string_view signature) {
    std::vector<std::string> pieces;
    int depth = 0;
    bool between = true;
    for (const char letter : signature) {
        depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
        if (between && letter != ' ') pieces.emplace_back();
        between = depth == 0 && (letter == ',' || (between && letter == ' '));
        if (!between) pieces.back() += letter;
    }
    return pieces;
}

// What a default's text means to Python; most are one of a few.
py::object value_of(const std::string& text) {
    static auto& known = *new py::dict();
    const py::str key(text);
    if (!known.contains(key)) known[key] = py::module_::import("builtins").attr("eval")(key);
    return known[key];
}

std::string called_as(const Function& function) { return text(function.name, "(", function.signature, ")"); }

[[noreturn]] void refuse(const Function& function, const std::string& what) {
    fail_type(function.name, what, ": it is ", called_as(function));
}

std::size_t place_of(const Function& function, PyObject* name) {
    const auto& names = function.names;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].ptr() == name) return i;  // both interned
    }
    const auto found =
        std::find_if(names.begin(), names.end(), [name](const py::str& each) { return each.equal(py::handle(name)); });
    if (found == names.end()) refuse(function, text("there is no argument ", py::str(name).cast<std::string>()));
    return static_cast<std::size_t>(found - names.begin());
}

// The arguments in their places: those without a name, then those with one, then what is so by default.
void place(const Function& function, PyObject* const* given, std::size_t count, PyObject* keywords, PyObject** places) {
    const std::size_t wanted = function.names.size();
    if (count > wanted) refuse(function, text("there are ", count, " arguments"));
    std::fill(std::copy_n(given, count, places), places + wanted, nullptr);
    const std::size_t named = keywords == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(keywords));
    for (std::size_t i = 0; i < named; ++i) {
        const std::size_t at = place_of(function, PyTuple_GET_ITEM(keywords, static_cast<Py_ssize_t>(i)));
        if (places[at] != nullptr) refuse(function, text(std::string(function.names[at]), " is given twice"));
        places[at] = given[count + i];
    }
    for (std::size_t i = 0; i < wanted; ++i) {
        if (places[i] == nullptr) places[i] = function.defaults[i].ptr();
        if (places[i] == nullptr) refuse(function, text(std::string(function.names[i]), " is missing"));
    }
}

[[noreturn]] void refuse(const Function& function, const BadArgument& bad, PyObject* const* arguments) {
    const py::handle value = arguments[bad.place];
    const bool number = PyLong_Check(value.ptr()) || PyFloat_Check(value.ptr());
    const std::string found = py::str(number ? py::repr(value) : py::type::handle_of(value).attr("__name__"));
    refuse(function, text(std::string(function.names[bad.place]), ": expected ", bad.wanted, ", got ", found));
}

// Sets Python's error to one of a kind; with its fault, where it has one.
void set_error(const py::handle& kind, const Error& error) {
    if (error.fault.code == nullptr) return py::set_error(kind, error.what());
    try {
        py::dict fields;
        for (const auto& [name, value] : error.fault.fields) {
            fields[name] = std::visit([](const auto& held) -> py::object { return py::cast(held); }, value);
        }
        const py::object told = py::module_::import("fastnn.errors").attr("told");
        PyErr_SetObject(kind.ptr(), told(kind(error.what()), error.fault.code, **fields).ptr());
    } catch (py::error_already_set& raised) {
        raised.restore();
    }
}

PyObject* call(const Function& function, PyObject* const* given, std::size_t count, PyObject* keywords) {
    std::array<PyObject*, most_arguments> places;
    if (keywords != nullptr || count != function.names.size()) {
        place(function, given, count, keywords, places.data());
        given = places.data();
    }
    try {
        return function.call(function, given).release().ptr();
    } catch (const BadArgument& bad) {
        refuse(function, bad, given);
    } catch (const py::reference_cast_error&) {
        refuse(function, "an object is None");
    }
}

PyObject* dispatch(PyObject* self, PyObject* const* given, Py_ssize_t count, PyObject* keywords) {
    const auto& function = *static_cast<const Function*>(PyCapsule_GetPointer(self, nullptr));
    try {
        return call(function, given, static_cast<std::size_t>(count), keywords);
    } catch (...) {
        set_error_of(std::current_exception());
    }
    return nullptr;
}

// Python's function, for as long as the process lasts.
py::object made(Function function, const char* doc) {
    for (const std::string& piece : pieces_of(function.signature)) {
        const std::size_t end = std::min(piece.find('='), piece.size());
        function.names.push_back(
            py::reinterpret_steal<py::str>(PyUnicode_InternFromString(piece.substr(0, end).c_str())));
        function.defaults.push_back(end < piece.size() ? value_of(piece.substr(end + 1)) : py::object());
    }
    if (function.names.size() > most_arguments) throw std::logic_error(called_as(function));
    struct Made {
        Function function;
        std::string doc;
        PyMethodDef method;
    };
    auto& kept = *new Made{std::move(function), {}, {}};
    kept.doc = text(called_as(kept.function), "\n\n", doc);
    const auto entry = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(dispatch));
    kept.method = {kept.function.name, entry, METH_FASTCALL | METH_KEYWORDS, kept.doc.c_str()};
    const py::capsule self(&kept.function);
    return py::reinterpret_steal<py::object>(PyCFunction_New(&kept.method, self.ptr()));
}

}  // namespace

void set_error_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (py::error_already_set& raised) {
        raised.restore();
    } catch (const py::builtin_exception& raised) {
        raised.set_error();
    } catch (const ValueError& raised) {
        set_error(PyExc_ValueError, raised);
    } catch (const TypeError& raised) {
        set_error(PyExc_TypeError, raised);
    } catch (const std::bad_alloc& raised) {
        py::set_error(PyExc_MemoryError, raised.what());
    } catch (const std::logic_error& raised) {  // a vector's length, an array that may not be written
        py::set_error(PyExc_ValueError, raised.what());
    } catch (const std::exception& raised) {
        py::set_error(PyExc_RuntimeError, raised.what());
    }
}

void define(const py::handle& scope, Function function, const char* doc) {
    const char* const name = function.name;
    py::object made_one = made(std::move(function), doc);
    if (PyType_Check(scope.ptr())) made_one = py::reinterpret_steal<py::object>(PyInstanceMethod_New(made_one.ptr()));
    scope.attr(name) = made_one;
}

void define_property(const py::handle& scope, const char* name, Caller get, Caller set, const void* context) {
    const py::object property = py::module_::import("builtins").attr("property");
    const py::object setter = set == nullptr ? py::none() : made({name, "self, value", set, nullptr, context}, "");
    scope.attr(name) = property(made({name, "self", get, nullptr, context}, ""), setter);
}

}  // namespace fastnn
