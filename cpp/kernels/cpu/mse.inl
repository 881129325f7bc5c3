// One sample: loss = sum (x - t)^2 (lane tree); grad = (x - t) * scale, where scale holds the 2 of the square.

template <typename T>
T mse(std::int64_t n, const T* x, const T* target, T scale, T* grad) {
    subtract(n, x, 1, target, 1, grad);
    const T loss = reduce_lanes(
        n, T(0),
        [=](std::int64_t i, std::int64_t count) {
            const Lanes<T> error = lanes_at<T>(grad + i, count, T(0));
            return combine(error, error, [](Vec<T> p, Vec<T> q) { return p * q; });
        },
        Plus<T>());
    multiply(n, grad, 1, &scale, 0, grad);
    return loss;
}
