// One row times B: y(j) = sum over k of x(k) B(k, j), contract in kernel_table.h. An element is one chain of fmas, each
// waiting for the one before it: as many of them as there are registers go side by side, which also reads the rows of B
// in long pieces.

template <typename T, int C, bool Indexed>
void gemv_tile(const GemvArgs<T>& g, std::int64_t first, std::int64_t last_lanes) {
    using V = Vec<T>;
    constexpr std::int64_t line = 64 / sizeof(T);
    const auto lanes = [last_lanes](int j) { return j == C - 1 ? last_lanes : V::lanes; };
    V sum[C];
    FASTNN_UNROLL
    for (int j = 0; j < C; ++j) sum[j] = V::zero();
    const T* const b = g.b + first;
    for (std::int64_t i = 0; i < g.k; ++i) {
        const std::int64_t k = Indexed ? g.index[i] : i;
        if constexpr (Indexed) {  // a hardware prefetcher does not follow the gaps
            const T* const ahead = b + g.index[i + index_ahead] * g.b_row;
            for (std::int64_t j = 0; j < C * V::lanes; j += line) V::prefetch(ahead + j);
        }
        const V x = V::broadcast(g.x[k * g.x_step]);
        const T* const row = b + k * g.b_row;
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) sum[j] = fma(x, load_n(row + j * V::lanes, lanes(j)), sum[j]);
    }
    FASTNN_UNROLL
    for (int j = 0; j < C; ++j) {
        const V base = g.bias ? load_n(g.bias + first + j * V::lanes, lanes(j)) + V::zero() : V::zero();
        const V y = sum[j] + base;  // as in gemm.inl
        store_n(g.y + first + j * V::lanes, lanes(j), g.relu ? max(V::zero(), y) : y);
    }
}

// Columns from `first` on by tiles of C vectors, then by smaller ones.
template <typename T, int C>
void gemv_from(const GemvArgs<T>& g, std::int64_t first) {
    constexpr std::int64_t width = C * Vec<T>::lanes;
    const auto tile = [&g](std::int64_t column, std::int64_t last_lanes) {
        g.index ? gemv_tile<T, C, true>(g, column, last_lanes) : gemv_tile<T, C, false>(g, column, last_lanes);
    };
    for (; g.n - first >= width; first += width) tile(first, Vec<T>::lanes);
    if constexpr (C > 1) return gemv_from<T, C / 2>(g, first);
    if (first < g.n) tile(first, g.n - first);
}

template <typename T>
void gemv(const GemvArgs<T>& g) {
    gemv_from<T, Tile<T>::rows * Tile<T>::vectors>(g, 0);
}
