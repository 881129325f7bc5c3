// SGD with momentum and Nesterov's form, formulas in kernel_table.h (SgdScalars).

template <typename T>
void sgd(std::int64_t n, T* w, const T* g, T* buffer, const SgdScalars<T>& s) {
    using V = Vec<T>;
    const V lr = V::broadcast(s.lr), momentum = V::broadcast(s.momentum);
    const V fresh = V::broadcast(s.one_minus_dampening), decay = V::broadcast(s.decay);
    const bool decays = s.decay != T(0), nesterov = s.nesterov, first = s.first;
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        const V weight = load_n<T>(w + i, count);
        V step = load_n(g + i, count);
        if (decays) step = fma(decay, weight, step);
        if (buffer) {
            const V velocity = flushed<T>(first ? step : fma(momentum, load_n<T>(buffer + i, count), fresh * step));
            store_n(buffer + i, count, velocity);
            step = nesterov ? fma(momentum, velocity, step) : velocity;
        }
        store_n(w + i, count, fnma(lr, step, weight));
    });
}
