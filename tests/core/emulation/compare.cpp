// Runs every kernel of the emulated avx512 table (or of FASTNN_COMPARED, on its machine) and of the scalar table on the
// same numbers and compares the bytes. Prints "N comparisons, M differences"; one line for the first difference of each
// kernel. With the argument "fault" one comparison's numbers are changed, which must be seen.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/kernel_table.h"

#if !defined(FASTNN_COMPARED)
#define FASTNN_COMPARED avx512
#endif

namespace fastnn::scalar {
extern const KernelTable kernel_table;
}  // namespace fastnn::scalar
namespace fastnn::FASTNN_COMPARED {
extern const KernelTable kernel_table;
}  // namespace fastnn::FASTNN_COMPARED
namespace compared = fastnn::FASTNN_COMPARED;

namespace {

using namespace fastnn;

long comparisons = 0, differences = 0;
std::set<std::string> named;

template <typename T>
void compare(const char* kernel, std::int64_t n, const std::vector<T>& a, const std::vector<T>& b) {
    ++comparisons;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const bool both_nan = a[i] != a[i] && b[i] != b[i];  // payloads of NaN are not promised
        if (both_nan || std::memcmp(&a[i], &b[i], sizeof(T)) == 0) continue;
        ++differences;
        if (named.insert(kernel).second)
            std::printf("%s, n = %ld: element %zu is %a and %a\n", kernel, long(n), i, double(a[i]), double(b[i]));
        return;
    }
}

std::mt19937 generator(1);

template <typename T>
std::vector<T> numbers(std::size_t n) {
    std::normal_distribution<double> normal;
    std::uniform_int_distribution<int> kind(0, 40);
    const double special[] = {0.0,    -0.0,  1e-42,  -1e-310,  1e30,      -1e30, 88.9,
                              -104.5, 710.1, -746.0, HUGE_VAL, -HUGE_VAL, NAN};
    std::vector<T> x(n);
    for (T& value : x) {
        const int k = kind(generator);
        value = static_cast<T>(k < 13 ? special[k] : normal(generator) * (k % 2 ? 1 : 20));
    }
    return x;
}

template <typename T, typename F>
void both(const char* name, std::int64_t n, std::vector<T> start, F f) {
    std::vector<T> other = start;
    f(scalar::kernel_table.f32, start.data());
    f(compared::kernel_table.f32, other.data());
    compare(name, n, start, other);
}

