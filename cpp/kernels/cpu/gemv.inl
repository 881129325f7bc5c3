// One row times B: y(j) = sum over k of x(k) B(k, j), contract in kernel_table.h. An element is one chain of fmas, each
// waiting for the one before it: as many of them as there are registers go side by side, which also reads the rows of B
// in long pieces.

// Columns from `first` on: C vectors, or what is left of one.
template <typename T, int C, bool Partial, bool Indexed>
void gemv_tile(const GemvArgs<T>& g, std::int64_t first) {
    using V = Vec<T>;
    constexpr std::int64_t line = 64 / sizeof(T);
    const std::int64_t lanes = Partial ? g.n - first : V::lanes;
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
        for (int j = 0; j < C; ++j) sum[j] = fma(x, load_n(row + j * V::lanes, lanes), sum[j]);
    }
    FASTNN_UNROLL
    for (int j = 0; j < C; ++j) {
        const V base = g.bias ? load_n(g.bias + first + j * V::lanes, lanes) + V::zero() : V::zero();
        const V y = sum[j] + base;  // as in gemm.inl
        store_n(g.y + first + j * V::lanes, lanes, g.relu ? max(V::zero(), y) : y);
    }
}

template <typename T, int C, bool Partial>
void gemv_columns(const GemvArgs<T>& g, std::int64_t first) {
    g.index ? gemv_tile<T, C, Partial, true>(g, first) : gemv_tile<T, C, Partial, false>(g, first);
}

constexpr int power_of_two(int most) { return most < 2 ? 1 : 2 * power_of_two(most / 2); }

// By tiles of C vectors, then by smaller ones.
template <typename T, int C>
void gemv_from(const GemvArgs<T>& g, std::int64_t first) {
    constexpr std::int64_t width = C * Vec<T>::lanes;
    for (; g.n - first >= width; first += width) gemv_columns<T, C, false>(g, first);
    if constexpr (C > 1) return gemv_from<T, power_of_two(C - 1)>(g, first);
    if (first < g.n) gemv_columns<T, 1, true>(g, first);
}

// As many chains as there are registers for, but no more than layers have vectors of outputs as often as not: what is
// left over has few chains, and reads short pieces of the rows of B.
template <typename T>
void gemv(const GemvArgs<T>& g) {
    constexpr int registers = Tile<T>::rows * Tile<T>::vectors, usual = 16;
    constexpr int chains = registers < usual ? registers : usual;
    gemv_from<T, chains>(g, 0);
}
