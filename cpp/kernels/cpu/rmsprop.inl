// RMSprop, formulas in kernel_table.h (RmspropScalars). buffer is null without momentum.

template <typename T>
void rmsprop(std::int64_t n, T* w, const T* g, T* square, T* buffer, const RmspropScalars<T>& s) {
    using V = Vec<T>;
    const V lr = V::broadcast(s.lr), alpha = V::broadcast(s.alpha), fresh = V::broadcast(s.one_minus_alpha);
    const V eps = V::broadcast(s.eps), least_grad = V::broadcast(s.least_grad), decay = V::broadcast(s.decay),
            momentum = V::broadcast(s.momentum);
    const bool decays = s.decay != T(0), inside = s.eps_inside;
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const V weight = load_n<T>(w + i, count);
        V grad = load_n(g + i, count);
        if (decays) grad = fma(decay, weight, grad);
        const V mean = average_of_squares<T>(alpha, load_n<T>(square + i, count), fresh, grad, least_grad);
        store_n(square + i, count, mean);
        V step = grad / (inside ? sqrt(mean + eps) : sqrt(mean) + eps);
        if (buffer) {
            step = flushed<T>(fma(momentum, load_n<T>(buffer + i, count), step));
            store_n(buffer + i, count, step);
        }
        store_n(w + i, count, fnma(lr, step, weight));
    });
}