template <typename T>
void elementwise(std::int64_t n) {
    const auto size = static_cast<std::size_t>(n);
    const std::vector<T> x = numbers<T>(size + 3), y = numbers<T>(size + 3), blank(size + 3, T(7));
    using K = Kernels<T>;
#define UNARY(kernel) both<T>(#kernel, n, blank, [&](const K& k, T* out) { k.kernel(n, x.data() + 1, out + 1); })
#define PAIR(kernel) \
    both<T>(#kernel, n, blank, [&](const K& k, T* out) { k.kernel(n, x.data() + 1, y.data() + 2, out + 1); })
#define BINARY(kernel)                   \
    for (int step = 0; step < 2; ++step) \
    both<T>(#kernel, n, blank, [&](const K& k, T* out) { k.kernel(n, x.data(), 1, y.data() + 1, step, out + 2); })
    UNARY(relu);
    UNARY(sigmoid);
    UNARY(tanh);
    UNARY(exp);
    UNARY(log);
    PAIR(relu_backward);
    PAIR(sigmoid_backward);
    PAIR(tanh_backward);
    UNARY(silu);
    PAIR(silu_backward);
    UNARY(gelu);
    PAIR(gelu_backward);
    UNARY(gelu_tanh);
    PAIR(gelu_tanh_backward);
    UNARY(softplus);
    PAIR(softplus_backward);
    both<T>("elu", n, blank, [&](const K& k, T* out) { k.elu(n, x.data() + 1, T(0.7), out + 1); });
    both<T>("elu_backward", n, blank,
            [&](const K& k, T* out) { k.elu_backward(n, x.data() + 1, y.data() + 2, T(0.7), out + 1); });
    both<T>("clamp", n, blank, [&](const K& k, T* out) { k.clamp(n, x.data() + 1, T(-0.3), T(0.5), out + 1); });
    both<T>("clamp_backward", n, blank,
            [&](const K& k, T* out) { k.clamp_backward(n, x.data() + 1, y.data() + 2, T(-0.3), T(0.5), out + 1); });
    both<T>("leaky_relu", n, blank, [&](const K& k, T* out) { k.leaky_relu(n, x.data() + 1, T(-0.3), out + 1); });
    both<T>("leaky_relu_backward", n, blank,
            [&](const K& k, T* out) { k.leaky_relu_backward(n, x.data() + 1, y.data() + 2, T(-0.3), out + 1); });
    BINARY(add);
    BINARY(subtract);
    BINARY(multiply);
    BINARY(divide);
    if (n > 0) {
        UNARY(softmax);
        UNARY(log_softmax);
        PAIR(softmax_backward);
        PAIR(log_softmax_backward);
    }
    const std::vector<T> rows = numbers<T>(3 * size + 1);
    both<T>("column_sums", n, blank, [&](const K& k, T* out) { k.column_sums(3, n, rows.data() + 1, n, out); });
    both<T>("sum", n, blank, [&](const K& k, T* out) { out[0] = k.sum(n, x.data() + 1); });
    both<T>("max", n, blank, [&](const K& k, T* out) { out[0] = k.max(n, x.data() + 1); });
}

template <typename T>
void losses(std::int64_t n) {
    const auto size = static_cast<std::size_t>(n);
    const std::vector<T> x = numbers<T>(size), y = numbers<T>(size), blank(size + 1, T(0));
    using K = Kernels<T>;
    both<T>("cross_entropy", n, blank,
            [&](const K& k, T* out) { out[n] = k.cross_entropy(n, x.data(), n / 2, T(0.125), T(0.25), out); });
    both<T>("mse", n, blank, [&](const K& k, T* out) { out[n] = k.mse(n, x.data(), y.data(), T(0.25), out); });
    both<T>("bce", n, blank,
            [&](const K& k, T* out) { out[n] = k.bce_with_logits(n, x.data(), y.data(), T(0.25), out); });
}

template <typename T>
void updates(std::int64_t n) {
    const auto size = static_cast<std::size_t>(n);
    const std::vector<T> g = numbers<T>(size), state = numbers<T>(3 * size);
    using K = Kernels<T>;
    for (int variant = 0; variant < 4; ++variant) {
        const AdamScalars<T> adam{T(0.9),
                                  T(0.1),
                                  T(0.999),
                                  T(0.001),
                                  T(0.01),
                                  T(1e-8),
                                  T(3e-18),
                                  T(variant & 1 ? 0.1 : 0),
                                  T(variant & 2 ? 0.99 : 1)};
        both<T>("adam", n, state, [&](const K& k, T* s) { k.adam(n, s, g.data(), s + n, s + 2 * n, adam); });
        const SgdScalars<T> sgd{T(0.1), T(0.9), T(1), T(variant & 1 ? 0.1 : 0), (variant & 2) != 0, variant == 3};
        both<T>("sgd", n, state, [&](const K& k, T* s) { k.sgd(n, s, g.data(), variant ? s + n : nullptr, sgd); });
        const RmspropScalars<T> rms{
            T(0.1), T(0.9), T(0.1), T(1e-8), T(1e-18), T(variant & 1 ? 0.1 : 0), T(0.5), (variant & 2) != 0};
        both<T>("rmsprop", n, state,
                [&](const K& k, T* s) { k.rmsprop(n, s, g.data(), s + n, variant ? s + 2 * n : nullptr, rms); });
    }
}

template <typename T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k_length, int variant, bool fault) {
    const std::vector<T> a = numbers<T>(static_cast<std::size_t>(m * k_length)),
                         b = numbers<T>(static_cast<std::size_t>(k_length * n));
    const std::vector<T> bias = numbers<T>(static_cast<std::size_t>(n)),
                         start = numbers<T>(static_cast<std::size_t>(m * n));
    // Tables differ in panel width: each walks its own panels over the same row-major B and C.
    both<T>("gemm", m * 10000 + n * 100 + k_length, start, [&](const Kernels<T>& kernel, T* c) {
        for (std::int64_t first = 0; first < n; first += kernel.panel) {
            GemmArgs<T> args{};
            args.a = a.data();
            args.a_row = variant & 1 ? 1 : k_length;
            args.a_col = variant & 1 ? m : 1;
            args.b = b.data() + first;
            args.b_row = n;
            args.c = c + first;
            args.c_row = n;
            args.m = m;
            args.n = n - first < kernel.panel ? n - first : kernel.panel;
            args.k =
                fault && static_cast<const void*>(&kernel) == &compared::kernel_table.f32 ? k_length - 1 : k_length;
            args.resume = (variant & 4) != 0;
            args.bias = variant & 8 ? bias.data() + first : nullptr;
            args.relu = (variant & 2) != 0;
            kernel.gemm(args);
        }
    });
}

template <typename T>
void gemv(std::int64_t n, std::int64_t k_length, bool plain) {
    const std::vector<T> x = numbers<T>(static_cast<std::size_t>(2 * k_length + 1)),
                         b = numbers<T>(static_cast<std::size_t>(k_length * (n + 3))),
                         bias = numbers<T>(static_cast<std::size_t>(n));
    both<T>("gemv", n * 100 + k_length, std::vector<T>(static_cast<std::size_t>(n)), [&](const Kernels<T>& k, T* y) {
        k.gemv({x.data(), plain ? 1 : 2, b.data(), n + 3, y, n, k_length, plain ? nullptr : bias.data(), !plain});
    });
}

// The columns that are not zero, and the product without the others.
template <typename T>
void zeros(std::int64_t m, std::int64_t n) {
    using K = Kernels<T>;
    std::vector<T> a = numbers<T>(static_cast<std::size_t>(m * n));
    for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t i = 0; i < m && j % 3 != 1; ++i)
            a[static_cast<std::size_t>(i * n + j)] = T(i % 2 ? 0.0 : -0.0);
    }
    const auto columns = [&](const K& k, std::vector<std::int32_t>& index) {
        index.assign(static_cast<std::size_t>(n + index_ahead), -1);
        return k.live_columns(m, n, a.data(), n, index.data());
    };
    both<T>("live_columns", n, std::vector<T>(static_cast<std::size_t>(n + index_ahead + 1)), [&](const K& k, T* out) {
        std::vector<std::int32_t> index;
        *out++ = static_cast<T>(columns(k, index));
        for (const std::int32_t column : index) *out++ = static_cast<T>(column);
    });
    both<T>("finite", n, std::vector<T>(1), [&](const K& k, T* out) { *out = k.finite(n, a.data()); });
    constexpr std::int64_t outputs = 64;  // a multiple of every panel
    std::vector<T> b = numbers<T>(static_cast<std::size_t>(n * outputs));
    for (T& value : b) value = value - value == 0 ? value : T(1);
    both<T>("gemm with an index", n, std::vector<T>(static_cast<std::size_t>(m * outputs)), [&](const K& k, T* c) {
        std::vector<std::int32_t> index;
        GemmArgs<T> args{};
        args.k = columns(k, index);
        args.index = index.data();
        std::vector<T> panel(static_cast<std::size_t>(n * k.panel));
        for (std::int64_t first = 0; first < outputs; first += k.panel) {
            for (std::int64_t i = 0; i < n * k.panel; ++i)
                panel[static_cast<std::size_t>(i)] =
                    b[static_cast<std::size_t>(i / k.panel * outputs + first + i % k.panel)];
            args.a = a.data();
            args.a_row = n;
            args.a_col = 1;
            args.b = panel.data();
            args.b_row = args.n = k.panel;
            args.c = c + first;
            args.c_row = outputs;
            args.m = m;
            k.gemm(args);
        }
    });
}

