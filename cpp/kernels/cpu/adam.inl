// Adam and AdamW, formulas in kernel_table.h (AdamScalars). Exact square root and division: no estimates.

template <typename T>
void adam(std::int64_t n, T* w, const T* g, T* m, T* v, const AdamScalars<T>& s) {
    using V = Vec<T>;
    const V beta1 = V::broadcast(s.beta1), one_minus_beta1 = V::broadcast(s.one_minus_beta1);
    const V beta2 = V::broadcast(s.beta2), one_minus_beta2 = V::broadcast(s.one_minus_beta2);
    const V rate = V::broadcast(s.rate), eps = V::broadcast(s.eps), least_grad = V::broadcast(s.least_grad);
    const V decay = V::broadcast(s.decay), keep = V::broadcast(s.keep);
    const bool decays = s.decay != T(0), shrinks = s.keep != T(1);
    for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
        V weight = load_n<T>(w + i, count), grad = load_n(g + i, count);
        if (decays) grad = fma(decay, weight, grad);
        if (shrinks) weight = weight * keep;
        const V mean = flushed<T>(fma(beta1, load_n<T>(m + i, count), one_minus_beta1 * grad));
        const V square = average_of_squares<T>(beta2, load_n<T>(v + i, count), one_minus_beta2, grad, least_grad);
        store_n(m + i, count, mean);
        store_n(v + i, count, square);
        store_n(w + i, count, weight - (rate * mean) / (sqrt(square) + eps));
    });
}
