// exp, log, tanh and sigmoid from + - x /, fma and bit moves only, so that every ISA gives the same bits. At most 2 ULP
// over all inputs (tests/ops/test_exp.py and its neighbours). Coefficients are plain Taylor coefficients; the degree is
// the smallest whose first left-out term stays under a tenth of half an ULP on the reduced range.

template <typename T>
struct Constant;

template <>
struct Constant<float> {
    static constexpr int mantissa_bits = 23;
    static constexpr std::uint32_t mantissa_mask = 0x007FFFFF, one = 0x3F800000, sign = 0x80000000,
                                   magnitude = 0x7FFFFFFF;
    static constexpr float bias = 127;
    static constexpr float infinity = __builtin_inff(), nan = __builtin_nanf("");
    static constexpr float round = 0x1.8p23f;  // adding it rounds |x| < 2^22 to an integer in the low bits
    static constexpr float integer = 0x1p23f;  // its bits or'ed with a small integer are 2^23 + that integer
    static constexpr float log2e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e430p-1f, ln2_low = -0x1.05c610p-29f;  // ln2 to 48 bits
    static constexpr float ln2_short = 0x1.62e4p-1f, ln2_rest = 0x1.7f7d1cp-20f;   // short: 15 bits, k * short is exact
    static constexpr float exp_low = -104, exp_high = 89;  // exp rounds to 0 below -103.98, to infinity above 88.73
    static constexpr float tanh_high = 10;                 // tanh(x) rounds to 1 above 9.02
    static constexpr float smallest_normal = 0x1p-126f, subnormal_scale = 0x1p24f, subnormal_shift = 24;
    static constexpr float least = 0x1p-100f;  // 2^26 smallest_normal: kernel_table.h
    static constexpr float sqrt2 = 0x1.6a09e6p+0f;
    static constexpr int exp_degree = 7;  // |r|^8 / 8! = 5e-9 for |r| <= ln2 / 2, half an ULP is 6e-8
    static constexpr int log_terms = 5;   // 2/13 z^6 = 1e-10 of R's 0.02 for z = s^2 <= 0.0295
};

template <>
struct Constant<double> {
    static constexpr int mantissa_bits = 52;
    static constexpr std::uint64_t mantissa_mask = 0x000FFFFFFFFFFFFF, one = 0x3FF0000000000000,
                                   sign = 0x8000000000000000, magnitude = 0x7FFFFFFFFFFFFFFF;
    static constexpr double bias = 1023;
    static constexpr double infinity = __builtin_inf(), nan = __builtin_nan("");
    static constexpr double round = 0x1.8p52, integer = 0x1p52;
    static constexpr double log2e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;  // ln2 to 107 bits
    static constexpr double ln2_short = 0x1.62e42fefa3p-1, ln2_rest = 0x1.3de6af278ece6p-42;   // short: 41 bits
    static constexpr double exp_low = -746, exp_high = 710;  // 0 below -745.14, infinity above 709.79
    static constexpr double tanh_high = 20;                  // 1 above 19.07
    static constexpr double smallest_normal = 0x1p-1022, subnormal_scale = 0x1p54, subnormal_shift = 54;
    static constexpr double least = 0x1p-996;
    static constexpr double sqrt2 = 0x1.6a09e667f3bcdp+0;
    static constexpr int exp_degree = 13;  // |r|^14 / 14! = 4e-18, half an ULP is 1.1e-16
    static constexpr int log_terms = 11;   // 2/25 z^12 = 3e-20 of R's 0.02
};

template <typename T>
constexpr T inverse_factorial(int k) {
    double value = 1;
    for (int i = 2; i <= k; ++i) value /= i;
    return static_cast<T>(value);
}

// 2^n for integral -bias < n <= bias: n + bias lands in the exponent field.
template <typename T>
Vec<T> power_of_two(Vec<T> n) {
    const Vec<T> biased = n + Vec<T>::broadcast(Constant<T>::round + Constant<T>::bias);
    return biased.template shift_left<Constant<T>::mantissa_bits>();
}

template <typename T>
Vec<T> round_to_integer(Vec<T> x) {
    const Vec<T> magic = Vec<T>::broadcast(Constant<T>::round);
    return (x + magic) - magic;
}

