// y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)); grad_x = grad_y sigmoid(x).

template <typename T>
void softplus(std::int64_t n, const T* x, T* y) {
    map_vectors(n, x, y, [](Vec<T> in) { return relu(in) + log1p_unit(exp(Vec<T>::zero() - absolute(in))); });
}

template <typename T>
void softplus_backward(std::int64_t n, const T* grad_y, const T* x, T* grad_x) {
    map_vectors(n, grad_y, x, grad_x, [](Vec<T> grad, Vec<T> in) { return flushed<T>(grad * sigmoid(in)); });
}
