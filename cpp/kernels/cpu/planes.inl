// Products of images whose result has few channels, with pixels as columns: contracts in kernel_table.h.

// Channels of the result times vectors of places: as many chains as registers hold beside the places of a step (eight
// channels: 24 + 3 + 1 of 32), and a load of places for six or more multiply-adds; not fewer than two vectors, whose
// chains hide the latency of fma.
constexpr int plane_vectors(std::int64_t channels) { return channels > 6 ? 3 : 4; }
constexpr int least_vectors = 2;

// Whether products of images come this way.
template <typename T>
constexpr bool wide = Vec<T>::lanes * Tile<T>::vectors >= least_planes_panel;

template <typename T>
std::int64_t vectors_of(std::int64_t places) {
    const std::int64_t vectors = (places + Vec<T>::lanes - 1) / Vec<T>::lanes;
    return vectors < least_vectors ? least_vectors : vectors;
}

template <typename T>
std::int64_t places_computed(std::int64_t places) {
    return vectors_of<T>(places) * Vec<T>::lanes;
}

// R channels in turn, as pixels have them: lane i of vector v is channel (v lanes + i) % R of pixel (v lanes + i) / R.
// It comes from a pair of rows, picked[v] counting the lanes of both; second[v][j] tells which lanes are of pair j.
template <typename T, int R>
struct Turn {
    static constexpr int lanes = static_cast<int>(Vec<T>::lanes), pairs = (R + 1) / 2;
    std::int32_t picked[R][lanes] = {};
    std::uint32_t of_pair[R][pairs] = {};

    constexpr Turn() {
        for (int i = 0; i < R * lanes; ++i) {
            const int channel = i % R;
            picked[i / lanes][i % lanes] = i / R + channel % 2 * lanes;
            of_pair[i / lanes][channel / 2] |= 1u << i % lanes;
        }
    }
};
template <typename T, int R>
constexpr Turn<T, R> turn{};

// Whole vectors of pixels at a time.
template <typename T, int R>
void turn_by_vectors(const T* rows, std::int64_t row, std::int64_t count, T* result) {
    using V = Vec<T>;
    constexpr Turn<T, R> how{};
    for (std::int64_t left = count * R; left > 0; left -= R * V::lanes, rows += V::lanes) {
        V x[R];
        FASTNN_UNROLL
        for (int r = 0; r < R; ++r) x[r] = V::load(rows + r * row);
        FASTNN_UNROLL
        for (int v = 0; v < R; ++v, result += V::lanes) {
            V y = V::pick(turn<T, R>.picked[v], x[0], x[R > 1 ? 1 : 0]);
            FASTNN_UNROLL
            for (int j = 1; j < how.pairs; ++j) {
                const V other = V::pick(turn<T, R>.picked[v], x[2 * j], x[2 * j + 1 < R ? 2 * j + 1 : 2 * j]);
                y = select(static_cast<typename V::Mask>(how.of_pair[v][j]), other, y);
            }
            const std::int64_t rest = left - v * V::lanes;
            if (rest <= 0) return;
            store_n(result, rest < V::lanes ? rest : V::lanes, y);
        }
    }
}

template <typename T, int R>
void turn_rows(const T* rows, std::int64_t row, std::int64_t count, T* result, std::int64_t pixel) {
    if constexpr (wide<T>) {
        if (pixel == R) return turn_by_vectors<T, R>(rows, row, count, result);
    }
    for (std::int64_t i = 0; i < count; ++i, result += pixel) {
        FASTNN_UNROLL
        for (int r = 0; r < R; ++r) result[r] = rows[r * row + i];
    }
}

// Places from one on, as many as C vectors.
template <typename T, int R, int C>
void planes_tile(const PlanesArgs<T>& p, std::int64_t first) {
    using V = Vec<T>;
    constexpr std::int64_t width = C * V::lanes;
    GemmArgs<T> g{};
    g.a = p.weight;
    g.a_row = p.weight_row;
    g.a_col = p.weight_column;
    g.b = p.planes + first;
    g.b_row = p.plane;
    g.n = width;
    g.k = p.k;
    g.runs = p.runs;
    g.run_count = p.run_count;
    GemmTile<T, R, C, Reading::partial> tile(g, 0, nullptr);
    tile.start();
    tile.multiply();
    T rows[R * width + V::lanes];
    FASTNN_UNROLL
    for (int r = 0; r < R; ++r) {
        const V base = p.bias ? V::broadcast(p.bias[r]) + V::zero() : V::zero();  // as in gemm.inl
        FASTNN_UNROLL
        for (int j = 0; j < C; ++j) {
            const V y = tile.sum[r][j] + base;
            (p.relu ? max(V::zero(), y) : y).store(rows + r * width + j * V::lanes);
        }
    }
    const std::int64_t end = first + width < p.places ? first + width : p.places;
    for (std::int64_t place = first; place < end;) {
        const std::int64_t line = place / p.pitch, column = place % p.pitch;
        const std::int64_t line_end = (line + 1) * p.pitch < end ? (line + 1) * p.pitch : end;
        const std::int64_t most = p.width - column, count = line_end - place < most ? line_end - place : most;
        T* const result = p.result + line * p.line + column * p.pixel;
        if (count > 0) turn_rows<T, R>(rows + place - first, width, count, result, p.pixel);
        place = line_end;
    }
}

template <typename T, int R, int C>
void planes_tiles(const PlanesArgs<T>& p, std::int64_t vectors, std::int64_t first) {
    if constexpr (C > least_vectors) {
        if (vectors < C) return planes_tiles<T, R, C - 1>(p, vectors, first);
    }
    planes_tile<T, R, C>(p, first);
}

