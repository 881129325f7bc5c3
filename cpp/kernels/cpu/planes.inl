// Products of images whose result has few channels, with pixels as columns: contracts in kernel_table.h.

// Channels of the result times vectors of places: as many chains as registers hold beside the places of a step (eight
// channels: 24 + 3 + 1 of 32), and a load of places for six or more multiply-adds. Half as many for what is left.
constexpr int plane_vectors(std::int64_t channels) { return channels > 6 ? 3 : 4; }
constexpr int half_vectors = 2;

template <typename T>
std::int64_t places_computed(std::int64_t channels, std::int64_t places) {
    const std::int64_t whole = plane_vectors(channels) * Vec<T>::lanes, half = half_vectors * Vec<T>::lanes;
    const std::int64_t rest = places % whole;
    return places - rest + (rest == 0 ? 0 : rest <= half ? half : whole);
}

// By a loop of known length over the channels, in turn to each pixel.
template <typename T, int R>
void turn_to_pixels(const T* rows, std::int64_t row, std::int64_t count, T* result, std::int64_t pixel) {
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
    GemmTile<T, R, C, Reading::partial> tile(g, 0);
    tile.start();
    tile.multiply();
    T rows[R * width];
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
        if (count > 0) turn_to_pixels<T, R>(rows + place - first, width, count, result, p.pixel);
        place = line_end;
    }
}

template <typename T, int R>
void planes_rows(const PlanesArgs<T>& p) {
    if constexpr (R > 1) {
        if (p.m < R) return planes_rows<T, R - 1>(p);
    }
    constexpr int C = plane_vectors(R);
    std::int64_t place = 0;
    for (; place + half_vectors * Vec<T>::lanes < p.places; place += C * Vec<T>::lanes) planes_tile<T, R, C>(p, place);
    if (place < p.places) planes_tile<T, R, half_vectors>(p, place);
}

// Channel by channel where panels are so narrow that no product of images comes this way: tiles of eight would make
// each table larger by a tenth.
template <typename T>
void planes_product(const PlanesArgs<T>& p) {
    if constexpr (Vec<T>::lanes * Tile<T>::vectors >= least_planes_panel) return planes_rows<T, most_plane_channels>(p);
    PlanesArgs<T> one = p;
    one.m = 1;
    for (std::int64_t r = 0; r < p.m; ++r, one.weight += p.weight_row, ++one.result) {
        one.bias = p.bias ? p.bias + r : nullptr;
        planes_rows<T, 1>(one);
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

template <typename T>
void turn_to_planes(std::int64_t count, std::int64_t n, const T* x, std::int64_t pixel, T* planes, std::int64_t plane) {
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
