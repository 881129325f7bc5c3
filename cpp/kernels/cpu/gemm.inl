// C(m, j) = sum over k of A(m, k) B(k, j) for the rows of one panel: contract in kernel_table.h (GemmArgs).
// A register tile of R rows x C vectors; A is broadcast, B is loaded. Rows are split evenly (64 rows with 14-row tiles
// are 12, 13, 13, 13, 13), because a tile with few rows has too few chains to hide the latency of fma.

// What a tile reads: whole vectors; n columns that are not whole vectors; the k of an index; the rows of a list.
enum class Reading { whole, partial, indexed, listed };

template <typename T, int R, int C, Reading reading>
struct GemmTile {
    using V = Vec<T>;
    static constexpr std::int64_t lanes = V::lanes, line = 64 / sizeof(T);
    static constexpr bool partial = reading == Reading::partial, listed = reading == Reading::listed;
    // Rows of A that share an address register; their distances from it are the same in all groups.
    static constexpr int group = listed || R < Tile<T>::group ? R : Tile<T>::group, groups = (R + group - 1) / group;

    const GemmArgs<T>& g;
    const std::int64_t first, last;  // its first row; columns of its last vector
    T* const* const place;           // where its rows of C begin
    std::int64_t distance[group];
    V sum[R][C];

    GemmTile(const GemmArgs<T>& args, std::int64_t row, T* const* places)
        : g(args), first(row), last(args.n - (C - 1) * lanes), place(places) {
        const std::int32_t* rows = listed ? g.rows + row : nullptr;
        if (listed) FASTNN_IN_REGISTER(rows);
        FASTNN_UNROLL
        for (int r = 0; r < group; ++r) {
            distance[r] = listed ? rows[r] : r * g.a_row;
            if (!listed && r > 0) FASTNN_IN_REGISTER(distance[r]);
        }
    }

    V load(const T* row, int j) const {
        return partial && j == C - 1 ? V::load_partial(row + j * lanes, last) : V::load(row + j * lanes);
    }

    void store(T* row, int j, V y) const {
        if (partial && j == C - 1) {
            y.store_partial(row + j * lanes, last);
        } else {
            y.store(row + j * lanes);
        }
    }

    // Calls f(sum, number of its row, number of its vector) for all sums.
    template <typename F>
    void for_each_sum(F f) {
        FASTNN_UNROLL
        for (int r = 0; r < R; ++r) {
            FASTNN_UNROLL
            for (int j = 0; j < C; ++j) f(sum[r][j], r, j);
        }
    }

    void start() {
        if (g.resume) {
            for_each_sum([this](V& s, int r, int j) { s = load(place[r], j); });
        } else {
            for_each_sum([](V& s, int, int) { s = V::zero(); });
        }
    }

    // One k: column[i] is its element of the first row of group i of A, b its row of B.
    void step(const T* const (&column)[groups], const T* b) {
        V row[C];
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) row[j] = load(b, j);
        FASTNN_UNROLL
        for (int r = 0; r < R; ++r) {
            const V x = V::broadcast(column[r / group][distance[r % group]]);
            FASTNN_UNROLL
            for (int j = 0; j < C; ++j) sum[r][j] = fma(x, row[j], sum[r][j]);
        }
    }

    static void prefetch(const T* row) {
        FASTNN_UNROLL
        for (std::int64_t j = 0; j < C * lanes; j += line) V::prefetch(row + j);
    }

    void multiply() {
        const GemmRun whole = {0, 0}, *const runs = g.runs ? g.runs : &whole;
        for (std::int64_t i = 0, count = g.runs ? g.run_count : 1; i < count; ++i)
            multiply(g.a + runs[i].a, g.b + runs[i].b);
    }

    void multiply(const T* a, const T* b) {
        const std::int64_t ahead = rows_ahead * g.b_row;
        const T* column[groups];
        FASTNN_UNROLL
        for (int i = 0; i < groups; ++i) column[i] = a + (listed ? 0 : first + i * group) * g.a_row;
        const auto move = [&column](std::int64_t by) {
            FASTNN_UNROLL
            for (int i = 0; i < groups; ++i) {
                column[i] += by;
                FASTNN_IN_REGISTER(column[i]);
            }
        };
        if constexpr (reading == Reading::indexed) {
            std::int64_t at = 0;
            for (std::int64_t i = 0; i < g.k; ++i) {  // a hardware prefetcher does not follow the gaps
                prefetch(b + g.index[i + index_ahead] * (C * lanes));
                move(g.index[i] - at);
                at = g.index[i];
                step(column, b + at * (C * lanes));
            }
        } else {
            for (std::int64_t i = g.k; i > 0; --i, b += g.b_row) {  // b_row may be 0
                if (reading == Reading::whole) prefetch(b + ahead);
                step(column, b);
                move(g.a_col);
            }
        }
    }

    // y = max(0, chain + base) with base = bias + 0.0, or 0.0. That is (chain + 0.0) + bias: the two differ only where
    // chain and bias are -0, and base never is; y is not either, so that max gives ReLU's +0. A chain that is resumed
    // later gets the + 0.0 too: the sign of a zero in it reaches nothing but the sign of a zero.
    void finish() {
        V base[C];
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) base[j] = g.bias ? load(g.bias, j) + V::zero() : V::zero();
        for_each_sum([&base](V& s, int, int j) { s = s + base[j]; });
        if (g.relu) for_each_sum([](V& s, int, int) { s = max(V::zero(), s); });
        FASTNN_READ_AGAIN();
        for_each_sum([this](V& s, int r, int j) { store(place[r], j, s); });
    }
};

