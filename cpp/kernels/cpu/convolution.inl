// Patches of images, for products with them, and convolutions of each channel by itself: contracts in kernel_table.h.

template <typename T>
void gather_patches(std::int64_t m, const T* source, const std::int64_t* rows, const GemmRun* runs,
                    std::int64_t run_count, std::int64_t length, T* patches, std::int64_t patch_row) {
    using V = Vec<T>;
    for (std::int64_t i = 0; i < m; ++i) {
        T* patch = patches + i * patch_row;
        for (std::int64_t j = 0; j < run_count; ++j, patch += length) {
            const T* const run = source + rows[i] + runs[j].a;
            std::int64_t at = 0;
            for (; at + V::lanes <= length; at += V::lanes) V::load(run + at).store(patch + at);
            if (at < length) V::load_partial(run + at, length - at).store(patch + at);
        }
    }
}

constexpr int depthwise_chains = 8;  // side by side: an fma takes 4 to 5 cycles, two can begin in each

// P pixels from one on, a vector of channels.
template <typename T, int P>
void depthwise_tile(const DepthwiseArgs<T>& d, std::int64_t pixel, std::int64_t channel, std::int64_t count) {
    using V = Vec<T>;
    V sum[P];
    FASTNN_UNROLL
    for (int i = 0; i < P; ++i) sum[i] = V::zero();
    const T *const x = d.x + pixel * d.x_step + channel, *const weight = d.weight + channel;
    for (std::int64_t t = 0; t < d.count; ++t) {
        const V w = load_n(weight + d.weights[t], count);
        FASTNN_UNROLL
        for (int i = 0; i < P; ++i) sum[i] = fma(load_n(x + i * d.x_step + d.taps[t], count), w, sum[i]);
    }
    const V base = d.bias ? load_n(d.bias + channel, count) + V::zero() : V::zero();  // as in gemm.inl
    FASTNN_UNROLL
    for (int i = 0; i < P; ++i) {
        const V y = sum[i] + base;
        store_n(d.y + (pixel + i) * d.y_step + channel, count, d.relu ? max(V::zero(), y) : y);
    }
}

template <typename T>
void depthwise(const DepthwiseArgs<T>& d) {
    for_each_vector<T>(d.n, [&](std::int64_t channel, std::int64_t count) {
        std::int64_t pixel = 0;
        for (; pixel + depthwise_chains <= d.m; pixel += depthwise_chains)
            depthwise_tile<T, depthwise_chains>(d, pixel, channel, count);
        for (; pixel < d.m; ++pixel) depthwise_tile<T, 1>(d, pixel, channel, count);
    });
}

template <typename T>
void depthwise_gradient(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, std::int64_t x_step, T* total) {
    using V = Vec<T>;
    std::int64_t i = 0;
    for (; i + depthwise_chains * V::lanes <= n; i += depthwise_chains * V::lanes) {
        V sum[depthwise_chains];
        FASTNN_UNROLL
        for (int j = 0; j < depthwise_chains; ++j) sum[j] = V::load(total + i + j * V::lanes);
        for (std::int64_t p = 0; p < m; ++p) {
            FASTNN_UNROLL
            for (int j = 0; j < depthwise_chains; ++j) {
                const std::int64_t at = i + j * V::lanes;
                sum[j] = fma(V::load(x + p * x_step + at), V::load(grad_y + p * n + at), sum[j]);
            }
        }
        FASTNN_UNROLL
        for (int j = 0; j < depthwise_chains; ++j) sum[j].store(total + i + j * V::lanes);
    }
    for_each_vector<T>(n - i, [=](std::int64_t j, std::int64_t count) {
        V sum = load_n(total + i + j, count);
        for (std::int64_t p = 0; p < m; ++p)
            sum = fma(load_n(x + p * x_step + i + j, count), load_n(grad_y + p * n + i + j, count), sum);
        store_n(total + i + j, count, sum);
    });
}