// x = n ln2 + r, |r| <= ln2 / 2 (a little more after rounding); expm1 = exp(r) - 1.
template <typename T>
struct ExpParts {
    Vec<T> n, expm1;
};

template <typename T>
ExpParts<T> exp_parts(Vec<T> x) {
    using C = Constant<T>;
    const Vec<T> n = round_to_integer(x * Vec<T>::broadcast(C::log2e));
    Vec<T> r = fnma(n, Vec<T>::broadcast(C::ln2_high), x);
    r = fnma(n, Vec<T>::broadcast(C::ln2_low), r);
    Vec<T> q = Vec<T>::broadcast(inverse_factorial<T>(C::exp_degree));
    FASTNN_UNROLL
    for (int k = C::exp_degree - 1; k >= 2; --k) q = fma(q, r, Vec<T>::broadcast(inverse_factorial<T>(k)));
    return {n, fma(r * r, q, r)};
}

template <typename T>
Vec<T> clamp(Vec<T> x, T low, T high) {  // NaN stays NaN
    x = select(greater(x, Vec<T>::broadcast(high)), Vec<T>::broadcast(high), x);
    return select(greater(Vec<T>::broadcast(low), x), Vec<T>::broadcast(low), x);
}

template <typename T>
Vec<T> exp(Vec<T> x) {
    using C = Constant<T>;
    const ExpParts<T> parts = exp_parts(clamp(x, C::exp_low, C::exp_high));
    // 2^n in two exact halves: n may leave the exponent's range, and a subnormal result is rounded once.
    const Vec<T> half = round_to_integer(parts.n * Vec<T>::broadcast(T(0.5)));
    return (Vec<T>::broadcast(T(1)) + parts.expm1) * power_of_two(half) * power_of_two(parts.n - half);
}

// log(2^k (1 + f)) with s = f / (2 + f): log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), R = z (2/3 + 2/5 z + 2/7 z^2 + ...),
// z = s^2 (Tang, 1990; the atanh series, arranged so that f itself carries the leading bits).
template <typename T>
Vec<T> log_normal(Vec<T> x, Vec<T> k) {
    using C = Constant<T>;
    const Vec<T> one = Vec<T>::broadcast(T(1));
    const Vec<T> exponent = x.template shift_right<C::mantissa_bits>() | Vec<T>::broadcast(C::integer);
    k = k + (exponent - Vec<T>::broadcast(C::integer + C::bias));
    Vec<T> m = (x & Vec<T>::from_bits(C::mantissa_mask)) | Vec<T>::from_bits(C::one);
    const auto upper = greater(m, Vec<T>::broadcast(C::sqrt2));
    m = select(upper, m * Vec<T>::broadcast(T(0.5)), m);
    k = select(upper, k + one, k);

    const Vec<T> f = m - one;
    const Vec<T> s = f / (Vec<T>::broadcast(T(2)) + f);
    const Vec<T> z = s * s;
    Vec<T> series = Vec<T>::broadcast(static_cast<T>(2.0 / (2 * C::log_terms + 1)));
    FASTNN_UNROLL
    for (int i = C::log_terms - 1; i >= 1; --i)
        series = fma(series, z, Vec<T>::broadcast(static_cast<T>(2.0 / (2 * i + 1))));
    const Vec<T> half_square = Vec<T>::broadcast(T(0.5)) * f * f;
    const Vec<T> low = fma(s, fma(series, z, half_square), k * Vec<T>::broadcast(C::ln2_rest));
    return fma(k, Vec<T>::broadcast(C::ln2_short), f - (half_square - low));
}

template <typename T>
Vec<T> log(Vec<T> x) {
    using C = Constant<T>;
    const Vec<T> zero = Vec<T>::zero(), infinity = Vec<T>::broadcast(C::infinity);
    const auto subnormal = greater(Vec<T>::broadcast(C::smallest_normal), x);
    const Vec<T> scaled = select(subnormal, x * Vec<T>::broadcast(C::subnormal_scale), x);
    Vec<T> y = log_normal(scaled, select(subnormal, Vec<T>::broadcast(-C::subnormal_shift), zero));
    y = select(greater(infinity, x), y, x);  // infinity and NaN are their own logarithm
    const auto positive = greater(x, zero);
    const Vec<T> invalid = select(greater(zero, x), Vec<T>::broadcast(C::nan), zero - infinity);  // x < 0, x = 0
    return select(positive, y, select(is_nan(x), x, invalid));
}

