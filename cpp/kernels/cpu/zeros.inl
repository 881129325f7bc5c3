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

// Zero times anything finite is zero, times infinity or NaN it is NaN.
template <typename T>
bool finite(std::int64_t n, const T* x) {
    const auto at = [=](std::int64_t i, std::int64_t count) {
        return combine(lanes_at(x + i, count, T(0)), Lanes<T>::broadcast(T(0)),
                       [](Vec<T> a, Vec<T> b) { return a * b; });
    };
    return reduce_lanes(n, T(0), at, Plus<T>()) == T(0);
}
