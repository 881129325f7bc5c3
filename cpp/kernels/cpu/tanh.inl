// y = tanh(x); grad_x = grad_y * (1 - y^2).

template <typename T>
void tanh(std::int64_t n, const T* x, T* y) {
    for_each_vector<T>(n,
                       [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, tanh(load_n(x + i, count))); });
}

template <typename T>
void tanh_backward(std::int64_t n, const T* grad_y, const T* y, T* grad_x) {
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> out = load_n(y + i, count);
        store_n(grad_x + i, count, load_n(grad_y + i, count) * fnma(out, out, Vec<T>::broadcast(T(1))));
    });
}
