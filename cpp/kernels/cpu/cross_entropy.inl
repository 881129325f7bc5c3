// One sample: loss = log(sum exp(x - max)) - (x[label] - max); grad = (softmax - onehot) * scale.

template <typename T>
T cross_entropy(std::int64_t n, const T* logits, std::int64_t label, T scale, T* grad) {
    const T top = max(n, logits);
    const T shifted = logits[label] - top;
    const T total = exp_shifted(n, logits, top, grad);
    divide(n, grad, 1, &total, 0, grad);
    grad[label] = grad[label] - T(1);
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        store_n(grad + i, count, flushed<T>(load_n(grad + i, count) * Vec<T>::broadcast(scale)));
    });
    return log_of(total) - shifted;
}
