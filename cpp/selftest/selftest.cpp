// fastnn_selftest FILE: a recorded step, run by the plan on each ISA that this CPU has and by one, two and three
// threads. Without Python, so that the core can be tried where there is none: on another system, under an emulator.
//
// tests/helpers/program_text.py writes FILE (its words are explained there) and knows what the result must be. Prints a
// line a run, "ISA THREADS HASH", and exits with 1 where two of them differ.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "kernels/dispatch.h"
#include "ops/dense.h"
#include "plan/plan.h"

namespace fastnn {
namespace {

class Replay {
public:
    explicit Replay(std::istream& text) : text_(text), program_(plan_.program()) {}

    std::uint64_t run() {
        std::string kind;
        while (text_ >> kind) line(kind);
        return hash_;
    }

private:
    template <typename T>
    T next() {
        T value{};
        if (!(text_ >> value)) throw std::runtime_error("the file ends within a line, or has a word out of place");
        return value;
    }

    double real() { return std::strtod(next<std::string>().c_str(), nullptr); }

    template <typename T>
    std::vector<T> list() {
        std::vector<T> values(next<std::size_t>());
        for (T& value : values) value = next<T>();
        return values;
    }

    void line(const std::string& kind) {
        if (kind == "buffer") return static_cast<void>(plan_.buffer(next<std::int64_t>()));
        if (kind == "view") return view();
        if (kind == "write") return write();
        if (kind == "op") return op();
        if (kind == "run") return steps();
        if (kind == "result") return result(next<int>());
        throw std::runtime_error("no line begins with " + kind);
    }

    DType dtype() {
        const auto name = next<std::string>();
        for (const DType each : {DType::float32, DType::float64, DType::int64, DType::uint8, DType::boolean}) {
            if (name == dtype_name(each)) return each;
        }
        throw std::runtime_error("unknown type " + name);
    }

    // A weight's panels are as wide as the kernels want them, so its memory is its own.
    void view() {
        int buffer = next<int>();
        const auto offset = next<std::int64_t>();
        const DType type = dtype();
        const bool panels = next<int>() != 0;
        const auto shape = list<std::int64_t>(), strides = list<std::int64_t>();
        const std::int64_t width = type == DType::float64 ? kernels<double>().panel : kernels<float>().panel;
        if (panels) {
            std::int64_t size = item_size(type);
            for (std::size_t i = 0; i < shape.size(); ++i)
                size *= i == 0 ? (shape[i] + width - 1) / width * width : shape[i];
            buffer = plan_.buffer(size);
        }
        plan_.view(buffer, offset, shape, strides, type, panels ? width : 0);
    }

    // The elements of a view in C order.
    template <typename F>
    static void each_element(const TensorView& view, const F& f) {
        std::vector<std::int64_t> at(static_cast<std::size_t>(view.rank));
        for (std::int64_t done = 0, count = view.size(); done < count; ++done) {
            std::int64_t place = 0;
            for (int i = 0; i < view.rank; ++i) place += at[static_cast<std::size_t>(i)] * view.stride[i];
            f(view.as<char>() + place * item_size(view.dtype), done * item_size(view.dtype));
            for (int i = view.rank - 1; i >= 0 && ++at[static_cast<std::size_t>(i)] == view.shape[i]; --i)
                at[static_cast<std::size_t>(i)] = 0;
        }
    }

    // The same without panels, on memory of the caller's.
    static TensorView strided(const TensorView& view, std::vector<char>& memory) {
        memory.resize(static_cast<std::size_t>(view.size() * item_size(view.dtype)));
        TensorView plain = view;
        plain.panels = {};
        plain.data = memory.data();
        plain.stride = {};
        plain.stride = dense_strides(plain);
        return plain;
    }