template <typename T, int R>
void planes_rows(const PlanesArgs<T>& p) {
    if constexpr (R > 1) {
        if (p.m < R) return planes_rows<T, R - 1>(p);
    }
    constexpr int most = plane_vectors(R);
    std::int64_t left = vectors_of<T>(p.places), place = 0;
    for (std::int64_t tiles = (left + most - 1) / most; tiles > 0; --tiles) {  // as wide as each other, or by one less
        const std::int64_t vectors = (left + tiles - 1) / tiles;
        planes_tiles<T, R, most>(p, vectors, place);
        place += vectors * Vec<T>::lanes;
        left -= vectors;
    }
}

// Channel by channel where panels are so narrow that no product of images comes this way: tiles of eight would make
// each table larger by a tenth.
template <typename T>
void planes_product(const PlanesArgs<T>& p) {
    if constexpr (wide<T>) return planes_rows<T, most_plane_channels>(p);
    PlanesArgs<T> one = p;
    one.m = 1;
    for (std::int64_t r = 0; r < p.m; ++r, one.weight += p.weight_row, ++one.result) {
        one.bias = p.bias ? p.bias + r : nullptr;
        planes_rows<T, 1>(one);
    }
}

template <typename T, int R>
void turn_some(std::int64_t n, std::int64_t count, const T* planes, std::int64_t plane, T* x) {
    if constexpr (R > 1) {
        if (n < R) return turn_some<T, R - 1>(n, count, planes, plane, x);
    }
    turn_rows<T, R>(planes, plane, count, x, n);
}

template <typename T>
void turn_to_pixels(std::int64_t count, std::int64_t n, const T* planes, std::int64_t plane, T* x) {
    if constexpr (wide<T>) {
        if (n <= most_plane_channels) return turn_some<T, most_plane_channels>(n, count, planes, plane, x);
    }
    for (std::int64_t c = 0; c < n; ++c) {
        for (std::int64_t i = 0; i < count; ++i) x[i * n + c] = planes[c * plane + i];
    }
}

// to[j * to_row + i] = from[i * from_row + j], i, j < 4, by way of registers.
template <typename T>
void turn_block(const T* from, std::int64_t from_row, T* to, std::int64_t to_row) {
    T block[4][4];
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) block[j][i] = from[i * from_row + j];
    }
    for (int j = 0; j < 4; ++j) __builtin_memcpy(to + j * to_row, block[j], sizeof(block[j]));
}

// Rows i and i + d of a square, d = 1, 2, 4, ..., with the elements of the second that are d to the left and those of
// the first that are d to the right exchanged, for each pair of rows: all of them turn the square.
template <typename T>
struct Exchange {
    static constexpr int lanes = static_cast<int>(Vec<T>::lanes);
    std::int32_t upper[lanes][lanes] = {}, lower[lanes][lanes] = {};  // [d]

    constexpr Exchange() {
        for (int d = 1; d < lanes; d *= 2) {
            for (int i = 0; i < lanes; ++i) {
                upper[d][i] = (i & d) != 0 ? lanes + i - d : i;
                lower[d][i] = (i & d) != 0 ? lanes + i : i + d;
            }
        }
    }
};
template <typename T>
constexpr Exchange<T> exchange{};

template <int d, typename V, int side, typename E>
void exchange_rows(V (&row)[side], const E& lanes) {
    FASTNN_UNROLL
    for (int i = 0; i < side; ++i) {
        if ((i & d) != 0) continue;
        const V first = row[i], second = row[i + d];
        row[i] = V::pick(lanes.upper[d], first, second);
        row[i + d] = V::pick(lanes.lower[d], first, second);
    }
    if constexpr (2 * d < side) exchange_rows<2 * d>(row, lanes);
}

// Squares of vectors, the last ones in part.
template <typename T>
void turn_squares(std::int64_t count, std::int64_t n, const T* x, std::int64_t pixel, T* planes, std::int64_t plane) {
    using V = Vec<T>;
    constexpr int side = static_cast<int>(V::lanes);
    const std::int64_t pixels = count < side ? count : side, channels = n < side ? n : side;
    V row[side];
    FASTNN_UNROLL
    for (int i = 0; i < side; ++i) row[i] = load_n(x + (i < pixels ? i : pixels - 1) * pixel, channels);
    exchange_rows<1>(row, exchange<T>);
    FASTNN_UNROLL
    for (int c = 0; c < side; ++c) {
        if (c < channels) store_n(planes + c * plane, pixels, row[c]);
    }
}

template <typename T>
void turn_to_planes(std::int64_t count, std::int64_t n, const T* x, std::int64_t pixel, T* planes, std::int64_t plane) {
    if (n == 1 && pixel == 1) {
        for_each_vector<T>(count,
                           [=](std::int64_t i, std::int64_t some) { store_n(planes + i, some, load_n(x + i, some)); });
        return;
    }
    if constexpr (wide<T>) {
        if (n > most_plane_channels && count > 1) {
            for (std::int64_t c = 0; c < n; c += Vec<T>::lanes) {
                for (std::int64_t i = 0; i < count; i += Vec<T>::lanes)
                    turn_squares(count - i, n - c, x + i * pixel + c, pixel, planes + c * plane + i, plane);
            }
            return;
        }
    }
    std::int64_t c = 0;
    for (; c + 4 <= n; c += 4) {
        std::int64_t i = 0;
        for (; i + 4 <= count; i += 4) turn_block(x + c + i * pixel, pixel, planes + c * plane + i, plane);
        for (; i < count; ++i) {
            for (int j = 0; j < 4; ++j) planes[(c + j) * plane + i] = x[i * pixel + c + j];
        }
    }
    for (; c < n; ++c) {
        for (std::int64_t i = 0; i < count; ++i) planes[c * plane + i] = x[i * pixel + c];
    }
}
