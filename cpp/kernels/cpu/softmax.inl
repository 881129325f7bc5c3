// One row. softmax: y = exp(x - max) / sum; grad_x = y (grad_y - sum(grad_y y)).
// log_softmax: y = (x - max) - log(sum); grad_x = grad_y - exp(y) sum(grad_y).

// Writes exp(x - top) to y and returns its sum (lane tree).
template <typename T>
T exp_shifted(std::int64_t n, const T* x, T top, T* y) {
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        store_n(y + i, count, exp(load_n(x + i, count) - Vec<T>::broadcast(top)));
    });
    return sum(n, y);
}

template <typename T>
T log_of(T x) {
    T y;
    log(Vec<T>::broadcast(x)).store_partial(&y, 1);
    return y;
}

template <typename T>
void softmax(std::int64_t n, const T* x, T* y) {
    const T total = exp_shifted(n, x, max(n, x), y);
    divide(n, y, 1, &total, 0, y);
}

template <typename T>
void softmax_backward(std::int64_t n, const T* grad_y, const T* y, T* grad_x) {
    const T dot = reduce_lanes(
        n, T(0),
        [=](std::int64_t i, std::int64_t count) {
            return combine(lanes_at(grad_y + i, count, T(0)), lanes_at(y + i, count, T(0)),
                           [](Vec<T> g, Vec<T> p) { return g * p; });
        },
        Plus<T>());
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> centred = load_n(grad_y + i, count) - Vec<T>::broadcast(dot);
        store_n(grad_x + i, count, flushed<T>(load_n(y + i, count) * centred));
    });
}

template <typename T>
void log_softmax(std::int64_t n, const T* x, T* y) {
    const T top = max(n, x);
    const T log_total = log_of(exp_shifted(n, x, top, y));
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> shifted = load_n(x + i, count) - Vec<T>::broadcast(top);
        store_n(y + i, count, shifted - Vec<T>::broadcast(log_total));
    });
}

template <typename T>
void log_softmax_backward(std::int64_t n, const T* grad_y, const T* y, T* grad_x) {
    const T total = sum(n, grad_y);
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> p = exp(load_n(y + i, count));
        store_n(grad_x + i, count, flushed<T>(fnma(p, Vec<T>::broadcast(total), load_n(grad_y + i, count))));
    });
}
