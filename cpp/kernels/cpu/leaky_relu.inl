// y = x where x > 0, else slope * x; grad_x = grad_y where x > 0, else slope * grad_y.

template <typename T>
void leaky_relu(std::int64_t n, const T* x, T slope, T* y) {
    const Vec<T> factor = Vec<T>::broadcast(slope);
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> in = load_n(x + i, count);
        store_n(y + i, count, select(greater(in, Vec<T>::zero()), in, in * factor));
    });
}

template <typename T>
void leaky_relu_backward(std::int64_t n, const T* grad_y, const T* x, T slope, T* grad_x) {
    const Vec<T> factor = Vec<T>::broadcast(slope);
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> grad = load_n(grad_y + i, count);
        store_n(grad_x + i, count, select(greater(load_n(x + i, count), Vec<T>::zero()), grad, grad * factor));
    });
}
