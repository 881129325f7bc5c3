// Binary cross-entropy with logits, one sample of n outputs: loss = sum max(x, 0) - x t + log(1 + exp(-|x|)) (lane
// tree); grad = (sigmoid(x) - t) * scale.

template <typename T>
T bce_with_logits(std::int64_t n, const T* x, const T* target, T scale, T* grad) {
    const T loss = reduce_lanes(
        n, T(0),
        [=](std::int64_t i, std::int64_t count) {
            const Lanes<T> logits =
                lanes_at(x + i, count, -Constant<T>::infinity);  // past the end: loss 0 for target 0
            return combine(logits, lanes_at(target + i, count, T(0)), [](Vec<T> p, Vec<T> t) {
                const Vec<T> linear = relu(p) - select(greater(absolute(t), Vec<T>::zero()), p * t, Vec<T>::zero());
                return linear + log1p_unit(exp(Vec<T>::zero() - absolute(p)));
            });
        },
        Plus<T>());
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const Vec<T> error = sigmoid(load_n(x + i, count)) - load_n(target + i, count);
        store_n(grad + i, count, flushed<T>(error * Vec<T>::broadcast(scale)));
    });
    return loss;
}
