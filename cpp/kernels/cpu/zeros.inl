// What lets a product leave out zeros: which columns have anything else, and whether all numbers are finite.

template <typename T>
std::int64_t live_columns(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_row, std::int32_t* columns) {
    using V = Vec<T>;
    const V magnitude = V::from_bits(static_cast<typename V::Bits>(~typename V::Bits{0} >> 1));  // all but the sign
    std::int64_t found = 0;
    for_each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
        V any = V::zero();
        for (std::int64_t r = 0; r < m; ++r) any = any | load_n(x + r * x_row + i, count);
        T values[V::lanes];
        (any & magnitude).store(values);
        for (std::int64_t j = 0; j < count; ++j) {
            columns[found] = static_cast<std::int32_t>(i + j);
            found += values[j] != T(0);
        }
    });
    for (std::int64_t i = 0; i < index_ahead; ++i) columns[found + i] = found > 0 ? columns[found - 1] : 0;
    return found;
}

// Zero times anything finite is zero, times infinity or NaN it is NaN: then some bit other than the sign's is set. Four
// vectors at once, as many as two loads a cycle bring while a product is made.
template <typename T>
bool finite(std::int64_t n, const T* x) {
    using V = Vec<T>;
    constexpr std::int64_t chains = 4, block = chains * V::lanes;
    V any[chains];
    FASTNN_UNROLL
    for (V& each : any) each = V::zero();
    const std::int64_t whole = n / block * block;
    for (std::int64_t i = 0; i < whole; i += block) {
        FASTNN_UNROLL
        for (std::int64_t j = 0; j < chains; ++j) any[j] = any[j] | V::load(x + i + j * V::lanes) * V::zero();
    }
    for_each_vector<T>(n - whole, [&](std::int64_t i, std::int64_t count) {
        any[0] = any[0] | load_n(x + whole + i, count) * V::zero();
    });
    const V magnitude = V::from_bits(static_cast<typename V::Bits>(~typename V::Bits{0} >> 1));
    T values[V::lanes];
    (((any[0] | any[1]) | (any[2] | any[3])) & magnitude).store(values);
    bool all = true;
    for (const T value : values) all &= value == T(0);
    return all;
}
