// One sample: loss = sum (x - t)^2 (lane tree); grad = (x - t) * scale, where scale holds the 2 of the square.

template <typename T>
T mse(std::int64_t n, const T* x, const T* target, T scale, T* grad) {
    if (n == 1) {  // a network of one output: its square is the sum of all lanes
        const T error = x[0] - target[0];
        grad[0] = error * scale;
        return error * error;
    }
    const Lanes<T> factor = Lanes<T>::broadcast(scale);
    const auto times = [](Vec<T> p, Vec<T> q) { return p * q; };
    const auto at = [=](std::int64_t i, std::int64_t count) {
        const Lanes<T> error = combine(lanes_at(x + i, count, T(0)), lanes_at(target + i, count, T(0)),
                                       [](Vec<T> p, Vec<T> q) { return p - q; });
        combine(error, factor, times).store_n(grad + i, count);
        return combine(error, error, times);
    };
    return reduce_lanes(n, T(0), at, Plus<T>());
}
