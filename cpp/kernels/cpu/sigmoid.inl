// y = 1 / (1 + exp(-x)); grad_x = grad_y * y * (1 - y).

template <typename T>
void sigmoid(std::int64_t n, const T* x, T* y) {
    for_each_vector<T>(
        n, [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, sigmoid(load_n(x + i, count))); });
}

template <typename T>
void sigmoid_backward(std::int64_t n, const T* grad_y, const T* y, T* grad_x) {
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> out = load_n(y + i, count);
        store_n(grad_x + i, count, flushed<T>(load_n(grad_y + i, count) * (out * (Vec<T>::broadcast(T(1)) - out))));
    });
}