// Rows by a list are those of the product of all rows; the others stay. A is read down its columns.
template <typename T>
void listed(std::int64_t m, std::int64_t k_length, bool resume) {
    constexpr std::int64_t outputs = 64;  // a multiple of every panel
    const std::vector<T> a = numbers<T>(static_cast<std::size_t>(m * k_length)),
                         b = numbers<T>(static_cast<std::size_t>(outputs * k_length)),
                         start = numbers<T>(static_cast<std::size_t>(outputs * m));
    std::vector<std::int32_t> rows;
    for (std::int64_t i = 0; i < m; ++i) {
        if (i % 7 != 1 && i % 3 != 2) rows.push_back(static_cast<std::int32_t>(i));
    }
    const auto product = [&](const Kernels<T>& k, bool all, T* c) {
        for (std::int64_t first = 0; first < outputs; first += k.panel) {
            GemmArgs<T> args{};
            args.a = a.data();
            args.a_row = 1;
            args.a_col = m;
            args.b = b.data() + first;
            args.b_row = args.c_row = outputs;
            args.c = c + first;
            args.m = all ? m : static_cast<std::int64_t>(rows.size());
            args.n = k.panel;
            args.k = k_length;
            args.resume = resume;
            args.rows = all ? nullptr : rows.data();
            k.gemm(args);
        }
    };
    both<T>("gemm of listed rows", m * 100 + k_length, start, [&](const Kernels<T>& k, T* c) {
        std::vector<T> expected = start, all = start;
        product(k, true, all.data());
        for (const std::int32_t row : rows)
            std::copy_n(all.begin() + row * outputs, outputs, expected.begin() + row * outputs);
        product(k, false, c);
        compare("listed rows and all", m * 100 + k_length, expected, std::vector<T>(c, c + outputs * m));
    });
}