// Where rows of C begin. Written down for a tile before it begins: found one by one, they were half of its code.
template <typename T>
void find_places(const GemmArgs<T>& g, std::int64_t first, int rows, bool listed, T** place) {
    FASTNN_ROLLED
    for (int r = 0; r < rows; ++r) {
        const std::int64_t row = first + r;
        T* at = g.c + (listed ? g.rows[row] * g.c_row : g.places ? g.places[row] : row * g.c_row);
        FASTNN_IN_REGISTER(at);  // no vectors of them
        place[r] = at;
    }
}

// Tiles of equal height, one below the other.
template <typename T, int R, int C, Reading reading>
void gemm_tiles(const GemmArgs<T>& g, std::int64_t first, std::int64_t tiles) {
    for (const std::int64_t end = first + tiles * R; first < end; first += R) {
        T* place[R];
        find_places(g, first, R, reading == Reading::listed, place);
        GemmTile<T, R, C, reading> tile(g, first, place);
        tile.start();
        tile.multiply();
        tile.finish();
    }
}

// Picks the instance for a run-time number of rows by recursion: R, R - 1, ...
template <typename T, int R, int C>
void gemm_rows(const GemmArgs<T>& g, std::int64_t rows, std::int64_t first, std::int64_t tiles) {
    if constexpr (R > 1) {
        if (rows < R) return gemm_rows<T, R - 1, C>(g, rows, first, tiles);
    }
    if constexpr (C == Tile<T>::vectors && C > 1) {
        if (g.index) return gemm_tiles<T, R, C, Reading::indexed>(g, first, tiles);
        if (g.rows) return gemm_tiles<T, R, C, Reading::listed>(g, first, tiles);
        if (g.n == C * Vec<T>::lanes) return gemm_tiles<T, R, C, Reading::whole>(g, first, tiles);
    }
    gemm_tiles<T, R, C, Reading::partial>(g, first, tiles);
}

template <typename T, int C>
void gemm_columns(const GemmArgs<T>& g) {
    if constexpr (C > 1) {
        if (g.n <= (C - 1) * Vec<T>::lanes) return gemm_columns<T, C - 1>(g);
    }
    constexpr std::int64_t most = C == 1 ? Tile<T>::tall : Tile<T>::rows;
    const std::int64_t tiles = (g.m + most - 1) / most;
    if (tiles == 0) return;
    const std::int64_t rows = g.m / tiles, taller = g.m % tiles;
    gemm_rows<T, most, C>(g, rows, 0, tiles - taller);
    if (taller > 0) gemm_rows<T, most, C>(g, rows + 1, (tiles - taller) * rows, taller);
}

template <typename T>
void gemm_panel(const GemmArgs<T>& g) {
    gemm_columns<T, Tile<T>::vectors>(g);
}
