// y = x where x >= 0, else alpha (exp(x) - 1); grad_x = grad_y where x > 0, else grad_y alpha exp(x).

// exp(x) - 1 for x <= 0, which has rounded to -1 before x = -2 tanh_high, as tanh(x / 2) has.
template <typename T>
Vec<T> expm1_below(Vec<T> x) {
    const ExpParts<T> parts = exp_parts(clamp(x, -2 * Constant<T>::tanh_high, T(0)));
    const Vec<T> scale = power_of_two(parts.n);
    return fma(scale, parts.expm1, scale - Vec<T>::broadcast(T(1)));
}

template <typename T>
void elu(std::int64_t n, const T* x, T alpha, T* y) {
    const Vec<T> factor = Vec<T>::broadcast(alpha);
    map_vectors(n, x, y, [=](Vec<T> in) { return select(greater(Vec<T>::zero(), in), factor * expm1_below(in), in); });
}

template <typename T>
void elu_backward(std::int64_t n, const T* grad_y, const T* x, T alpha, T* grad_x) {
    const Vec<T> factor = Vec<T>::broadcast(alpha);
    map_vectors(n, grad_y, x, grad_x, [=](Vec<T> grad, Vec<T> in) {
        return select(greater(in, Vec<T>::zero()), grad, flushed<T>(grad * (factor * exp(in))));
    });
}
