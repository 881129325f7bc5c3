// ReLU: x > 0 ? x : (x is NaN ? x : +0). Gradient: grad_y where x > 0, else +0 (0 at x = 0, as PyTorch). y serves as x.

template <typename T>
void relu(std::int64_t n, const T* x, T* y) {
    for_each_vector<T>(n,
                       [=](std::int64_t i, std::int64_t count) { store_n(y + i, count, relu(load_n(x + i, count))); });
}

template <typename T>
void relu_backward(std::int64_t n, const T* grad_y, const T* x, T* grad_x) {
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const auto active = greater(load_n(x + i, count), Vec<T>::zero());
        store_n(grad_x + i, count, select(active, load_n(grad_y + i, count), Vec<T>::zero()));
    });
}
