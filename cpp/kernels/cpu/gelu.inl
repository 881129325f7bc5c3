// y = x P(x), P the share of a normal distribution below x, and x sigmoid(2 u) = x (1 + tanh(u)) / 2, u = sqrt(2 / pi)
// (x + 0.044715 x^3); the gradients P + x p, p the distribution's density, and s + x s (1 - s) 2 u'.

// The share beyond t >= 0 is exp(-t^2 / 2) r C(w), r = 1 / (t + 4), w = r scale + offset: from 1 at t = 0 to -1 at the
// limit, beyond which exp(-t^2 / 2) is 0. C: the Chebyshev interpolant of exp(t^2 / 2) (t + 4) erfc(t / sqrt(2)) / 2 in
// w, highest power first; the degree is the smallest that leaves a tenth of half an ULP.
template <typename T>
struct NormalTail;

template <>
struct NormalTail<float> {
    static constexpr float limit = 15, scale = 0x1.444444p+3f, offset = -0x1.888888p+0f;
    static constexpr int degree = 10;  // 1.3e-9 is left
    static constexpr float coefficients[degree + 1] = {
        -0x1.3dc42p-18f, 0x1.ecdaccp-17f, 0x1.3ff838p-14f, -0x1.a2eb5cp-13f, -0x1.5fa128p-10f, 0x1.190852p-11f,
        0x1.a0fda4p-6f,  0x1.e3a4e2p-4f,  0x1.4ce472p-2f,  0x1.42918ep-1f,   0x1.cdf82p-1f};
};

template <>
struct NormalTail<double> {
    static constexpr double limit = 39, scale = 0x1.1a41a41a41a42p+3, offset = -0x1.3483483483483p+0;
    static constexpr int degree = 23;  // 1e-18 is left
    static constexpr double coefficients[degree + 1] = {
        0x1.43dcfd3db3c4p-34,   -0x1.efeee0485b6b5p-34, -0x1.7a2007b1263a2p-31, 0x1.ce66cacb78b2ap-30,
        0x1.6905963823051p-29,  -0x1.d954ffdb7348bp-27, 0x1.ea767db9346c4p-30,  0x1.685737fbaa63bp-24,
        -0x1.e951c6a4bce73p-24, -0x1.d381aaffad832p-22, 0x1.45a949d99c8dfp-20,  0x1.25225b5a91219p-19,
        -0x1.5f19e1c86cda9p-17, -0x1.c9169c54a68c3p-17, 0x1.73120cfb928ffp-14,  0x1.34b7ba22f156cp-13,
        -0x1.829ef4866347fp-11, -0x1.47df09ae9e871p-9,  0x1.ab24bb9c16ef9p-9,   0x1.5f7d16c98cfcbp-5,
        0x1.403ee4267ee07p-3,   0x1.74a3f7b5dd65fp-2,   0x1.3e13b4fbc6b1bp-1,   0x1.a17408cb392e1p-1};
};

// The share below x, and exp(-x^2 / 2).
template <typename T>
struct Normal {
    Vec<T> share, bell;
};

template <typename T>
Normal<T> normal(Vec<T> x) {
    using C = NormalTail<T>;
    const Vec<T> one = Vec<T>::broadcast(T(1)), t = clamp(absolute(x), T(0), C::limit);
    const Vec<T> half = t * Vec<T>::broadcast(T(0.5)), square = t * half;
    const Vec<T> lost = fma(t, half, Vec<T>::zero() - square);  // by rounding; at t = 10 it were 50 ULP of exp
    const Vec<T> rough = exp(Vec<T>::zero() - square), bell = fnma(rough, lost, rough);
    const Vec<T> r = one / (t + Vec<T>::broadcast(T(4)));
    const Vec<T> w = fma(r, Vec<T>::broadcast(C::scale), Vec<T>::broadcast(C::offset));
    Vec<T> q = Vec<T>::broadcast(C::coefficients[0]);
    FASTNN_UNROLL
    for (int k = 1; k <= C::degree; ++k) q = fma(q, w, Vec<T>::broadcast(C::coefficients[k]));
    const Vec<T> beyond = bell * (q * r);
    return {select(greater(Vec<T>::zero(), x), beyond, one - beyond), bell};
}

template <typename T>
void gelu(std::int64_t n, const T* x, T* y) {
    map_vectors(n, x, y, [](Vec<T> in) { return in * normal(in).share; });
}

template <typename T>
void gelu_backward(std::int64_t n, const T* grad_y, const T* x, T* grad_x) {
    const Vec<T> peak = Vec<T>::broadcast(T(0.39894228040143267794));  // 1 / sqrt(2 pi)
    map_vectors(n, grad_y, x, grad_x, [=](Vec<T> grad, Vec<T> in) {
        const Vec<T> x_near = clamp(in, -NormalTail<T>::limit, NormalTail<T>::limit);
        const Normal<T> parts = normal(x_near);
        return flushed<T>(grad * fma(x_near * peak, parts.bell, parts.share));
    });
}

constexpr double gelu_linear = 1.5957691216057307117, gelu_cubic = 0.044715 * gelu_linear;  // 2 sqrt(2 / pi)

template <typename T>
Vec<T> gelu_gate(Vec<T> x) {
    return sigmoid(x * fma(x * x, Vec<T>::broadcast(T(gelu_cubic)), Vec<T>::broadcast(T(gelu_linear))));
}

template <typename T>
void gelu_tanh(std::int64_t n, const T* x, T* y) {
    map_vectors(n, x, y, [](Vec<T> in) { return in * gelu_gate(in); });
}

template <typename T>
void gelu_tanh_backward(std::int64_t n, const T* grad_y, const T* x, T* grad_x) {
    map_vectors(n, grad_y, x, grad_x, [](Vec<T> grad, Vec<T> in) {
        const Vec<T> x_near = clamp(in, -NormalTail<T>::limit, NormalTail<T>::limit);  // beyond, the gate is 0 or 1
        const Vec<T> slope =
            fma(x_near * x_near, Vec<T>::broadcast(T(3 * gelu_cubic)), Vec<T>::broadcast(T(gelu_linear)));
        return flushed<T>(grad * gate_slope(x_near * slope, gelu_gate(x_near)));
    });
}
