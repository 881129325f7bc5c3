// Sums of each channel of images, in float64, and normalisation: contracts in kernel_table.h.

constexpr int channel_chains = 4;  // side by side, as an add takes 3 to 4 cycles and two can begin in each

template <std::int64_t count>
struct Chains {
    static constexpr std::int64_t value = count;
};

// add(place, channel, count, sums): adds to each sum what belongs to the numbers at a place of the images, for `count`
// channels from one on.
template <int K, typename F>
void sum_channels(std::int64_t samples, std::int64_t m, std::int64_t n, double* const (&total)[K], F add) {
    using V = Vec<double>;
    std::int64_t i = 0;
    for (; i + channel_chains * V::lanes <= n; i += channel_chains * V::lanes) {
        for (std::int64_t sample = 0; sample < samples; ++sample) {
            V sum[channel_chains][K] = {};
            for (std::int64_t r = sample * m; r < (sample + 1) * m; ++r) {
                FASTNN_UNROLL
                for (int j = 0; j < channel_chains; ++j)
                    add(r * n + i + j * V::lanes, i + j * V::lanes, V::lanes, sum[j]);
            }
            FASTNN_UNROLL
            for (int j = 0; j < channel_chains; ++j) {
                for (int k = 0; k < K; ++k) sum[j][k].store(total[k] + sample * n + i + j * V::lanes);
            }
        }
    }
    for_each_vector<double>(n - i, [&](std::int64_t j, std::int64_t count) {
        std::int64_t sample = 0;
        const auto some = [&](auto chains) {
            constexpr std::int64_t side = decltype(chains)::value;
            for (; sample + side <= samples; sample += side) {
                V sum[side][K] = {};
                for (std::int64_t r = sample * m; r < (sample + 1) * m; ++r) {
                    FASTNN_UNROLL
                    for (std::int64_t s = 0; s < side; ++s) add((r + s * m) * n + i + j, i + j, count, sum[s]);
                }
                FASTNN_UNROLL
                for (std::int64_t s = 0; s < side; ++s) {
                    for (int k = 0; k < K; ++k) store_n(total[k] + (sample + s) * n + i + j, count, sum[s][k]);
                }
            }
        };
        some(Chains<channel_chains>());
        some(Chains<channel_chains / 2>());  // a block of large images has few samples
        some(Chains<1>());
    });
}

template <typename T>
void channel_sums(std::int64_t samples, std::int64_t m, std::int64_t n, const T* x, double* total) {
    using V = Vec<double>;
    sum_channels<1>(samples, m, n, {total}, [=](std::int64_t place, std::int64_t, std::int64_t count, V(&sum)[1]) {
        sum[0] = sum[0] + V::load_wide(x + place, count);
    });
}

template <typename T>
void channel_squares(std::int64_t samples, std::int64_t m, std::int64_t n, const T* x, const double* mean,
                     double* total) {
    using V = Vec<double>;
    sum_channels<1>(samples, m, n, {total},
                    [=](std::int64_t place, std::int64_t channel, std::int64_t count, V(&sum)[1]) {
                        const V d = V::load_wide(x + place, count) - load_n(mean + channel, count);
                        sum[0] = sum[0] + d * d;
                    });
}

template <typename T>
void channel_products(std::int64_t samples, std::int64_t m, std::int64_t n, const T* y, const T* x, const double* mean,
                      double* total, double* product) {
    using V = Vec<double>;
    sum_channels<2>(samples, m, n, {total, product},
                    [=](std::int64_t place, std::int64_t channel, std::int64_t count, V(&sum)[2]) {
                        const V g = V::load_wide(y + place, count);
                        sum[0] = sum[0] + g;
                        sum[1] = sum[1] + g * (V::load_wide(x + place, count) - load_n(mean + channel, count));
                    });
}

template <typename T>
void normalise(std::int64_t m, std::int64_t n, const T* x, const T* mean, const T* scale, const T* bias, T* y) {
    for (std::int64_t r = 0; r < m; ++r, x += n, y += n) {
        for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
            const Vec<T> d = load_n(x + i, count) - load_n(mean + i, count);
            store_n(y + i, count, fma(d, load_n(scale + i, count), load_n(bias + i, count)));
        });
    }
}

template <typename T>
void normalise_backward(std::int64_t m, std::int64_t n, const T* grad_y, const T* x, const T* mean, const T* a,
                        const T* b, const T* scale, T* grad_x) {
    for (std::int64_t r = 0; r < m; ++r, grad_y += n, x += n, grad_x += n) {
        for_each_vector<T>(n, [=](std::int64_t i, std::int64_t count) {
            const Vec<T> d = load_n(x + i, count) - load_n(mean + i, count);
            const Vec<T> rest = fnma(d, load_n(b + i, count), load_n(grad_y + i, count) - load_n(a + i, count));
            store_n(grad_x + i, count, rest * load_n(scale + i, count));
        });
    }
}
