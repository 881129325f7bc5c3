// y = x s, s = sigmoid(x); grad_x = grad_y (s + x s (1 - s)).

// The derivative of x s(p(x)) where s is a sigmoid; steep = x p'(x).
template <typename T>
Vec<T> gate_slope(Vec<T> steep, Vec<T> s) {
    return fma(steep, s * (Vec<T>::broadcast(T(1)) - s), s);
}

template <typename T>
void silu(std::int64_t n, const T* x, T* y) {
    map_vectors(n, x, y, [](Vec<T> in) { return in * sigmoid(in); });
}

template <typename T>
void silu_backward(std::int64_t n, const T* grad_y, const T* x, T* grad_x) {
    map_vectors(n, grad_y, x, grad_x, [](Vec<T> grad, Vec<T> in) {
        const Vec<T> x_near = clamp(in, Constant<T>::exp_low, -Constant<T>::exp_low);  // beyond, s is 0 or 1
        return flushed<T>(grad * gate_slope(x_near, sigmoid(x_near)));
    });
}