// log(1 + x) for 0 <= x <= 1: the rounding of u = 1 + x is put back to first order.
template <typename T>
Vec<T> log1p_unit(Vec<T> x) {
    const Vec<T> one = Vec<T>::broadcast(T(1)), u = one + x;
    return log_normal(u, Vec<T>::zero()) + (x - (u - one)) / u;
}

template <typename T>
Vec<T> absolute(Vec<T> x) {
    return x & Vec<T>::from_bits(Constant<T>::magnitude);
}

// What fades ends at zero (kernel_table.h): +0 below the limit; NaN stays NaN.
template <typename T>
Vec<T> flushed(Vec<T> x, Vec<T> limit) {
    return zero_where(greater(limit, absolute(x)), x);
}

template <typename T>
Vec<T> flushed(Vec<T> x) {
    return flushed<T>(x, Vec<T>::broadcast(Constant<T>::least));
}

// beta v + fresh g^2; g below least_grad adds nothing.
template <typename T>
Vec<T> average_of_squares(Vec<T> beta, Vec<T> v, Vec<T> fresh, Vec<T> g, Vec<T> least_grad) {
    const Vec<T> counted = flushed<T>(g, least_grad);
    const Vec<T> average = fma(beta, v, fresh * (counted * counted));
    return zero_where(greater(Vec<T>::broadcast(Constant<T>::smallest_normal), average), average);
}

// (a + a_low) / (d + d_low), where the low parts are what rounding took from a and d: the residual of the first
// quotient, exact by fma, puts them and the quotient's own rounding back.
template <typename T>
Vec<T> quotient(Vec<T> a, Vec<T> a_low, Vec<T> d, Vec<T> d_low) {
    const Vec<T> r = Vec<T>::broadcast(T(1)) / d, q = a * r;
    return fma((fnma(q, d, a) + a_low) - q * d_low, r, q);
}

// tanh(a) = t / (t + 2), t = exp(2a) - 1, for a = |x|; then the sign of x. Where t is small, its rounding and those of
// t + 2 and of the division would add up to 2.6 ULP; with them put back it is at most 1.7.
template <typename T>
Vec<T> tanh(Vec<T> x) {
    using C = Constant<T>;
    const Vec<T> a = clamp(absolute(x), T(0), C::tanh_high), two = Vec<T>::broadcast(T(2));
    const ExpParts<T> parts = exp_parts(a + a);
    const Vec<T> scale = power_of_two(parts.n), base = scale - Vec<T>::broadcast(T(1));
    const Vec<T> t = fma(scale, parts.expm1, base), t_low = fma(scale, parts.expm1, base - t);
    const Vec<T> d = t + two, two_part = d - t;  // Knuth's exact error of a sum: either term may be the larger
    const Vec<T> d_low = (t - (d - two_part)) + (two - two_part);
    return quotient(t, t_low, d, d_low + t_low) | (x & Vec<T>::from_bits(C::sign));
}

// 1 / (1 + e) for x >= 0 and e / (1 + e) below, e = exp(-|x|): nothing overflows, nothing cancels.
template <typename T>
Vec<T> sigmoid(Vec<T> x) {
    const Vec<T> one = Vec<T>::broadcast(T(1));
    const Vec<T> e = exp(Vec<T>::zero() - absolute(x));
    const Vec<T> d = one + e, d_low = e - (d - one);
    return quotient(select(greater(Vec<T>::zero(), x), e, one), Vec<T>::zero(), d, d_low);
}

template <typename T>
Vec<T> relu(Vec<T> x) {
    return select(greater(x, Vec<T>::zero()), x, select(is_nan(x), x, Vec<T>::zero()));
}

template <typename T>
T max(std::int64_t n, const T* x) {
    const auto at = [=](std::int64_t i, std::int64_t count) { return lanes_at(x + i, count, -Constant<T>::infinity); };
    return reduce_lanes(n, -Constant<T>::infinity, at, Larger<T>());
}