template <typename T>
void pixels(std::int64_t n) {
    std::vector<std::uint8_t> x(static_cast<std::size_t>(n));
    for (auto& value : x) value = static_cast<std::uint8_t>(generator());
    for (const bool normalise : {false, true}) {
        both<T>("from_uint8", n, std::vector<T>(x.size() + 1),
                [&](const Kernels<T>& k, T* out) { k.from_uint8(n, x.data(), normalise, T(0.1307), T(0.3081), out); });
    }
}

// Images of n channels, two of five pixels: sums, normalisation, windows, patches.
template <typename T>
void images(std::int64_t n) {
    using K = Kernels<T>;
    constexpr std::int64_t pixels = 5;
    const auto size = static_cast<std::size_t>(n);
    const std::vector<T> x = numbers<T>(2 * pixels * size), y = numbers<T>(2 * pixels * size),
                         values = numbers<T>(4 * size), blank(2 * pixels * size + 64, T(0));
    const std::vector<double> mean = numbers<double>(size);
    const auto sums = [&](const char* name, auto f) {
        both<T>(name, n, std::vector<T>(2 * size), [&](const K& k, T* out) {
            std::vector<double> total(2 * size);
            f(k, total.data());
            std::transform(total.begin(), total.end(), out, [](double value) { return static_cast<T>(value); });
        });
    };
    sums("channel_sums", [&](const K& k, double* out) { k.channel_sums(2, pixels, n, x.data(), out); });
    sums("channel_squares",
         [&](const K& k, double* out) { k.channel_squares(2, pixels, n, x.data(), mean.data(), out); });
    sums("channel_products", [&](const K& k, double* out) {
        k.channel_products(1, pixels, n, y.data(), x.data(), mean.data(), out, out + n);
    });
    const T *a = values.data(), *b = a + n, *c = b + n, *d = c + n;
    both<T>("normalise", n, blank, [&](const K& k, T* out) { k.normalise(2 * pixels, n, x.data(), a, b, c, out); });
    both<T>("normalise_backward", n, blank,
            [&](const K& k, T* out) { k.normalise_backward(2 * pixels, n, y.data(), x.data(), a, b, c, d, out); });
    const std::int64_t taps[] = {0, n, 3 * n};  // of three windows, two pixels apart
    const std::int64_t weights[] = {0, 2 * n, n};
    for (const bool relu : {false, true}) {
        both<T>("depthwise", n, blank, [&](const K& k, T* out) {
            k.depthwise({3, n, x.data(), 2 * n, taps, weights, 3, y.data(), relu ? a : nullptr, relu, out, n});
        });
        both<T>("depthwise of one tap", n, blank, [&](const K& k, T* out) {
            k.depthwise({10, n, x.data(), n, taps, weights, 1, y.data(), a, relu, out, n});
        });
    }
    both<T>("depthwise_gradient", n, blank,
            [&](const K& k, T* out) { k.depthwise_gradient(5, n, y.data(), x.data(), n, out); });
    const T divisors[] = {T(3), T(7), T(2)};
    both<T>("max_pool", n, blank, [&](const K& k, T* out) { k.max_pool(3, n, x.data(), 2 * n, taps, 3, out); });
    both<T>("max_pool_backward", n, blank,
            [&](const K& k, T* out) { k.max_pool_backward(3, n, y.data(), x.data(), 2 * n, taps, 3, false, out); });
    const std::int64_t beside[] = {0, n, 4 * n, 5 * n};  // of two windows of 2 x 2 in lines of 4 pixels
    both<T>("max_pool of four", n, blank,
            [&](const K& k, T* out) { k.max_pool(2, n, x.data(), 2 * n, beside, 4, out); });
    both<T>("max_pool_backward, apart", n, blank,
            [&](const K& k, T* out) { k.max_pool_backward(2, n, y.data(), x.data(), 2 * n, beside, 4, true, out); });
    both<T>("avg_pool", n, blank,
            [&](const K& k, T* out) { k.avg_pool(3, n, x.data(), 2 * n, taps, 3, divisors, out); });
    both<T>("avg_pool_backward", n, blank, [&](const K& k, T* out) {
        k.avg_pool_backward(3, n, y.data(), divisors, 2 * n, taps, 3, n % 2 == 0, out);
    });
}