    void write() {
        const TensorView& view = plan_.at(next<int>());
        const auto digits = next<std::string>();
        const auto size = static_cast<std::size_t>(item_size(view.dtype));
        std::vector<char> bytes(digits.size() / 2), memory;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<char>(std::strtoul(digits.substr(2 * i, 2).c_str(), nullptr, 16));
        if (bytes.size() != static_cast<std::size_t>(view.size()) * size)
            throw std::runtime_error("values are missing");
        const TensorView plain = view.panels ? strided(view, memory) : view;
        each_element(plain, [&](char* element, std::int64_t from) { std::memcpy(element, bytes.data() + from, size); });
        plan_.written(view);
        if (view.panels) pack_weight(plain, view);
    }

    void op() {
        const auto name = next<std::string>();
        const auto in = list<int>(), out = list<int>();
        Attributes attributes;
        for (auto count = next<int>(); count > 0; --count) {
            const auto key = next<std::string>();
            attributes[key] = attribute(next<char>());
        }
        plan_.emit(program_, name, in, out, attributes, state());
    }

    AttributeValue attribute(char kind) {
        if (kind == 'b') return next<int>() != 0;
        if (kind == 'i') return next<std::int64_t>();
        if (kind == 'r') return real();
        return list<std::int64_t>();
    }

    State state() {
        const auto kind = next<std::string>();
        if (kind == "dropout") {
            auto draw = std::make_shared<DropoutDraw>();
            draw->seed = next<std::uint64_t>();
            draw->call = next<std::uint32_t>();
            draw->module = next<std::uint32_t>();
            return draw;
        }
        if (kind != "adam") return {};
        auto adam = std::make_shared<AdamSettings>();
        for (double* const value : {&adam->lr, &adam->beta1, &adam->beta2, &adam->eps, &adam->weight_decay})
            *value = real();
        adam->set_step(next<std::int64_t>());
        return Settings(adam);
    }

    void steps() {
        plan_.set_io(program_, missing_view, missing_view, missing_view, missing_view);
        for (auto count = next<int>(); count > 0; --count) plan_.run(program_, nullptr, {}, nullptr, nullptr);
    }

    // FNV-1a over the elements' bytes in C order; a processor that runs this has the least one first.
    void result(int number) {
        const TensorView& view = plan_.at(number);
        std::vector<char> memory;
        const TensorView plain = view.panels ? strided(view, memory) : view;
        if (view.panels) unpack_weight(view, plain);
        each_element(plain, [&](const char* element, std::int64_t) {
            for (std::int64_t i = 0; i < item_size(view.dtype); ++i)
                hash_ = (hash_ ^ static_cast<unsigned char>(element[i])) * 0x100000001b3;
        });
    }

    std::istream& text_;
    Plan plan_;
    int program_;
    std::uint64_t hash_ = 0xcbf29ce484222325;
};

int run_all(const char* path) {
    std::set<std::uint64_t> hashes;
    for (const Isa& isa : isa_levels()) {
        if (!isa.supported) continue;
        select_isa(isa.table->name);
        for (const int threads : {1, 2, 3}) {
            set_num_threads(threads);
            std::ifstream text(path);
            if (!text) throw std::runtime_error(std::string("cannot read ") + path);
            const std::uint64_t hash = Replay(text).run();
            std::cout << isa.table->name << ' ' << threads << ' ' << std::hex << hash << std::dec << std::endl;
            hashes.insert(hash);
        }
    }
    return hashes.size() == 1 ? 0 : 1;
}

}  // namespace
}  // namespace fastnn

int main(int argc, char** argv) {
    int code = 2;
    try {
        if (argc == 2) {
            code = fastnn::run_all(argv[1]);
        } else {
            std::cerr << "usage: fastnn_selftest FILE\n";
        }
    } catch (const std::exception& error) {
        std::cerr << "fastnn_selftest: " << error.what() << '\n';
    }
    // Not by return: mingw-w64 frees the memory of a thread's objects before their destructors run.
    std::cout.flush();
    std::_Exit(code);
}
