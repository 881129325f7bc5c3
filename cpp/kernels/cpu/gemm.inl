// C(m, j) = sum over k of A(m, k) B(k, j) for the rows of one panel: contract in kernel_table.h (GemmArgs).
// A register tile of R rows x C vectors; A is broadcast, B is loaded. Rows are split evenly (64 rows with 14-row tiles
// are 13, 13, 13, 13, 12), because a tile with few rows has too few chains to hide the latency of fma.

template <typename T, int R, int C, bool Partial, bool Indexed>
void gemm_tile(const GemmArgs<T>& g, const T* a, T* c) {
    using V = Vec<T>;
    constexpr std::int64_t lanes = V::lanes;
    const std::int64_t last = g.n - (C - 1) * lanes;  // columns of the last vector
    const auto load = [last](const T* row, int j) {
        return Partial && j == C - 1 ? V::load_partial(row + j * lanes, last) : V::load(row + j * lanes);
    };

    V sum[R][C];
    FASTNN_UNROLL
    for (int r = 0; r < R; ++r) {
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) sum[r][j] = g.resume ? load(c + r * g.c_row, j) : V::zero();
    }

    const auto step = [&](const T* column, const T* b) {
        V row[C];
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) row[j] = load(b, j);
        FASTNN_UNROLL
        for (int r = 0; r < R; ++r) {
            const V x = V::broadcast(column[r * g.a_row]);
            FASTNN_UNROLL
            for (int j = 0; j < C; ++j) sum[r][j] = fma(x, row[j], sum[r][j]);
        }
    };
    if constexpr (Indexed) {
        for (std::int64_t i = 0; i < g.k; ++i) {  // a hardware prefetcher does not follow the gaps
            V::prefetch(g.b + g.index[i + index_ahead] * (C * lanes));
            step(a + g.index[i], g.b + g.index[i] * (C * lanes));
        }
    } else {
        const T *b = g.b, *column = a;
        for (std::int64_t i = 0; i < g.k; ++i, b += g.b_row, column += g.a_col) step(column, b);  // b_row may be 0
    }

    FASTNN_UNROLL
    for (int r = 0; r < R; ++r) {
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) {
            V y = sum[r][j];
            if (g.finish) y = y + V::zero();
            if (g.bias) y = y + load(g.bias, j);
            if (g.relu) y = relu(y);
            T* const out = c + r * g.c_row + j * lanes;
            if (Partial && j == C - 1) {
                y.store_partial(out, last);
            } else {
                y.store(out);
            }
        }
    }
}

// Picks the instance for a run-time number of rows and vectors by recursion: R, R - 1, ... and C, C - 1, ...
template <typename T, int R, int C>
void gemm_rows(const GemmArgs<T>& g, std::int64_t rows, const T* a, T* c) {
    if constexpr (R > 1) {
        if (rows < R) return gemm_rows<T, R - 1, C>(g, rows, a, c);
    }
    if (g.n < C * Vec<T>::lanes) return gemm_tile<T, R, C, true, false>(g, a, c);
    if constexpr (C == Tile<T>::vectors) {
        if (g.index) return gemm_tile<T, R, C, false, true>(g, a, c);
    }
    gemm_tile<T, R, C, false, false>(g, a, c);
}

template <typename T, int C>
void gemm_columns(const GemmArgs<T>& g, std::int64_t rows, const T* a, T* c) {
    if constexpr (C > 1) {
        if (g.n <= (C - 1) * Vec<T>::lanes) return gemm_columns<T, C - 1>(g, rows, a, c);
    }
    gemm_rows<T, Tile<T>::rows, C>(g, rows, a, c);
}

template <typename T>
void gemm_panel(const GemmArgs<T>& g) {
    constexpr std::int64_t most = Tile<T>::rows;
    const std::int64_t tiles = (g.m + most - 1) / most;
    for (std::int64_t tile = 0, row = 0; tile < tiles; ++tile) {
        const std::int64_t rows = (g.m - row) / (tiles - tile);
        const std::int64_t even = rows + ((g.m - row) % (tiles - tile) != 0);
        gemm_columns<T, Tile<T>::vectors>(g, even, g.a + row * g.a_row, g.c + row * g.c_row);
        row += even;
    }
}