// Lines of windows of 2 x 2 of few channels: several of them in a vector.
template <typename T>
void windows(std::int64_t n) {
    using K = Kernels<T>;
    for (const std::int64_t m : {1, 7, 17}) {
        const std::int64_t line = 2 * m * n, taps[] = {0, n, line, line + n};
        const std::vector<T> x = numbers<T>(static_cast<std::size_t>(2 * line)),
                             y = numbers<T>(static_cast<std::size_t>(m * n)),
                             blank(static_cast<std::size_t>(2 * line), T(0));
        both<T>("max_pool of a line", n, blank,
                [&](const K& k, T* out) { k.max_pool(m, n, x.data(), 2 * n, taps, 4, out); });
        both<T>("max_pool_backward of a line", n, blank,
                [&](const K& k, T* out) { k.max_pool_backward(m, n, y.data(), x.data(), 2 * n, taps, 4, true, out); });
    }
}

// Pixels as columns: two lines of places, of which the last ones are no results.
template <typename T>
void planes(std::int64_t channels, std::int64_t outputs) {
    using K = Kernels<T>;
    const std::int64_t pitch = 45, width = 41, plane = 3 * pitch + 100;
    const std::vector<T> x = numbers<T>(static_cast<std::size_t>(pitch * channels)),
                         weight = numbers<T>(static_cast<std::size_t>(4 * channels * outputs)),
                         bias = numbers<T>(static_cast<std::size_t>(outputs));
    const std::vector<GemmRun> runs = {{0, 3}, {2 * channels * outputs, 0}};
    const std::vector<T> blank(static_cast<std::size_t>(2 * width * outputs + outputs), T(7));
    for (const bool relu : {false, true}) {
        both<T>("planes_product", outputs, blank, [&](const K& k, T* out) {
            std::vector<T> laid(static_cast<std::size_t>(channels * plane + k.places_computed(pitch + width)));
            for (std::int64_t line = 0; line < 3; ++line)
                k.turn_to_planes(pitch, channels, x.data(), channels, laid.data() + line * pitch, plane);
            k.planes_product({weight.data(), 1, outputs, laid.data(), plane, outputs, channels, runs.data(), 2,
                              pitch + width, pitch, width, relu ? bias.data() : nullptr, relu, out, width * outputs,
                              outputs});
        });
    }
}

