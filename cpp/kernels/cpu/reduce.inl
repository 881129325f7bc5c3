// Column sums (bias gradients, sums over a leading axis): one ascending chain of adds for each column, from zero.

template <typename T>
void column_sums(std::int64_t m, std::int64_t n, const T* x, std::int64_t x_row, T* total) {
    using V = Vec<T>;
    constexpr int chains = 4;  // side by side, as an add takes 3 to 4 cycles and two can begin in each
    std::int64_t i = 0;
    for (; i + chains * V::lanes <= n; i += chains * V::lanes) {
        V sum[chains] = {V::zero(), V::zero(), V::zero(), V::zero()};
        for (std::int64_t r = 0; r < m; ++r) {
            FASTNN_UNROLL
            for (int j = 0; j < chains; ++j) sum[j] = sum[j] + V::load(x + r * x_row + i + j * V::lanes);
        }
        FASTNN_UNROLL
        for (int j = 0; j < chains; ++j) sum[j].store(total + i + j * V::lanes);
    }
    for_each_vector<T>(n - i, [=](std::int64_t j, std::int64_t count) {
        V sum = V::zero();
        for (std::int64_t r = 0; r < m; ++r) sum = sum + load_n(x + r * x_row + i + j, count);
        store_n(total + i + j, count, sum);
    });
}
