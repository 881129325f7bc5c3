// One sample, d = x - max. loss = log(sum exp(d)) - aim, aim = d[label]; grad = (softmax - onehot) * scale. Smoothing s
// gives every class the share s / n of the target: aim = (1 - s) d[label] + s (mean of x - max).

template <typename T>
T cross_entropy(std::int64_t n, const T* logits, std::int64_t label, T smoothing, T scale, T* grad) {
    const T top = max(n, logits), own = T(1) - smoothing, share = smoothing / static_cast<T>(n);
    T aim = logits[label] - top;
    if (smoothing > T(0)) aim = own * aim + smoothing * (sum(n, logits) / static_cast<T>(n) - top);
    const T total = exp_shifted(n, logits, top, grad);
    divide(n, grad, 1, &total, 0, grad);
    grad[label] = grad[label] - own;
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> beyond = load_n(grad + i, count) - Vec<T>::broadcast(share);
        store_n(grad + i, count, flushed<T>(beyond * Vec<T>::broadcast(scale)));
    });
    return log_of(total) - aim;
}