// Planes of channels, and what they are turned into.
template <typename T>
void turned(std::int64_t channels, std::int64_t count) {
    const std::int64_t plane = count + 20, items = channels * count;
    const std::vector<T> x = numbers<T>(static_cast<std::size_t>(items));
    both<T>("turn_to_pixels", channels * 100 + count, std::vector<T>(static_cast<std::size_t>(items + 1), T(7)),
            [&](const Kernels<T>& k, T* out) {
                std::vector<T> planes(static_cast<std::size_t>(channels * plane));
                k.turn_to_planes(count, channels, x.data(), channels, planes.data(), plane);
                k.turn_to_pixels(count, channels, planes.data(), plane, out);
                compare("there and back", channels * 100 + count, x, std::vector<T>(out, out + items));
            });
}

// Chains in runs, from patches and from the images themselves; their rows lie where they are told to.
template <typename T>
void runs(std::int64_t length, std::int64_t outputs) {
    using K = Kernels<T>;
    const std::vector<T> x = numbers<T>(static_cast<std::size_t>(20 * length)),
                         b = numbers<T>(static_cast<std::size_t>(2 * length * outputs));
    const std::vector<GemmRun> in_image = {{0, 0}, {3 * length, length * outputs}},
                               in_patch = {{0, 0}, {length, length * outputs}};
    std::vector<std::int64_t> rows, places;
    for (std::int64_t i = 0; i < 15; ++i) {
        rows.push_back(i * length);
        places.push_back((14 - i) * outputs);
    }
    const auto multiply = [&](const K& k, bool gathered, T* c) {
        std::vector<T> patches(static_cast<std::size_t>(15 * 2 * length + 64));
        k.gather_patches(15, x.data(), rows.data(), in_image.data(), 2, length, patches.data(), 2 * length);
        for (std::int64_t first = 0; first < outputs; first += k.panel) {
            GemmArgs<T> args{};
            args.a = gathered ? patches.data() : x.data();
            args.a_row = gathered ? 2 * length : length;
            args.a_col = 1;
            args.b = b.data() + first;
            args.b_row = outputs;
            args.c = c + first;
            args.m = 15;
            args.n = std::min(k.panel, outputs - first);
            args.k = length;
            args.runs = gathered ? in_patch.data() : in_image.data();
            args.run_count = 2;
            args.places = places.data();
            k.gemm(args);
        }
    };
    for (const bool gathered : {false, true}) {
        both<T>("gemm in runs", outputs * 100 + length, std::vector<T>(static_cast<std::size_t>(15 * outputs)),
                [&](const K& k, T* c) { multiply(k, gathered, c); });
    }
}

template <typename T>
void all(bool fault) {
    for (std::int64_t n = 0; n <= 67; ++n) {
        elementwise<T>(n);
        updates<T>(n);
        pixels<T>(n);
        if (n > 0) losses<T>(n);
        if (n > 0) images<T>(n);
        if (n > 0) windows<T>(n);
        for (const std::int64_t k : {1, 3, 17}) runs<T>(k, n + 1);
        for (const std::int64_t m : {1, 5, 14, 17}) zeros<T>(m, n);
        for (const std::int64_t k : {0, 1, 7}) listed<T>(n, k, k == 7);
        for (const std::int64_t k : {0, 1, 7}) gemv<T>(9 * n + 1, k, k == 7);
    }
    for (std::int64_t outputs = 1; outputs <= most_plane_channels; ++outputs) {
        for (const std::int64_t channels : {1, 3, 16}) planes<T>(channels, outputs);
    }
    for (const std::int64_t channels : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33}) {
        for (const std::int64_t count : {1, 7, 16, 17, 33}) turned<T>(channels, count);
    }
    for (int variant = 0; variant < 16; ++variant) {
        for (const std::int64_t m : {1, 2, 5, 13, 14, 15, 29}) {
            for (const std::int64_t n : {1, 7, 8, 9, 16, 17, 31, 32, 33, 70}) {
                for (const std::int64_t k : {0, 1, 2, 7, 20}) gemm<T>(m, n, k, variant, fault && k == 20);
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool fault = argc > 1 && std::strcmp(argv[1], "fault") == 0;
    all<float>(fault);
    std::printf("%ld comparisons, %ld differences\n", comparisons, differences);
    return 0;
}
