#include "ops/pow.h"

#include <algorithm>
#include <cmath>

namespace fastnn {

namespace {

constexpr std::int64_t at_once = 64;  // elements on the stack at a time for the powers that go through double

template <typename T>
T whole_power(T x, std::int64_t exponent) {
    T result = 1, square = x;
    for (std::int64_t rest = exponent < 0 ? -exponent : exponent; rest > 0; rest /= 2) {
        if (rest % 2 == 1) result = result * square;
        if (rest > 1) square = square * square;
    }
    return exponent < 0 ? T(1) / result : result;
}

template <typename T>
void power(std::int64_t n, const T* x, double exponent, T* y) {
    const auto whole = static_cast<std::int64_t>(std::abs(exponent) <= 64 ? exponent : 0);
    if (static_cast<double>(whole) == exponent) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = whole_power(x[i], whole);
    } else if (exponent == 0.5) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = std::sqrt(x[i]);
    } else {
        for (std::int64_t start = 0; start < n; start += at_once) {
            const std::int64_t count = std::min(at_once, n - start);
            double work[at_once];
            std::copy_n(x + start, count, work);
            kernels<double>().log(count, work, work);
            kernels<double>().multiply(count, work, 1, &exponent, 0, work);
            kernels<double>().exp(count, work, work);
            for (std::int64_t i = 0; i < count; ++i) y[start + i] = static_cast<T>(work[i]);
        }
    }
}

}  // namespace

const Map pow_op = {
    Facts("pow").array("x").attribute("exponent", Argument::Kind::real).costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("pow", x, y); },
    [](Range part, const double* exponent, const TensorView& x, const TensorView& y) {
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            power(part.end - part.begin, x.as<T>() + part.begin, *exponent, y.as<T>() + part.begin);
        });
    },
};

const MapBackward pow_backward_op = {
    Facts("pow_backward")
        .array("grad_y")
        .array("x")
        .attribute("exponent", Argument::Kind::real)
        .costs(transcendental)
        .row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("pow_backward", grad_y, x, grad_x);
    },
    [](Range part, const double* exponent, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            const std::int64_t n = part.end - part.begin;
            T* const out = grad_x.as<T>() + part.begin;
            const T factor = static_cast<T>(*exponent);
            power(n, x.as<T>() + part.begin, *exponent - 1, out);
            kernels<T>().multiply(n, out, 1, &factor, 0, out);
            kernels<T>().multiply(n, out, 1, grad_y.as<T>() + part.begin, 1, out);
        });
    },
    false,
};

}  // namespace fastnn
